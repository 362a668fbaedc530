"""Processing and training jobs, recorded as the steps of an execution change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ratchet.local_cloud.sagemaker import events
from ratchet.local_cloud.sagemaker.store import Body, Scope
from ratchet.local_cloud.sagemaker.table import PROCESSING_JOB, TRAINING_JOB, Kind

if TYPE_CHECKING:
    from ratchet.local_cloud.sagemaker.api import Api
    from ratchet.runner import StepRecord

KIND_OF_STEP: Mapping[str, Kind] = {"Processing": PROCESSING_JOB, "Training": TRAINING_JOB}

_JOB_STATUS = {
    "Starting": "InProgress",
    "Executing": "InProgress",
    "Succeeded": "Completed",
    "Failed": "Failed",
    "Stopping": "Stopping",
    "Stopped": "Stopped",
}


def record(api: Api, scope: Scope, execution: Body, step: StepRecord) -> None:
    """Store the job behind a step as it is now; a step taken from the cache has none of its own.

    SageMaker adds the two ``sagemaker:`` tags to the jobs of pipelines; costs are found by them.
    """
    kind = KIND_OF_STEP.get(step.type)
    if kind is None or step.job_name is None or step.cache_hit_source is not None:
        return
    if step.status == "Starting":  # the cache has not been asked yet, so there may be no job
        return
    body = _described(api, scope, kind, step)
    before = api.store.get(scope, kind.name, step.job_name) or {}
    if kind is PROCESSING_JOB and before.get("ProcessingJobStatus") != body["ProcessingJobStatus"]:
        events.processing_job_changed(api, scope, body)
    with api.store.transaction():
        api.store.put(scope, kind.name, step.job_name, body)
        tags = [tag for tag in step.arguments.get("Tags", []) if isinstance(tag.get("Value"), str)]
        tags += [
            {
                "Key": "sagemaker:pipeline-execution-arn",
                "Value": execution["PipelineExecutionArn"],
            },
            {"Key": "sagemaker:pipeline-step-name", "Value": step.name},
        ]
        api.set_tags(scope, body[kind.arn_member], tags)


def arn_of(scope: Scope, step: StepRecord) -> str | None:
    """The ARN of the job behind a step: its own, or on a cache hit the one that ran."""
    kind = KIND_OF_STEP.get(step.type)
    if kind is None:
        return None
    known = step.properties.get(kind.arn_member)
    if known:
        return str(known)
    return scope.arn(f"{kind.arn_path}/{step.job_name}") if step.job_name else None


def fail(api: Api, scope: Scope, kind: Kind, job: Body, reason: str) -> None:
    """End a job that nobody runs any more."""
    end = api.now()
    noun = kind.name.removesuffix("Job")
    changes: Body = {
        f"{kind.name}Status": "Failed",
        "FailureReason": reason,
        f"{noun}EndTime": end,
        "LastModifiedTime": end,
    }
    if kind is TRAINING_JOB:
        changes["SecondaryStatus"] = "Failed"
    api.store.update(scope, kind.name, job[kind.name_member], changes)


def _described(api: Api, scope: Scope, kind: Kind, step: StepRecord) -> Body:
    """What Describe answers: what the runner knows of the job, over what can be told before it."""
    start = step.start_time.timestamp()
    noun = kind.name.removesuffix("Job")
    arguments = {key: value for key, value in step.arguments.items() if key != "Tags"}
    body: dict[str, Any] = {
        **arguments,
        "CreationTime": start,
        f"{noun}StartTime": start,
        "LastModifiedTime": api.now(),
        f"{kind.name}Status": _JOB_STATUS[step.status],
    }
    if kind is TRAINING_JOB:
        body["SecondaryStatus"] = {
            "InProgress": "Training",
            "Completed": "Completed",
        }.get(_JOB_STATUS[step.status], _JOB_STATUS[step.status])
        output = arguments.get("OutputDataConfig", {}).get("S3OutputPath", "").rstrip("/")
        artifact = f"{output}/{step.job_name}/output/model.tar.gz"
        body["ModelArtifacts"] = {"S3ModelArtifacts": artifact}
    if step.end_time is not None:
        body[f"{noun}EndTime"] = step.end_time.timestamp()
    if step.failure_reason is not None:
        body["FailureReason"] = step.failure_reason[:1024]
    return {
        **body,
        **step.properties,
        kind.name_member: step.job_name,
        kind.arn_member: arn_of(scope, step),
    }
