"""The pages on step types say what the table of step types says."""

from __future__ import annotations

import re

from ratchet.authoring import Pipeline
from ratchet.definition.row import StepType
from ratchet.definition.step_types import STEP_TYPES
from tests.unit.docs.pages import PROJECT, Page

_GUIDES = PROJECT / "docs" / "guides"
_STEP_TYPES = Page(_GUIDES / "step-types.md")
_AUTHORING = Page(_GUIDES / "authoring.md")


def _row(kind: StepType) -> str:
    laptop = f"with a stand-in: {kind.aws_only}" if kind.aws_only else "yes"
    cached, retried = ("yes" if said else "no" for said in (kind.is_cached, kind.is_retryable))
    return f"| {kind.name} | {cached} | {retried} | {laptop} |"


def _section(page: Page, heading: str) -> str:
    return page.text.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def _table(text: str) -> list[str]:
    """The rows of the first table of a text, without its head."""
    return re.findall(r"^\|.*\|$", text.partition("|---|")[2].partition("\n\n")[0], re.MULTILINE)


def _column(rows: list[str], number: int) -> str:
    return "\n".join(row.split("|")[number] for row in rows)


def _types(text: str) -> set[str]:
    return set(re.findall(r"\b[A-Z]\w+", text))


def test_the_table_of_step_types_is_that_of_the_code() -> None:
    assert _table(_STEP_TYPES.text) == [_row(kind) for kind in STEP_TYPES.values()]


def test_what_runs_on_a_laptop_is_described() -> None:
    described = _column(_table(_section(_STEP_TYPES, "What runs")), 1)
    assert _types(described) == {name for name, kind in STEP_TYPES.items() if not kind.aws_only}


def test_the_guide_on_authoring_names_every_type_and_helpers_that_exist() -> None:
    rows = _table(_section(_AUTHORING, "Every step type"))
    assert set(STEP_TYPES) <= _types(_column(rows, 1))
    helpers = re.findall(r"`(\w+)`", _column(rows, 2))
    assert helpers
    assert not [name for name in helpers if not hasattr(Pipeline, name)]


def test_the_guide_on_authoring_names_every_helper() -> None:
    methods = (item for base in Pipeline.__mro__[:-1] for item in vars(base).items())
    helpers = {name for name, value in methods if callable(value) and not name.startswith("_")}
    missing = {name for name in helpers if not re.search(rf"\b{name}\b", _AUTHORING.text)}
    assert not missing - {"definition", "to_json"}
