"""Each folder of code says what belongs there."""

from __future__ import annotations

import pytest

from ratchet.authoring.bundle import bundle_script
from ratchet_cdk.functions.function_code import function_code
from tests.unit.docs.pages import PROJECT, ROOMS, Page

_FUNCTIONS = sorted(handler.parent.name for handler in (PROJECT / "lambdas").glob("*/handler.py"))
_SCRIPTS = ("prepare", "train")


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_has_a_readme_of_five_lines_under_its_name(room: str) -> None:
    heading, _, *lines = Page(PROJECT / room / "README.md").text.splitlines()
    assert heading == f"# {room}/"
    assert len([line for line in lines if line]) <= 6


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_says_what_it_may_import(room: str) -> None:
    assert room == "tests" or "import" in Page(PROJECT / room / "README.md").text


@pytest.mark.parametrize("name", _FUNCTIONS)
def test_no_function_carries_a_readme(name: str) -> None:
    files = function_code(PROJECT / "lambdas", name).files
    assert not [file for file in files if file.endswith(".md")]


@pytest.mark.parametrize("name", _SCRIPTS)
def test_no_bundle_of_a_step_carries_a_readme(name: str) -> None:
    files = bundle_script(PROJECT / "steps" / "flights" / f"{name}.py", root=PROJECT).files
    assert not [file for file in files if file.endswith(".md")]
