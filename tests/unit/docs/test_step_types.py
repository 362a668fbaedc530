"""The pages on step types name those that there are, and say rightly which run on a laptop."""

from __future__ import annotations

import re

from pipeline_defs.authoring import schema
from ratchet.runner.step_types import STEP_TYPES
from ratchet.runner.step_types.stand_in import why_not
from tests.unit.docs.pages import PROJECT, Page

_GUIDES = PROJECT / "docs" / "guides"
_STEP_TYPES = Page(_GUIDES / "step-types.md")
_AUTHORING = Page(_GUIDES / "authoring.md")
_TYPE = re.compile(r"\b[A-Z]\w+")


def _section(page: Page, heading: str) -> str:
    return page.text.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def _named(text: str) -> set[str]:
    return set(_TYPE.findall(text))


def _first_column(text: str) -> str:
    return "\n".join(line.split("|")[1] for line in text.splitlines() if line.startswith("| "))


def test_the_table_of_what_runs_names_the_types_of_the_runner() -> None:
    table = _first_column(_STEP_TYPES.text.partition("\n## ")[0])
    assert _named(table) - {"Type"} == set(STEP_TYPES)


def test_the_types_that_cannot_run_are_all_named_and_no_other() -> None:
    listed = _section(_STEP_TYPES, "Steps that cannot run").partition("types newer than")[0]
    known = set(schema.STEP_TYPES) - set(STEP_TYPES)
    assert known <= _named(listed)
    for kind in _named(listed):
        assert why_not({"Name": "step", "Type": kind}, STEP_TYPES), kind


def test_the_guide_on_authoring_names_every_type_and_a_helper_that_exists() -> None:
    from pipeline_defs.authoring import Pipeline

    table = _section(_AUTHORING, "Every step type").partition("\n\nA search")[0]
    assert set(schema.STEP_TYPES) <= _named(_first_column(table))
    helpers = {
        name
        for line in table.splitlines()
        if line.startswith("| ")
        for name in re.findall(r"`(\w+)`", line.split("|")[2])
    } - {"entry"}
    assert helpers
    assert not [name for name in helpers if not hasattr(Pipeline, name)]


def test_the_guide_on_authoring_names_every_helper() -> None:
    from pipeline_defs.authoring import Pipeline

    public = {name for name in _names_of(Pipeline) if not name.startswith("_")}
    missing = {name for name in public if not re.search(rf"\b{name}\b", _AUTHORING.text)}
    assert not missing - {"bundles", "definition", "to_json"}


def _names_of(kind: type) -> set[str]:
    return {name for base in kind.__mro__[:-1] for name in vars(base)}
