"""What a step's type is stands in one table: no other code lists types or compares with one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from ratchet.definition.step_types import STEP_TYPES

ROOT = Path(__file__).resolve().parents[3]
ROOM = ROOT / "ratchet" / "definition"
SOURCES = ("constructs", "demo", "lambdas", "pipeline_defs", "ratchet", "stacks", "steps")
REASONS = {
    "ratchet/contract/checks.py": "which results of a trial are held against which rule",
    "ratchet/contract/trial.py": "the step whose model is tried",
    "ratchet/deployment/pipelines/asking/hyperparameters.py": "whose scripts take hyperparameters",
    "ratchet/authoring/checks/beside_arguments.py": "one type's folders are checked",
    "ratchet/authoring/draft.py": "which helpers cache unless they are told not to",
    "ratchet/imported/storage.py": "the property that has an output's URI, by type",
    "ratchet/permissions/steps.py": "code: what a type's arguments add to its role",
    "ratchet/local_cloud/sagemaker/service_side.py": "what another service is asked for",
}
"""Files that may, and why."""


def mentions(tree: ast.Module) -> Iterator[int]:
    """Lines with a list of types, or a comparison with one."""
    for node in ast.walk(tree):
        if len(_listed(node)) > 1:
            yield node.lineno  # type: ignore[attr-defined]
        if isinstance(node, ast.Compare):
            sides = (node.left, *node.comparators)
            if any(_is_type(side) or _listed(side) for side in sides):
                yield node.lineno
        if isinstance(node, ast.MatchValue) and _is_type(node.value):
            yield node.lineno


def _listed(node: ast.AST) -> set[str]:
    items: list[ast.expr | None] = []
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        items = [*node.elts]
    elif isinstance(node, ast.Dict):
        items = [*node.keys]
    return {str(item.value) for item in items if isinstance(item, ast.Constant) and _is_type(item)}


def _is_type(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value in STEP_TYPES


def files() -> Iterator[Path]:
    for folder in SOURCES:
        for file in (ROOT / folder).rglob("*.py"):
            if not file.is_relative_to(ROOM):
                yield file


def test_no_other_code_lists_step_types_or_compares_with_one() -> None:
    places = {
        file.relative_to(ROOT).as_posix(): sorted(set(mentions(ast.parse(file.read_text("utf-8")))))
        for file in files()
    }
    assert {file: lines for file, lines in places.items() if lines and file not in REASONS} == {}
    assert {file for file in REASONS if not places.get(file)} == set(), "they need no reason now"


@pytest.mark.parametrize(
    "line",
    [
        "step.type == 'Condition'",
        "kind in ('Fail',)",
        "LOGS = {'Training': 1, 'Tuning': 2}",
        "KINDS = ['Model', 'Lambda']",
        "match kind:\n    case 'Processing' | 'Transform': pass",
    ],
)
def test_a_list_and_a_comparison_are_noticed(line: str) -> None:
    assert list(mentions(ast.parse(line)))


@pytest.mark.parametrize(
    "line", ["{'Name': 's', 'Type': 'Processing'}", "StepType(name='Fail')", "x.get('Condition')"]
)
def test_writing_a_step_is_not(line: str) -> None:
    assert not list(mentions(ast.parse(line)))
