"""An edit run by hand: landed data runs what is deployed, before, during and after it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ratchet.cli.main import app
from ratchet.deployment.pipelines import edits, in_place, launch, publishing
from ratchet.deployment.runs import executions as runs
from ratchet.deployment.target import environment as targets
from ratchet.deployment.target.environment import Target
from ratchet.project import Project
from tests.loop.deployed_loop import Loop
from tests.projects import copy_of_project

pytestmark = [pytest.mark.cloud, pytest.mark.synth]

EDIT = "\n# an edit that somebody tries out\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with an edit of what train.py packs with the model: it makes another model."""
    folder = copy_of_project(tmp_path_factory.mktemp("project"))
    script = folder / "steps" / "flights" / "inference.py"
    script.write_text(script.read_text() + EDIT)
    return folder


@pytest.fixture
def edited(loop: Loop, project: Path) -> Target:
    """The cloud, as commands that are typed in the edited checkout reach it."""
    return replace(loop.target, project=Project(project))


def definition_of(loop: Loop, run: runs.Run) -> Any:
    answer = loop.client("sagemaker").describe_pipeline_definition_for_execution(
        PipelineExecutionArn=run.arn
    )
    return json.loads(answer["PipelineDefinition"])


def deployed_definition(loop: Loop) -> Any:
    return json.loads(publishing.deployed_pipeline(loop.target, loop.deployed.pipeline).definition)


def of_edits(loop: Loop) -> list[runs.Run]:
    return runs.listed(loop.target, pipeline=f"{loop.deployed.pipeline}-edits")


def shown(loop: Loop, monkeypatch: pytest.MonkeyPatch, *words: str) -> Result:
    monkeypatch.setattr(targets, "open_target", lambda **_: loop.target)
    monkeypatch.setenv("COLUMNS", "140")
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, done.output
    return done


def typed(loop: Loop, monkeypatch: pytest.MonkeyPatch, *words: str) -> str:
    return shown(loop, monkeypatch, *words).output


def test_a_source_that_is_what_is_deployed_starts_the_deployed_pipeline(
    loop: Loop, drops: Path
) -> None:
    loop.land(drops / "2013-01")
    loop.finished(loop.next_run(0))
    launched = launch.launch(loop.target, kind="training", values={})
    assert launched.edit is None
    state = loop.finished(launched.run)
    assert state.run.pipeline == loop.deployed.pipeline
    cached = {s.name for s in state.steps if s.cached_from}
    assert {"prepare", "train"} <= cached
    assert "evaluate" not in cached, "there is a version now, which the candidate may be"
    assert state.no_new_model
    again = loop.finished(launch.launch(loop.target, kind="training", values={}).run)
    assert {"prepare", "train", "evaluate"} <= {s.name for s in again.steps if s.cached_from}
    assert again.no_new_model
    assert loop.registered() == [1]


def test_data_that_lands_while_an_edit_runs_runs_what_is_deployed_once(
    loop: Loop, drops: Path, edited: Target
) -> None:
    before, known = deployed_definition(loop), len(loop.runs())
    launched = launch.launch(edited, kind="training", values={})
    assert launched.edit is not None
    assert launched.edit.first
    assert "train" in launched.uploaded
    loop.land(drops / "2013-02")
    landed = loop.finished(loop.next_run(known))
    tried = loop.finished(launched.run)
    assert landed.run.status == "Succeeded", landed.run.failure
    assert tried.run.status == "Succeeded", (tried.run.failure, tried.steps)
    assert definition_of(loop, landed.run) == before == deployed_definition(loop)
    assert definition_of(loop, tried.run) != before
    assert len(loop.runs()) == known + 1
    assert [run.id for run in of_edits(loop)] == [launched.run.id]
    prepare = tried.step("prepare")
    assert prepare is not None
    assert not prepare.cached_from, "SageMaker's cache is of one pipeline"


def test_the_next_edit_reuses_what_the_first_one_made(loop: Loop, edited: Target) -> None:
    launched = launch.launch(edited, kind="training", values={"MaxRegression": "1"})
    state = loop.finished(launched.run)
    assert launched.edit is not None
    assert not launched.edit.first
    assert state.run.status == "Succeeded", state.run.failure
    again = launch.launch(edited, kind="training", values={"MaxRegression": "0.9"})
    cached = {s.name for s in loop.finished(again.run).steps if s.cached_from}
    assert {"prepare", "train"} <= cached


def test_data_that_lands_after_it_runs_what_is_deployed_too(loop: Loop, drops: Path) -> None:
    known, of_edit = len(loop.runs()), len(of_edits(loop))
    loop.land(drops / "2013-03")
    state = loop.finished(loop.next_run(known))
    assert definition_of(loop, state.run) == deployed_definition(loop)
    assert (len(loop.runs()), len(of_edits(loop))) == (known + 1, of_edit)
    assert in_place.changed(loop.target) == []


def test_what_an_edit_cost_is_recorded_and_told_apart(loop: Loop) -> None:
    (*_, first) = of_edits(loop)
    rows = loop.recorded(first)
    assert {row.pipeline for row in rows} == {f"{loop.deployed.pipeline}-edits"}
    assert sum(row.cost or 0 for row in rows) > 0


def test_its_version_and_its_runs_are_marked(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = json.loads(shown(loop, monkeypatch, "runs", "training", "--json").stdout)
    assert {run["edit"] for run in listed} == {True, False}
    assert "from an edit" in typed(loop, monkeypatch, "models")
    status = typed(loop, monkeypatch, "status")
    assert f"{loop.deployed.pipeline}-edits" in status
    assert "does not run what was deployed" not in status


def test_a_definition_that_was_not_deployed_is_found_said_and_put_right(
    loop: Loop, monkeypatch: pytest.MonkeyPatch, edited: Target
) -> None:
    """As an earlier `ratchet run` left it: the edit in the deployed pipeline's place."""
    from ratchet.cli.commands.deploy import put_right

    before = deployed_definition(loop)
    sagemaker, name = loop.client("sagemaker"), loop.deployed.pipeline
    edit = json.dumps(definition_of(loop, of_edits(loop)[0]))
    sagemaker.update_pipeline(PipelineName=name, PipelineDefinition=edit)
    assert [changed.name for changed in in_place.changed(loop.target)] == [name]
    assert f"{name} does not run what was deployed" in typed(loop, monkeypatch, "status")
    compared = typed(loop, monkeypatch, "diff", "training")
    assert f"{name}: the same" in compared, "the source with what was deployed"
    put_right(edited)
    assert deployed_definition(loop) == before
    assert in_place.changed(loop.target) == []
    shutil.rmtree(edited.root / "steps")  # without a source that compiles, too
    sagemaker.update_pipeline(PipelineName=name, PipelineDefinition=edit)
    put_right(edited)
    assert deployed_definition(loop) == before


def test_the_pipeline_of_edits_is_removed_when_nothing_needs_it(
    loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "stays: last used" in typed(loop, monkeypatch, "clean")
    tried = of_edits(loop)[0]
    assert f"Removed {tried.pipeline}." in typed(loop, monkeypatch, "clean", "--all", "--yes")
    assert edits.listed(loop.target) == []
    assert loop.recorded(tried), "what it cost stays"
    assert "from an edit" in typed(loop, monkeypatch, "models"), "its versions say so on"
    assert "raw/" in typed(loop, monkeypatch, "lineage", "1")
