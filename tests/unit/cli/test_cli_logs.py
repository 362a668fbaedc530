from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from ratchet.cli.main import app
from ratchet.deployment.errors import UnknownNameError
from ratchet.deployment.runs import executions as runs
from ratchet.deployment.runs.logs import LogSource, lines, sources
from ratchet.deployment.target import environment as targets
from tests.unit.cli.fake_deployment import START, FakeRun, World

ARN = "arn:aws:sagemaker:us-east-1:123456789012"


class FakeLogs:
    """Log groups with (stream, milliseconds, message) events."""

    class exceptions:  # noqa: N801 - boto3's own spelling
        class ResourceNotFoundException(Exception):  # noqa: N818
            pass

    def __init__(self, groups: dict[str, list[tuple[str, int, str]]]) -> None:
        self.groups = groups

    def get_paginator(self, operation: str) -> Any:
        assert operation == "filter_log_events"
        return SimpleNamespace(paginate=lambda **asked: iter([self._events(**asked)]))

    def _events(
        self,
        logGroupName: str,  # noqa: N803
        **_: Any,
    ) -> dict[str, Any]:
        if logGroupName not in self.groups:
            raise self.exceptions.ResourceNotFoundException
        return {
            "events": [
                {
                    "logStreamName": stream,
                    "timestamp": at,
                    "message": message,
                    "eventId": f"{stream}{at}{message}",
                }
                for stream, at, message in self.groups[logGroupName]
            ]
        }


@pytest.fixture
def logs(world: World, monkeypatch: pytest.MonkeyPatch) -> FakeLogs:
    at = int(START.timestamp() * 1000)
    fake = FakeLogs(
        {
            "/aws/sagemaker/TrainingJobs": [
                ("train-1/algo-1-1", at, "train:auc=0.71"),
                ("train-10/algo-1-1", at, "another run's"),
            ],
            "/aws/sagemaker/ProcessingJobs": [("evaluate-1/algo-1-1", at, "scored [27004] rows")],
        }
    )
    world.target._clients["logs"] = fake
    monkeypatch.setattr(targets, "open_target", lambda **_: world.target)
    return fake


def test_the_lines_of_a_step_come_from_its_own_job(logs: FakeLogs, passed: FakeRun) -> None:
    result = CliRunner().invoke(app, ["logs", passed.id, "train"])
    assert result.stdout == "train:auc=0.71\n"


def test_without_a_step_each_line_says_whose_it_is(logs: FakeLogs, passed: FakeRun) -> None:
    result = CliRunner().invoke(app, ["logs"])
    assert result.stdout.splitlines() == [
        "train    │ train:auc=0.71",
        "evaluate │ scored [27004] rows",
    ]


def test_a_step_that_has_no_lines_says_why(world: World, running: FakeRun) -> None:
    state = runs.read(world.target, runs.find(world.target, "latest"))
    with pytest.raises(UnknownNameError, match=r"no step 'trian'; did you mean train\?"):
        sources(state, "trian")
    with pytest.raises(UnknownNameError, match="has not reached step evaluate"):
        sources(state, "evaluate")


def test_a_lambda_steps_lines_are_those_of_its_time(world: World, passed: FakeRun) -> None:
    champion = next(s for s in passed.steps if s["StepName"] == "champion")
    champion["Metadata"]["Lambda"]["Arn"] = "arn:aws:lambda:us-east-1:1:function:resolve:7"
    state = runs.read(world.target, runs.find(world.target, passed.id))
    (source,) = sources(state, "champion")
    at = int(START.timestamp() * 1000)
    assert (source.function, source.start, source.end) == ("resolve", at, at + 1400)


@pytest.mark.parametrize(
    ("configuration", "group"),
    [({"LoggingConfig": {"LogGroup": "its-own"}}, "its-own"), ({}, "/aws/lambda/resolve")],
)
def test_a_function_may_have_a_log_group_of_its_own(
    world: World, logs: FakeLogs, configuration: dict[str, Any], group: str
) -> None:
    logs.groups[group] = [("stream", 1, "found version 1")]
    world.target._clients["lambda"] = SimpleNamespace(
        get_function_configuration=lambda FunctionName: configuration  # noqa: N803
    )
    found = lines(world.target, LogSource(step="champion", cached_from="", function="resolve"))
    assert [line.text for line in found] == ["found version 1"]


@pytest.mark.parametrize(
    ("metadata", "stream"),
    [
        (
            {"TuningJob": {"Arn": f"{ARN}:hyper-parameter-tuning-job/tune-1"}},
            "tune-1-001-0a1b2c3d/algo-1-1",
        ),
        ({"QualityCheck": {"CheckJobArn": f"{ARN}:processing-job/check-1"}}, "check-1/algo-1-1"),
        ({"ClarifyCheck": {"CheckJobArn": f"{ARN}:processing-job/check-1"}}, "check-1/algo-1-1"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_search_and_a_check_have_the_lines_of_their_jobs(
    logs: FakeLogs, passed: FakeRun, metadata: dict[str, Any], stream: str
) -> None:
    train = next(s for s in passed.steps if s["StepName"] == "train")
    train["Metadata"] = metadata
    at = int(START.timestamp() * 1000)
    events = [(stream, at, "it ran"), ("another-1/algo-1-1", at, "another run's")]
    for group in ("TrainingJobs", "ProcessingJobs"):
        logs.groups[f"/aws/sagemaker/{group}"] = []
    group = "TrainingJobs" if "TuningJob" in metadata else "ProcessingJobs"
    logs.groups[f"/aws/sagemaker/{group}"] = events
    result = CliRunner().invoke(app, ["logs", passed.id, "train"])
    assert result.stdout == "it ran\n"


def test_a_step_without_a_job_says_that_it_writes_no_lines(world: World, passed: FakeRun) -> None:
    state = runs.read(world.target, runs.find(world.target, passed.id))
    with pytest.raises(UnknownNameError, match="register runs no code of yours"):
        sources(state, "register")
