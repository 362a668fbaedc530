"""The guide's pipelines are pipelines."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ratchet.authoring import Context, DefinitionError
from ratchet.settings.schema import StepSettings
from tests.runner.notebook_jobs import notebook

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "authoring.md"


@pytest.fixture
def examples() -> dict[str, Callable[[Context], Any]]:
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL):
        exec(block, names)
    return names


@pytest.mark.parametrize("example", ["scoring", "watched", "searched", "asked", "logged", "batch"])
def test_an_example_of_the_guide_is_sound(
    examples: dict[str, Callable[[Context], Any]], ctx: Context, example: str
) -> None:
    assert examples[example](ctx).definition()


def test_the_notebook_of_the_guide_is_given_what_its_cell_sets(
    examples: dict[str, Callable[[Context], Any]],
    ctx: Context,
    step_of: Callable[[Any, str], dict[str, Any]],
) -> None:
    file = ctx.source / "notebooks" / "look.ipynb"
    file.parent.mkdir()
    defaults = ('data = "../data"\nmonth = "2013-01"\nrows = "10"', ["parameters"])
    file.write_text(json.dumps(notebook(defaults, "rows = int(rows)")))

    given = step_of(examples["looked"](ctx), "look")["Arguments"]["HyperParameters"]

    assert set(given) == {"data", "month", "rows"}
    assert given["rows"] == "1000"


def test_the_guide_shows_problems_as_they_are_reported(
    examples: dict[str, Callable[[Context], Any]], ctx: Context
) -> None:
    steps = {"train": StepSettings(instance_type="ml.m5.lagre")}
    p = examples["scoring"](replace(ctx, settings=replace(ctx.settings, steps=steps)))
    p._steps = p._steps[:2]  # without the gate, the tolerance is not used

    with pytest.raises(DefinitionError) as refused:
        p.definition()

    assert str(refused.value) in GUIDE.read_text()
