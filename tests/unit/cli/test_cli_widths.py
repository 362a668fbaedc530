"""Tables fit the terminals that people have: no line is longer than the screen unless it is there
to be copied."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from ratchet.cli.views import evaluation_view, model_view, run_list, run_view, status_view
from ratchet.deployment import standing as standings
from ratchet.deployment.registry import versions as registry
from ratchet.deployment.runs import executions
from ratchet.loop import evaluations
from tests.unit.cli.fake_deployment import START, FakeRun, World
from tests.unit.cli.fake_serving import GROUP, ServingWorld, package
from tests.unit.cli.golden_files import drawn
from tests.unit.cli.test_cli_evaluations import evaluation_record

NOW = START + timedelta(days=300)
WIDTHS = [60, 80, 120]


def longest(text: str) -> int:
    return max(map(len, text.splitlines()))


@pytest.mark.parametrize("width", WIDTHS)
def test_the_versions_of_a_regression_fit(serving: ServingWorld, width: int) -> None:
    mark = {"ratchet-deployment": "failed 2013-04-02T12:30:00Z: the alarm 5xx went off"}
    judged = {
        "metric": "median_absolute_error",
        "better": "lower",
        "candidate-score": "12345.67",
        "champion-status": "scored",
        "champion-version": "101",
        "regression": "-1043.2",
    }
    serving.sagemaker.packages = [
        package(102, "PendingManualApproval", metadata=judged),
        package(101, "Approved", metadata={**judged, **mark}),
    ]
    versions = registry.versions(serving.world.target, GROUP)
    text = drawn([model_view.table(versions, serving=101, now=NOW, width=width)], width=width)
    assert longest(text) <= width
    assert "12,346" in text, "the score is not cut"


@pytest.mark.parametrize("width", WIDTHS)
def test_the_evaluations_of_a_version_fit(width: int) -> None:
    records = [
        evaluations.parse(
            json.dumps(
                evaluation_record(month, 43.2, metric="rmse", better="lower", registered=41.25)
            ).encode()
        )
        for month in (5, 6)
    ]
    view = evaluation_view.series(records, now=NOW, width=width)
    assert view is not None
    text = drawn([view], width=width)
    assert longest(text) <= width
    assert text.count("43.200") == 2
    assert text.count("41.250") == 2


@pytest.mark.parametrize("width", WIDTHS)
def test_the_list_of_runs_fits(
    world: World, passed: FakeRun, halted: FakeRun, unchanged: FakeRun, width: int
) -> None:
    states = [executions.read(world.target, run) for run in executions.listed(world.target)]
    text = drawn([run_list.table(states, now=NOW, width=width)], width=width)
    assert longest(text) <= width
    for run in (passed, halted, unchanged):
        assert run.id in text, "an id is there to be copied"


def test_of_several_pipelines_only_what_differs_is_named(
    world: World, passed: FakeRun, halted: FakeRun
) -> None:
    state = executions.read(world.target, executions.find(world.target, passed.id))
    run = replace(state.run, pipeline=f"{state.run.pipeline}-edits")
    states = [state, replace(state, run=run)]
    text = drawn([run_list.table(states, now=NOW, width=120)], width=120)
    assert "training-edits" in text
    assert "flights-dev" not in text


@pytest.mark.parametrize("width", WIDTHS)
def test_a_steps_detail_is_read_as_words(world: World, halted: FakeRun, width: int) -> None:
    (halted_run,) = executions.listed(world.target)
    state = executions.read(world.target, halted_run)
    text = drawn([run_view.step_table(state, now=NOW, width=width)], width=width)
    assert longest(text) <= width
    assert "candidate 0.69 against" in text


@pytest.mark.parametrize("width", WIDTHS)
def test_the_table_of_the_status_fits(serving: ServingWorld, width: int) -> None:
    standing = standings.look(serving.world.target)
    (table, *_) = status_view.document(standing, now=NOW, width=width)
    assert longest(drawn([table], width=width)) <= width
