"""What trials have made that is still there, and may cost: found by its name and its tags."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from ratchet.candidates.deployments import (
    CANDIDATE_TAG,
    ENVIRONMENT_TAG,
    EXPIRES_TAG,
    name_prefix,
)
from ratchet.candidates.serving import delete_endpoint, stop_transform
from ratchet.costs.rows import HOSTING, TRANSFORM
from ratchet.deployment.target.environment import Target

ENDPOINT, ENDPOINT_CONFIG, TRANSFORM_JOB, BATCH_JOB, MODEL = (
    "endpoint",
    "endpoint config",
    "transform job",
    "batch job",
    "model",
)
COMPONENTS = {ENDPOINT: HOSTING, TRANSFORM_JOB: TRANSFORM}
"""What costs by the hour → as what (of ratchet/costs/rows.py). A batch job costs by its tokens; the
rest costs nothing by itself."""
_RUNNING = frozenset({"Submitted", "Validating", "Scheduled", "InProgress"})
"""States of a batch job of Bedrock that has not ended."""


@dataclass(frozen=True, kw_only=True)
class Leftover:
    """One thing that a trial has made."""

    kind: str
    name: str
    arn: str
    created: datetime
    candidate: str
    """The foundation model; "": the tags do not say."""
    expires: datetime | None
    """From then on it counts as forgotten; None: the tags do not say."""
    instance: str = ""
    """What it runs on, where it costs by the hour."""

    def expired(self, now: datetime) -> bool:
        """What has no time of its own counts as forgotten: a trial gives one to all it makes."""
        return self.expires is None or self.expires <= now


def left(target: Target) -> list[Leftover]:
    """Everything, in the order in which it can be deleted.

    Raises:
        ClientError: AWS refuses to list it.
    """
    return [
        *_endpoints(target),
        *_endpoint_configs(target),
        *_transform_jobs(target),
        *_batch_jobs(target),
        *_models(target),
    ]


def delete(target: Target, leftover: Leftover) -> None:
    """Deletes one of them, or stops it: a job ends, and stays in the history.

    Raises:
        ClientError, DeploymentError: it cannot be deleted.
    """
    sagemaker, name = target.client("sagemaker"), leftover.name
    actions: Mapping[str, Callable[[], Any]] = {
        ENDPOINT: lambda: delete_endpoint(sagemaker, name),
        ENDPOINT_CONFIG: lambda: sagemaker.delete_endpoint_config(EndpointConfigName=name),
        TRANSFORM_JOB: lambda: stop_transform(sagemaker, name),
        BATCH_JOB: lambda: target.client("bedrock").stop_model_invocation_job(
            jobIdentifier=leftover.arn
        ),
        MODEL: lambda: sagemaker.delete_model(ModelName=name),
    }
    actions[leftover.kind]()


def _endpoints(target: Target) -> Iterator[Leftover]:
    for each in _pages(target, "list_endpoints", "Endpoints"):
        name = each["EndpointName"]
        yield from _of(target, ENDPOINT, name, each["EndpointArn"], each["CreationTime"], _instance)


def _endpoint_configs(target: Target) -> Iterator[Leftover]:
    for each in _pages(target, "list_endpoint_configs", "EndpointConfigs"):
        name, arn = each["EndpointConfigName"], each["EndpointConfigArn"]
        yield from _of(target, ENDPOINT_CONFIG, name, arn, each["CreationTime"])


def _transform_jobs(target: Target) -> Iterator[Leftover]:
    jobs = _pages(target, "list_transform_jobs", "TransformJobSummaries", StatusEquals="InProgress")
    for each in jobs:
        name, arn = each["TransformJobName"], each["TransformJobArn"]
        yield from _of(target, TRANSFORM_JOB, name, arn, each["CreationTime"], _job_instance)


def _models(target: Target) -> Iterator[Leftover]:
    for each in _pages(target, "list_models", "Models"):
        yield from _of(target, MODEL, each["ModelName"], each["ModelArn"], each["CreationTime"])


def _batch_jobs(target: Target) -> Iterator[Leftover]:
    bedrock = target.client("bedrock")
    begins = name_prefix(target.settings)
    pages = bedrock.get_paginator("list_model_invocation_jobs").paginate(nameContains=begins)
    for page in pages:
        for each in page.get("invocationJobSummaries", []):
            if each["status"] not in _RUNNING or not each["jobName"].startswith(begins):
                continue
            answer = bedrock.list_tags_for_resource(resourceARN=each["jobArn"])
            tags = {tag["key"]: tag["value"] for tag in answer.get("tags", [])}
            yield from _tagged(
                target, tags, BATCH_JOB, each["jobName"], each["jobArn"], each["submitTime"]
            )


def _pages(target: Target, operation: str, key: str, **more: Any) -> Iterator[Mapping[str, Any]]:
    pages = (
        target.client("sagemaker")
        .get_paginator(operation)
        .paginate(NameContains=name_prefix(target.settings), **more)
    )
    for page in pages:
        yield from page[key]


def _of(
    target: Target,
    kind: str,
    name: str,
    arn: str,
    created: datetime,
    instance: Callable[[Target, str], str] | None = None,
) -> Iterator[Leftover]:
    if not name.startswith(name_prefix(target.settings)):
        return
    try:
        answer = target.client("sagemaker").list_tags(ResourceArn=arn)
    except ClientError as error:
        if _gone(error):
            return  # somebody else has just deleted it
        raise
    tags = {tag["Key"]: tag["Value"] for tag in answer["Tags"]}
    runs_on = instance(target, name) if instance else ""
    yield from _tagged(target, tags, kind, name, arn, created, instance=runs_on)


def _tagged(
    target: Target,
    tags: Mapping[str, str],
    kind: str,
    name: str,
    arn: str,
    created: datetime,
    *,
    instance: str = "",
) -> Iterator[Leftover]:
    """What has the tag of another environment, or none, is somebody else's."""
    if tags.get(ENVIRONMENT_TAG) != target.settings.prefix:
        return
    yield Leftover(
        kind=kind,
        name=name,
        arn=arn,
        created=created,
        candidate=tags.get(CANDIDATE_TAG, ""),
        expires=_time(tags.get(EXPIRES_TAG, "")),
        instance=instance,
    )


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _instance(target: Target, name: str) -> str:
    """What an endpoint runs on; "" while its configuration is not there."""
    sagemaker = target.client("sagemaker")
    try:
        config = sagemaker.describe_endpoint_config(EndpointConfigName=name)
    except ClientError as error:
        if _gone(error):
            return ""
        raise
    return str(config["ProductionVariants"][0].get("InstanceType", ""))


def _job_instance(target: Target, name: str) -> str:
    job = target.client("sagemaker").describe_transform_job(TransformJobName=name)
    return str(job["TransformResources"]["InstanceType"])


def _gone(error: ClientError) -> bool:
    details = error.response["Error"]
    return details["Code"] == "ResourceNotFound" or "Could not find" in details.get("Message", "")
