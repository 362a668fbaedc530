"""Approved means deployed: promotion, a broken candidate, rollback, in an
account for which Model Monitor is closed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, get_args

import pandas as pd
import pytest
from botocore.config import Config
from typer.testing import CliRunner

import ratchet
from demo.traffic import Client, flights_of, requests_of
from ratchet.api import LoopConnection
from ratchet.cli.main import app
from ratchet.costs_report.report import By
from ratchet.deployment import standing
from ratchet.deployment.costs import recorded
from ratchet.deployment.pipelines import launch
from ratchet.deployment.registry import evaluations
from ratchet.deployment.registry import versions as registry
from ratchet.deployment.runs import executions as runs
from ratchet.deployment.runs import landing
from ratchet.deployment.serving.request_rows import Batch
from ratchet.deployment.target import facts
from ratchet.loop import packages
from ratchet.views.plain import as_json
from tests.loop.broken_models import register_broken_model
from tests.loop.deployed_loop import Loop, until
from tests.projects import ROOT
from tests.unit.api.same_values import COST, INTERVAL, SCORE, differences

pytestmark = [pytest.mark.cloud, pytest.mark.synth]

GUIDE = ROOT / "docs" / "guides" / "python-api.md"


@pytest.fixture(scope="module")
def request_body(loop: Loop) -> Batch:
    (batch,) = requests_of(flights_of(7, rows=1, label=loop.settings.model.label), size=1)
    return batch


def runtime(loop: Loop) -> Any:
    """A client that does not try again: what fails is to be seen."""
    config = Config(retries={"total_max_attempts": 1, "mode": "standard"}, proxies={})
    return loop.target.session.client(
        "sagemaker-runtime", endpoint_url=loop.target.endpoint, config=config
    )


def wake(loop: Loop) -> None:
    """One tick of the reconciler's schedule."""
    queue = facts.read_serving(loop.target).reconcile_queue_url
    loop.client("sqs").send_message(QueueUrl=queue, MessageBody='{"reason": "schedule"}')


def test_the_first_approved_version_serves_where_model_monitor_is_closed(
    loop: Loop, drops: Path, request_body: Batch
) -> None:
    loop.tell_cloud("settings", {"monitoring_closed": True, "health_check_seconds": 10})
    for month in ("2013-01", "2013-02"):
        loop.land(drops / month)
    state = loop.finished(loop.next_run(0))
    assert state.run.status == "Succeeded", state.run.failure
    loop.decide(1, packages.APPROVED)
    seen = loop.settled(1)
    assert seen.stack is not None
    assert seen.stack.parameters["MonitorEngine"] == "pipeline"
    endpoint = facts.read_serving(loop.target).endpoint
    with Client(runtime(loop), endpoint, request_body) as client:
        until(lambda: client.tally.answers or None, "the endpoint does not answer")
    assert not client.tally.failures


def test_without_sagemaker_events_one_tick_of_the_schedule_converges(loop: Loop) -> None:
    state = loop.finished(loop.start(parameters={"MaxRegression": "1"}, seed=7))
    assert state.run.status == "Succeeded", state.run.failure
    loop.tell_cloud("events", {"drop": True})
    loop.decide(2, packages.APPROVED)
    time.sleep(3)
    assert standing.look(loop.target).deployed == 1
    wake(loop)
    loop.settled(2)
    loop.tell_cloud("events", {"drop": False})


def test_a_model_that_does_not_load_is_rolled_back_and_the_old_one_never_stops_answering(
    loop: Loop, request_body: Batch
) -> None:
    number = register_broken_model(loop)
    endpoint = facts.read_serving(loop.target).endpoint

    def failed() -> registry.ModelVersion | None:
        seen = standing.look(loop.target)
        return next((v for v in seen.versions if v.version == number and v.failed), None)

    with Client(runtime(loop), endpoint, request_body) as client:
        loop.decide(number, packages.APPROVED)
        version = until(failed, f"version {number} has not failed", every=1.0)
        loop.settled(2)
    assert version.failure
    assert not client.tally.failures
    assert client.tally.calls > 10


def test_rejecting_the_serving_version_brings_the_previous_approved_one_back(loop: Loop) -> None:
    loop.decide(2, packages.REJECTED)
    seen = loop.settled(1)
    first = next(v for v in seen.versions if v.version == 1)
    assert seen.stack is not None
    assert seen.stack.parameters["BaselineUri"] == first.baseline_folder


def test_labelled_data_has_the_champion_evaluated_and_below_the_floor_a_retrain_follows(
    loop: Loop, drops: Path
) -> None:
    trained = len(loop.runs())
    deployed = facts.read_evaluation(loop.target)
    parcels = landing.parcels([drops / "2013-03"], prefix=deployed.data_prefix)
    landing.land(loop.client("s3"), bucket=loop.deployed.data_bucket, parcels=parcels)

    def started() -> runs.Run | None:
        return next(iter(runs.listed(loop.target, pipeline=deployed.pipeline)), None)

    run = until(started, "labelled data has started no evaluation")
    state = loop.finished(run)
    assert state.run.status == "Succeeded", state.run.failure
    (found,) = evaluations.read(loop.target, loop.deployed, version=1)
    assert (found.execution, found.data) == (run.id, "2013-03")
    assert found.score is not None
    assert found.registered is not None

    again = launch.launch(loop.target, kind="evaluation", values={"Floor": "1"})
    state = loop.finished(again.run)
    assert state.run.status == "Succeeded", state.run.failure
    assert {step.name for step in loop.steps(again.run) if step.cached_from} == {
        "prepare",
        "evaluate",
    }
    recorded = evaluations.read(loop.target, loop.deployed, version=1)
    (worse,) = (one for one in recorded if one.execution == again.run.id)
    assert worse.outcome == "CompletedWithViolations"

    def alarmed() -> standing.Alarm | None:
        alarm = standing.look(loop.target).alarms["model_quality"]
        return alarm if alarm.state == "ALARM" else None

    until(alarmed, "the model-quality alarm was not raised", every=1.0)
    assert loop.next_run(trained), "what the alarm is told for"


def printed(loop: Loop, *words: str) -> Any:
    """What a command prints with `--json`."""
    result = CliRunner().invoke(app, [*words, "--json"], env={"RATCHET_LOCAL": str(loop.folder)})
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def dev(loop: Loop, source: Path, monkeypatch: pytest.MonkeyPatch) -> LoopConnection:
    """The loop, opened from a notebook's folder in a project."""
    folder = source / "notebooks" / "deep"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("RATCHET_LOCAL", str(loop.folder))
    return ratchet.connect("dev")


def all_priced(loop: Loop) -> bool:
    """Whether what every run cost is recorded, and will not change any more."""
    listed = runs.listed(loop.target)
    costs = recorded.of_runs(loop.target, listed)
    return all(run.id in costs and not costs[run.id].so_far for run in listed)


def test_what_python_reads_is_what_the_commands_print(loop: Loop, dev: LoopConnection) -> None:
    for run in runs.listed(loop.target):
        loop.finished(run)
    until(lambda: all_priced(loop) or None, "a run has no price", every=1.0)
    assert not differences(dev.runs(), printed(loop, "runs"), COST)
    for run_id in dev.runs()["id"]:
        result, shown = dev.run(run_id), printed(loop, "show", run_id)
        assert as_json(result.detail) == shown
        assert not differences(result.steps, shown["steps"], COST)
        assert not differences(result.metrics, shown["metrics"])
        assert "<svg" in result._repr_html_()
    models = printed(loop, "models")
    assert not differences(dev.models(), models, SCORE)
    for version in (model["version"] for model in models):
        shown = printed(loop, "models", str(version))
        assert as_json(dev.model(version)) == shown
        assert not differences(dev.evaluations(version), shown["evaluations"], INTERVAL)
    assert len(dev.evaluations(1)) == 2
    assert as_json(dev.lineage(1)) == printed(loop, "lineage", "1")
    for by in get_args(By):
        assert not differences(dev.costs(by), printed(loop, "costs", "--by", by)["lines"])


def test_drift_in_python_is_what_the_command_prints(loop: Loop, dev: LoopConnection) -> None:
    assert dev.drift() is None
    analyzed = printed(loop, "monitor", "run", "--engine", "pipeline")
    drift, shown = dev.drift(), printed(loop, "monitor", "show")
    assert drift is not None
    assert as_json(drift.detail) == shown == analyzed
    assert not differences(drift.distances, shown["distances"])
    assert len(drift.distances) == len(shown["distances"])
    assert "analysis" in drift._repr_html_()


def test_the_guides_example_reads_the_outputs_of_a_run(
    loop: Loop, dev: LoopConnection, source: Path, tmp_path: Path
) -> None:
    training = next(run for run in loop.runs() if run.status == "Succeeded")
    (example,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(example.replace('"latest"', repr(training.id)), names)
    rows, run = names["rows"], names["run"]
    assert rows.columns[0] == loop.settings.model.label
    assert len(rows) == run.gate.rows
    assert names["model"].name == "model.tar.gz"
    train = run.output("prepare", "train")
    assert len(train.select_dtypes("number").columns) > 5
    folder = source / ".ratchet" / "outputs"
    assert len([path for path in folder.iterdir() if path.is_dir()]) == 3
    pulled = printed(loop, "pull", run.id, "prepare", "--to", str(tmp_path / "rows"))
    assert {output["output"] for output in pulled["outputs"]} == {"train", "eval"}
    assert pd.read_csv(tmp_path / "rows" / "eval" / "eval.csv").equals(rows)


def here(loop: Loop, step: str, *words: str) -> Any:
    """`ratchet run training --step … --here`."""
    typed = ["run", "training", "--step", step, "--here", *words]
    return CliRunner().invoke(app, typed, env={"RATCHET_LOCAL": str(loop.folder)})


@pytest.mark.parametrize("step", ["prepare", "train", "evaluate"])
def test_a_step_runs_here_on_the_inputs_of_the_last_run(
    loop: Loop, dev: LoopConnection, source: Path, step: str
) -> None:
    known = len(loop.runs())
    result = here(loop, step)
    assert result.exit_code == 0, result.output
    folder = source / ".ratchet" / "here" / step / "opt" / "ml"
    assert len(loop.runs()) == known
    if step == "train":
        assert f"model  {folder / 'model'}" in result.stdout
        assert str(source / "steps" / "flights" / "train.py") in result.stderr
        assert any((folder / "model").iterdir())
    elif step == "prepare":
        run = dev.run(re.findall(r"\((\w+)\) ·", result.stderr)[0])
        made = pd.read_csv(folder / "processing" / "output" / "eval" / "eval.csv")
        assert made.equals(run.output("prepare", "eval"))
    else:
        run = dev.run(re.findall(r"\((\w+)\) ·", result.stderr)[0])
        report = json.loads((folder / "processing/output/report/evaluation.json").read_text())
        assert run.gate is not None
        assert report["candidate"]["score"] == run.gate.candidate


def test_a_debugger_stops_in_the_projects_own_script(
    loop: Loop, dev: LoopConnection, source: Path
) -> None:
    script = source / "steps" / "flights" / "train.py"
    (line, *_) = (
        number
        for number, text in enumerate(script.read_text().splitlines(), 1)
        if "parser.parse_args" in text
    )
    words = ["-m", "ratchet", "run", "training", "--step", "train", "--here"]
    stop = [
        f"break {script}:{line}",
        "continue",
        "p __file__",
        "import sys",
        "p sys.argv[1:3]",
        "q",
    ]
    commands = [word for command in stop for word in ("-c", command)]
    done = subprocess.run(
        [sys.executable, "-m", "pdb", *commands, *words],
        cwd=source,
        env={**os.environ, "RATCHET_LOCAL": str(loop.folder)},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )
    assert f"Breakpoint 1 at {script}:{line}" in done.stdout, done.stdout + done.stderr
    assert f"'{script}'\n['--eta', '0.1']" in done.stdout, "it stands in the script"
