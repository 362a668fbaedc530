"""The files of a new model: scripts for its problem and its columns, settings, and a sample of the
team's own rows to try the scripts on."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from pprint import pformat

import pandas as pd

from ratchet.loop import problems
from ratchet.template.data import Column, Plan
from ratchet.template.files import Files, Folder, rendered

_PROBLEMS = Path(__file__).with_name("problems")
_SAMPLE_BYTES = 150_000
_MOST_SAMPLE_ROWS = 2_000
_WIDTH = 98


def script_files(model: str, plan: Plan) -> Files:
    """What a new model has of its own: scripts and settings for its problem, and a sample."""
    values = {**_of_features(plan), **_of_settings(plan), "model": model}
    return {
        **rendered(Folder(_PROBLEMS), "shared", values),
        **rendered(Folder(_PROBLEMS), plan.target.problem, values),
        **_sample(model, plan),
    }


def _of_features(plan: Plan) -> dict[str, str]:
    """Python literals; whatever stands in a name of a column, it stays a name."""

    def names(kind: str) -> str:
        return _literal([column.name for column in plan.features if column.kind == kind])

    target = plan.target
    dates = {column.name: column.layout for column in plan.features if column.kind == "date"}
    return {
        "label": repr(target.label),
        "positive_line": f"POSITIVE = {target.classes[-1]!r}\n" if _is_binary(plan) else "",
        "separator": repr(plan.data.files.separator),
        "numbers": names("number"),
        "categories": names("category"),
        "dates": _literal(dates),
    }


def _literal(value: object) -> str:
    return pformat(value, width=_WIDTH, compact=True, sort_dicts=False)


def _is_binary(plan: Plan) -> bool:
    return plan.target.problem == problems.BINARY


def _of_settings(plan: Plan) -> dict[str, str]:
    target = plan.target
    metric = problems.PROBLEMS[target.problem].default
    words = _is_binary(plan) and set(target.classes) != {"0", "1"}
    lines = [f"positive = {_toml(target.classes[-1])}"] if words else []
    if target.problem == problems.MULTICLASS:
        lines = [f"classes = [{', '.join(map(_toml, sorted(target.classes)))}]"]
    in_unit = target.problem == problems.REGRESSION
    return {
        "problem": target.problem,
        "label_toml": _toml(target.label),
        "model_lines": "".join(f"{line}\n" for line in lines),
        "metric": metric,
        "max_regression": _number(target.deviation / 100) if in_unit else "0.005",
        "alarm_regression": _number(target.deviation / 10) if in_unit else "0.05",
    }


def _toml(text: str) -> str:
    """A basic string: JSON's, without escapes of what is no control character."""
    return json.dumps(text, ensure_ascii=False)


def _number(value: float) -> str:
    return f"{float(f'{value:.1g}'):g}"


def _sample(model: str, plan: Plan) -> Files:
    """Rows of the newest folders, as they are in the team's files."""
    folder = f"tests/{model}/data"
    parts = list(plan.data.sample.items())[-2:]
    if not parts:
        return {}
    kept = [(name, _few(rows, plan, share=len(parts))) for name, rows in parts]
    return {
        f"{folder}/{name or 'sample'}/rows.{plan.data.files.format}": _written(rows, plan)
        for name, rows in kept
    }


def _few(rows: pd.DataFrame, plan: Plan, *, share: int) -> pd.DataFrame:
    """Some rows, spread evenly over all of them, and with them some of each class."""
    size = max(1, len(rows.head(200).to_csv(index=False)) // max(1, min(200, len(rows))))
    count = min(_MOST_SAMPLE_ROWS, _SAMPLE_BYTES // size) // share
    if len(rows) <= count:
        return rows
    label = rows[plan.target.label]
    groups = label.fillna("") if plan.target.classes else pd.Series("", index=rows.index)
    kept: list[int] = []
    for _, group in rows.groupby(groups, sort=True):
        wanted = max(10, round(count * len(group) / len(rows)))
        step = max(1, len(group) // wanted)
        kept += group.index[::step][:wanted].tolist()
    return rows.loc[sorted(kept)]


def _written(rows: pd.DataFrame, plan: Plan) -> bytes:
    if plan.data.files.format == "parquet":
        buffer = io.BytesIO()
        _typed(rows, plan.features, plan.target.label).to_parquet(buffer, index=False)
        return buffer.getvalue()
    text: str = rows.to_csv(index=False, sep=plan.data.files.separator)
    return text.encode()


def _typed(rows: pd.DataFrame, features: Sequence[Column], label: str) -> pd.DataFrame:
    """Parquet has types: numbers are numbers again."""
    return rows.assign(
        **{
            column.name: pd.to_numeric(rows[column.name], errors="coerce")
            for column in features
            if column.kind == "number"
        }
    )


def left_out_lines(left_out: Mapping[str, str]) -> Iterator[str]:
    """A line for each column that a model does not see."""
    for name, why in left_out.items():
        yield f"{name!r} is left out: {why}"
