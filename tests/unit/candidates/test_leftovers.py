"""What trials have left is found by its name and its tags, and deleted on the word of a person."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ratchet.candidates import deployments, leftovers
from ratchet.candidates.deployments import CandidateDeployment
from ratchet.cli.main import app
from ratchet.deployment.target import environment as targets
from ratchet.deployment.target.environment import Target
from tests.unit.candidates.conftest import Aws
from tests.unit.candidates.served_world import CREATED, Served
from tests.unit.candidates.shaped_clients import denied, shaped_client

NOW = datetime.now(UTC)
JOBS = "arn:aws:bedrock:us-east-1:123456789012:model-invocation-job"


@pytest.fixture
def served(target: Target) -> Served:
    """An endpoint that has expired, a model that has not, and things of others."""
    served = Served()
    target._clients["sagemaker"] = served.client()
    old, new = (made(target, name, age) for name, age in (("old", 120), ("new", 5)))
    client = target.client("sagemaker")
    _create(client, old)
    client.create_model(**_model(new))
    stranger = {"ModelName": "flights-dev-try-stranger", "PrimaryContainer": {}, "Tags": []}
    client.create_model(**stranger)
    client.create_model(**{**stranger, "ModelName": "flights-dev-train-1"})
    return served


def made(target: Target, trial: str, minutes: int) -> CandidateDeployment:
    then = NOW - timedelta(minutes=minutes)
    return deployments.deployment(
        target.settings, trial_id=trial, candidate="some-model", account="1" * 12, now=then
    )


def _model(deployment: CandidateDeployment) -> dict[str, Any]:
    return {"ModelName": deployment.name, "PrimaryContainer": {}, "Tags": deployment.tag_list}


def _create(client: Any, deployment: CandidateDeployment) -> None:
    client.create_model(**_model(deployment))
    config = deployments.endpoint_config_request(deployment, instance_type="ml.m5.large")
    client.create_endpoint_config(**config)
    client.create_endpoint(**deployments.endpoint_request(deployment))
    client.describe_endpoint(EndpointName=deployment.name)
    client.describe_endpoint(EndpointName=deployment.name)  # in service


@pytest.fixture
def jobs(target: Target, aws: Aws) -> list[str]:
    """Batch jobs of Bedrock; names of those that were stopped."""
    stopped: list[str] = []
    deployment = made(target, "batch", 5)
    summaries = [
        {
            "jobArn": f"{JOBS}/{name}",
            "jobName": name,
            "modelId": "amazon.nova-lite-v1:0",
            "roleArn": "arn:aws:iam::123456789012:role/flights-dev-candidate",
            "status": status,
            "submitTime": CREATED,
            "inputDataConfig": {"s3InputDataConfig": {"s3Uri": "s3://b/i"}},
            "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://b/o"}},
        }
        for name, status in ((deployment.name, "InProgress"), ("flights-dev-try-x", "Completed"))
    ]

    def stop(jobIdentifier: str) -> dict[str, Any]:  # noqa: N803
        stopped.append(jobIdentifier.rpartition("/")[2])
        return {}

    tags = [{"key": key, "value": value} for key, value in deployment.tags.items()]
    aws.bedrock |= {
        "ListModelInvocationJobs": {"invocationJobSummaries": summaries},
        "ListTagsForResource": {"tags": tags},
        "StopModelInvocationJob": stop,
    }
    return stopped


@pytest.fixture
def type_(target: Target, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setattr(targets, "open_target", lambda **_: target)
    monkeypatch.setenv("COLUMNS", "100")
    return lambda *words: CliRunner().invoke(app, ["candidates", *words])


def test_only_what_a_trial_of_this_environment_has_made_is_listed(
    target: Target, served: Served, jobs: list[str]
) -> None:
    old, new, batch = (made(target, name, 5).name for name in ("old", "new", "batch"))
    listed = leftovers.left(target)
    assert [(each.kind, each.name) for each in listed] == [
        ("endpoint", old),
        ("endpoint config", old),
        ("batch job", batch),
        ("model", old),
        ("model", new),
    ]
    assert listed[0].instance == "ml.m5.large"
    assert [each.expired(NOW) for each in listed] == [True, True, False, True, False]


def test_a_running_transform_job_is_listed_and_stopped(target: Target, jobs: list[str]) -> None:
    served = Served()
    target._clients["sagemaker"] = served.client()
    deployment = made(target, "t", 5)
    served.client().create_model(**_model(deployment))
    request = deployments.transform_request(
        deployment, instance_type="ml.m5.large", input_uri="s3://b/i", output_uri="s3://b/o/"
    )
    served.client().create_transform_job(**request)
    running = next(each for each in leftovers.left(target) if each.kind == "transform job")
    assert running.instance == "ml.m5.large"
    leftovers.delete(target, running)
    assert served.jobs[deployment.name][0] == "Stopping"


def test_down_lists_and_deletes_after_a_word(
    served: Served, jobs: list[str], type_: Callable[..., Result]
) -> None:
    asked = type_("down")
    assert asked.exit_code == 1
    assert "nothing was deleted" in asked.output
    assert "candidates down --yes" in asked.output
    assert len(served.left) == 6
    done = type_("down", "--yes")
    assert done.exit_code == 0, done.output
    assert re.search(r"expired 1 h \d\d min ago", done.stdout)
    assert "ml.m5.large, $0.12 an hour" in done.stdout
    assert served.left == ["flights-dev-try-stranger", "flights-dev-train-1"]
    assert len(jobs) == 1
    again = type_("down", "--expired", "--yes")
    assert "Nothing of a trial is past its time." in again.output


def test_with_expired_what_has_time_left_stays(
    target: Target, served: Served, jobs: list[str], type_: Callable[..., Result]
) -> None:
    assert type_("down", "--expired", "--yes").exit_code == 0
    assert made(target, "new", 5).name in served.models
    assert served.endpoints == {}
    assert jobs == []


def test_with_json_nothing_is_deleted_without_yes(
    served: Served, jobs: list[str], type_: Callable[..., Result]
) -> None:
    listed = json.loads(type_("down", "--json").stdout)
    assert [each["kind"] for each in listed] == [
        "endpoint",
        "endpoint config",
        "batch job",
        "model",
        "model",
    ]
    assert listed[0]["expired"] is True
    assert listed[0]["cost"] == "$0.12 an hour"
    assert len(served.left) == 6
    deleted = json.loads(type_("down", "--json", "--yes").stdout)
    assert deleted == listed


def test_what_cannot_be_deleted_is_named_with_the_statement_and_the_rest_goes(
    target: Target, served: Served, jobs: list[str], type_: Callable[..., Result]
) -> None:
    def refuse(**request: Any) -> Any:
        raise denied("DeleteEndpoint", "sagemaker:DeleteEndpoint", "arn:aws:sagemaker:x")

    target._clients["sagemaker"] = shaped_client(
        "sagemaker", {**_operations(served), "DeleteEndpoint": refuse}
    )
    done = type_("down", "--yes")
    assert done.exit_code == 1
    assert "stays" in done.output
    assert '"Action": "sagemaker:DeleteEndpoint"' in done.output
    assert list(served.endpoints) == [made(target, "old", 5).name]
    assert served.configs == {}


def _operations(served: Served) -> dict[str, Any]:
    return {name[1:]: getattr(served, name) for name in dir(served) if name[1:2].isupper()}


@pytest.mark.parametrize("width", ["60", "80", "120"])
def test_the_list_fits(
    target: Target,
    served: Served,
    jobs: list[str],
    type_: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
    width: str,
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    shown = type_("down")
    lines = [line for line in shown.stdout.splitlines() if "error" not in line]
    assert max(map(len, lines)) <= int(width)
