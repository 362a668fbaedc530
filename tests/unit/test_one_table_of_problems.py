"""What problems, metrics and directions there are stands in ratchet/loop/problems.py alone: whoever
spells one of them elsewhere has a second table, which will part from the first.

Searched are the constants of the code, not docstrings and comments, which may give examples.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from ratchet.cli.commands.init import ProblemKind
from ratchet.loop.problems import DIRECTIONS, PROBLEMS

ROOT = Path(__file__).parents[2]
MACHINERY = ("ratchet", "constructs", "lambdas", "stacks")
TABLE = "ratchet/loop/problems.py"

_REPORTED = {name: metric for p in PROBLEMS.values() for name, metric in p.reported.items()}
WORDS = (
    {*_REPORTED, *(metric.monitor for metric in _REPORTED.values() if metric.monitor)}
    | {word for p in PROBLEMS.values() for word in (p.monitor, p.statistics, p.constraints)}
    | {*PROBLEMS, *DIRECTIONS}
) - {"regression"}
"""As whole constants. "regression" is also by how much a candidate is worse: the key of reports."""
_IN_TEXT = re.compile(r"\b(AUC|RMSE|candidate-(?!score|model)[a-z]\w*|floor of|coin)\b|\bbeat\b")
"""Within constants: one problem's words, where there is a sentence for all of them."""
_THRESHOLD = re.compile(r"threshold|probab", re.IGNORECASE)
"""Names whose number is a threshold: 0.5 stands in the table."""

COMPUTING: Mapping[str, str] = {
    "ratchet/judging/metrics.py": "a function for each metric of the table",
    "ratchet/monitoring/quality_metrics.py": "likewise, of Model Monitor's",
    "ratchet/monitoring/quality_chance.py": "how far each of them goes by chance",
}
"""Files that compute metrics, by name."""
EXEMPT: Mapping[str, tuple[set[str], str]] = {
    "ratchet/cli/commands/init.py": ({"binary", "multiclass"}, "choices, held to the table below"),
    "ratchet/loop/numbers.py": ({"higher", "lower"}, "the words for each direction"),
    "ratchet/settings/model_checks.py": ({"higher", "lower"}, "what a team's BETTER may say"),
    "ratchet/template/problem_files.py": ({"accuracy", "r2"}, "what an estimator's score() is"),
}
"""File → words and why. Exact: a word that is gone from a file goes from here too."""


def spelled(text: str) -> Iterator[tuple[int, str]]:
    """Line and word."""
    tree = ast.parse(text)
    docs = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            if node.value in WORDS:
                yield node.lineno, node.value
            for match in _IN_TEXT.finditer(node.value):
                yield node.lineno, match[0]
        for name, value in _named(node):
            half = isinstance(value, ast.Constant) and value.value == 0.5
            if half and _THRESHOLD.search(name):
                yield value.lineno, f"{name} = 0.5"


def _named(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Values that a name, an argument or a default is given."""
    match node:
        case ast.keyword(arg=str(name), value=value):
            yield name, value
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            yield name, value
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            yield name, value
        case ast.arguments():
            positional = [*node.posonlyargs, *node.args]
            defaults = node.defaults
            for argument, value in zip(
                positional[len(positional) - len(defaults) :], defaults, strict=True
            ):
                yield argument.arg, value
            for argument, default in zip(node.kwonlyargs, node.kw_defaults, strict=True):
                if default is not None:
                    yield argument.arg, default


def places() -> dict[str, dict[str, list[int]]]:
    """File → word → lines."""
    found: dict[str, dict[str, list[int]]] = {}
    for folder in MACHINERY:
        for file in sorted((ROOT / folder).rglob("*.py")):
            name = file.relative_to(ROOT).as_posix()
            if name == TABLE or name in COMPUTING:
                continue
            for line, word in spelled(file.read_text("utf-8")):
                found.setdefault(name, {}).setdefault(word, []).append(line)
    return found


def test_problems_metrics_and_directions_are_spelled_in_their_table_alone() -> None:
    found = places()
    unexpected = [
        f"{file}:{lines[0]}: {word!r}"
        for file, words in found.items()
        for word, lines in words.items()
        if word not in EXEMPT.get(file, (set(), ""))[0]
    ]
    assert unexpected == [], f"read it in {TABLE}"
    gone = {file: words - {*found.get(file, {})} for file, (words, _) in EXEMPT.items()}
    assert {file: words for file, words in gone.items() if words} == {}, "needs no exemption"


def test_the_choices_of_the_command_line_are_those_of_the_table() -> None:
    assert [kind.value for kind in ProblemKind] == list(PROBLEMS)


def test_the_search_sees_the_machinery() -> None:
    assert all((ROOT / name).is_file() for name in COMPUTING)
    files = [file for folder in MACHINERY for file in (ROOT / folder).rglob("*.py")]
    assert len(files) > 400
    assert {"auc", "rmse", "macro_f1", "higher", "binary", "BinaryClassification"} <= WORDS


@pytest.mark.parametrize(
    "code",
    [
        'score = metrics["auc"]',
        'better = "lower" if x else "higher"',
        'p.number("Tolerance", metric="rmse")',
        'if problem == "multiclass": pass',
        'problem_type = "BinaryClassification"',
        'text = f"an AUC of {score}"',
        'key = "candidate-auc"',
        "threshold = 0.5",
        "def f(rows, probability_threshold=0.5): pass",
        "def f(*, threshold: float = 0.5): pass",
        "f(probability_threshold_attribute=0.5)",
    ],
)
def test_a_second_table_is_noticed(code: str) -> None:
    assert list(spelled(code))


@pytest.mark.parametrize(
    "code",
    [
        '"""An auc of 0.5, where higher is better."""',
        "# higher is better",
        "cutoffs = 0.5 if False else 1",
        "seconds = 0.5",
        'key = "candidate-score"',
        'report["regression"]',
        "PROBLEMS[BINARY].metrics",
    ],
)
def test_other_words_are_not(code: str) -> None:
    assert not list(spelled(code))
