"""The guide on the Python API names the columns and fields that there are."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

import pytest

from ratchet.api import DriftResult, LoopConnection, RunResult, tables
from ratchet.views.gates import GateView
from ratchet.views.lineage import LineageView
from tests.unit.docs.pages import PROJECT, Page

GUIDE = Page(PROJECT / "docs" / "guides" / "python-api.md")


def row(call: str) -> list[str]:
    """The words in code of the last column of a call's row."""
    (line,) = (line for line in GUIDE.text.splitlines() if line.startswith(f"| `{call}"))
    return re.findall(r"`([^`]+)`", line.rpartition(" | ")[2])


@pytest.mark.parametrize(
    ("call", "columns"),
    [
        ("dev.runs(", tables.RUNS),
        ("run.steps", tables.STEPS),
        ("run.metrics", tables.METRICS),
        ("run.outputs", tables.OUTPUTS),
        ("dev.models(", tables.MODELS),
        ("dev.evaluations(", tables.EVALUATIONS),
    ],
)
def test_a_table_of_the_guide_has_the_columns_of_the_code(
    call: str, columns: tables.Columns
) -> None:
    assert row(call) == [column.name for column in columns]


@pytest.mark.parametrize(("call", "view"), [("run.gate", GateView), ("dev.lineage", LineageView)])
def test_a_single_thing_has_the_fields_of_the_code(call: str, view: Any) -> None:
    assert row(call) == [field.name for field in fields(view)]


def test_costs_of_runs_have_the_columns_of_the_code() -> None:
    columns = [column.name for column in tables.COSTS["run"]]
    assert row("dev.costs")[: len(columns)] == columns


def test_a_run_and_an_analysis_have_what_the_guide_says() -> None:
    assert {name for name in row("dev.run(") if " " not in name} <= set(dir(RunResult))
    of_drift = set(row("dev.drift"))
    columns = {column.name for column in (*tables.DISTANCES, *tables.VIOLATIONS)}
    assert of_drift - columns <= set(dir(DriftResult))
    assert columns <= of_drift


def test_every_call_of_the_guide_exists() -> None:
    calls = set(re.findall(r"`dev\.(\w+)", GUIDE.text))
    assert len(calls) == 8
    assert calls <= set(dir(LoopConnection))
