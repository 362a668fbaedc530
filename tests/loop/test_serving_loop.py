"""Approved means deployed: promotion, a broken candidate, rollback, in an
account for which Model Monitor is closed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config

from demo.traffic import Client, flights_of, requests_of
from ratchet.deployment import standing
from ratchet.deployment.pipelines import launch
from ratchet.deployment.registry import evaluations
from ratchet.deployment.registry import versions as registry
from ratchet.deployment.runs import executions as runs
from ratchet.deployment.runs import landing
from ratchet.deployment.serving.request_rows import Batch
from ratchet.deployment.target import facts
from ratchet.loop import packages
from tests.loop.broken_models import register_broken_model
from tests.loop.deployed_loop import Loop, until

pytestmark = [pytest.mark.cloud, pytest.mark.synth]


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
