"""The files of a model that its data decides: scripts, settings, and rows to try them on."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from ratchet.loop.problems import BINARY, MULTICLASS, PROBLEMS, REGRESSION, Kind
from ratchet.template.data import LabelColumn, LearningPlan
from ratchet.template.files import Files
from ratchet.template.sample_rows import sample_files

_PROBLEMS = Path(__file__).resolve().parent / "problems"
_FUNCTIONS = ("features", "quoted", "refuse", "texts", "written")
"""What prepare.py uses of features.py."""
_SCRIPTS = ("features", "prepare", "train", "inference")
_WIDTH = 100
_LONGEST_EXCLUSION = 100
"""Of Model Monitor's ExcludeFeaturesAttribute, in characters:
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_EndpointInput.html"""


@dataclass(frozen=True)
class _Words:
    """What differs by a name between the problems."""

    estimator: str
    score: str
    """What the estimator's own `score` is."""
    answer: str
    what: str
    trees: int = 200
    """For each class, where there are several."""


_WORDS: Mapping[Kind, _Words] = {
    BINARY: _Words(
        estimator="HistGradientBoostingClassifier",
        score="accuracy",
        answer="the probability of the positive class of each row",
        what="the probability of one of two classes",
    ),
    MULTICLASS: _Words(
        estimator="HistGradientBoostingClassifier",
        score="accuracy",
        answer="the class of each row and the probability of every class",
        what="one of several classes",
        trees=100,
    ),
    REGRESSION: _Words(
        estimator="HistGradientBoostingRegressor",
        score="r2",
        answer="the value of each row",
        what="a number",
    ),
}


def problem_files(plan: LearningPlan, model: str) -> Files:
    """Scripts, settings and sample rows of a model, in the folders of its name."""
    scripts = {f"steps/{model}/{name}.py": _script(name, plan) for name in _SCRIPTS}
    texts = {**scripts, f"config/{model}/base.toml": _settings(plan)}
    files = {path: text.encode() for path, text in texts.items()}
    return files | sample_files(plan, f"tests/{model}/data")


def python_literal(text: str) -> str:
    """A string literal, in double quotes where that is possible."""
    literal = repr(text)
    return f'"{literal[1:-1]}"' if literal[0] == "'" and '"' not in text else literal


def toml_literal(text: str) -> str:
    """A basic string of TOML."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _script(name: str, plan: LearningPlan) -> str:
    problem = plan.target.problem
    words = _WORDS[problem]
    values = {
        "features": {"label": _label(plan.target), "columns": _columns(plan)},
        "prepare": {
            "names": ", ".join([*_label_names(problem), *_FUNCTIONS]),
            "separator": python_literal(plan.data.files.separator),
            "labels": _part(f"{problem}/labels.py"),
        },
        "train": {"estimator": words.estimator, "score": words.score, "what": words.what},
        "inference": {"answer": words.answer, "answers": _part(f"{problem}/answers.py")},
    }
    return _part(f"shared/{name}.py", **values[name]) + "\n"


def _part(path: str, **values: str) -> str:
    template = (_PROBLEMS / f"{path}.tmpl").read_text(encoding="utf-8")
    return Template(template).substitute(values).rstrip("\n")


def _label_names(problem: Kind) -> list[str]:
    """What prepare.py needs of features.py, in the order of an import."""
    if problem == BINARY:
        return ["COLUMNS", "LABEL", "NEGATIVE", "POSITIVE"]
    return ["CLASSES", "COLUMNS", "LABEL"] if problem == MULTICLASS else ["COLUMNS", "LABEL"]


def _label(target: LabelColumn) -> str:
    lines = [f"LABEL = {python_literal(target.label)}"]
    if target.problem == BINARY:
        negative, positive = map(python_literal, target.classes)
        lines += [
            f"NEGATIVE = {negative}",
            f"POSITIVE = {positive}  # the model answers the probability of this class",
        ]
    if target.problem == MULTICLASS:
        lines.append("# In the order in which the model answers their probabilities.")
        lines += _list("CLASSES", [python_literal(name) for name in target.classes])
    return "\n".join(lines) + "\n"


def _columns(plan: LearningPlan) -> str:
    lines = list(_left_out(plan.left_out))
    of_kind = {
        kind: [column for column in plan.features if column.kind == kind]
        for kind in ("category", "number", "date")
    }
    for name, kind in (("CATEGORIES", "category"), ("NUMBERS", "number")):
        lines += _list(name, [python_literal(column.name) for column in of_kind[kind]])
    lines.append("# Column → how it is written, for pandas.to_datetime.")
    dates = [
        f"{python_literal(column.name)}: {python_literal(column.layout)}"
        for column in of_kind["date"]
    ]
    return "\n".join([*lines, *_list("DATES", dates, "{}", annotation=": dict")])


def _left_out(left_out: Mapping[str, str]) -> Iterator[str]:
    if not left_out:
        return
    yield "# Columns of the data that the model does not see:"
    for name, why in left_out.items():
        yield from textwrap.wrap(
            f"{python_literal(name)}: {why}",
            _WIDTH,
            initial_indent="#   ",
            subsequent_indent="#       ",
            break_on_hyphens=False,
        )


def _list(name: str, items: Sequence[str], braces: str = "[]", annotation: str = "") -> list[str]:
    """An assignment as ruff formats it."""
    head = f"{name}{annotation if not items else ''} = {braces[0]}"
    line = f"{head}{', '.join(items)}{braces[1]}"
    if len(line) <= _WIDTH:
        return [line]
    return [head, *(f"    {item}," for item in items), braces[1]]


def _settings(plan: LearningPlan) -> str:
    target = plan.target
    classes = ""
    if target.problem == MULTICLASS:
        classes = "\n".join(_list("classes", [toml_literal(name) for name in target.classes]))
        classes += "\n"
    elif target.problem == BINARY and target.classes != ("0", "1"):
        classes = f"positive = {toml_literal(target.classes[1])} # what the probability is of\n"
    return (
        _part(
            "shared/base.toml",
            problem=target.problem,
            label=toml_literal(target.label),
            metric=PROBLEMS[target.problem].default,
            classes=classes,
            hints=_part(f"{target.problem}/hints.toml") + "\n",
            tolerances=_part(f"{target.problem}/tolerances.toml", **_tolerances(target)) + "\n",
            monitor=_monitor(plan),
            max_iter=str(_WORDS[target.problem].trees),
            min_samples_leaf=str(max(5, min(20, plan.data.rows // 50))),
        )
        + "\n"
    )


def _tolerances(target: LabelColumn) -> dict[str, str]:
    if target.problem == REGRESSION:
        deviation = target.deviation
        return {
            "deviation": _rounded(deviation),
            "tenth": _rounded(deviation / 10),
            "hundredth": _rounded(deviation / 100),
        }
    if target.problem == MULTICLASS:
        share = max(target.counts) / sum(target.counts)
        largest = 2 * share / (1 + share)  # F1 of the largest class, where it is always the answer
        return {"floor": f"{max(1.0, largest) / len(target.classes):.2f}"}
    return {}


def _rounded(value: float) -> str:
    """Two digits are enough for what is to be adjusted anyway."""
    return repr(float(f"{value:.2g}"))


def _monitor(plan: LearningPlan) -> str:
    """Dates move by nature, and a column that the model does not see is no drift of its traffic."""
    dates = [column.name for column in plan.features if column.kind == "date"]
    names: list[str] = []
    for name in [*dates, *plan.left_out]:
        joined = ",".join([plan.target.label, *names, name])
        plain = "," not in name and name.isprintable()
        if plain and len(joined) <= _LONGEST_EXCLUSION:
            names.append(name)
    if not names:
        return ""
    lines = _list("exclude", [toml_literal(name) for name in names])
    why = "# Dates, which move by nature, and columns that the model does not see."
    return "\n".join(["[monitor]", why, *lines]) + "\n\n"
