"""The jobs behind steps, recorded as the steps of an execution change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ratchet.definition.step_types import row_of
from ratchet.local_cloud.sagemaker import events
from ratchet.local_cloud.sagemaker.listing import Listing, page_of
from ratchet.local_cloud.sagemaker.store import AccountScope, Body
from ratchet.local_cloud.sagemaker.table import (
    PROCESSING_JOB,
    TRAINING_JOB,
    TUNING_JOB,
    Kind,
    kind_made_by,
)

if TYPE_CHECKING:
    from ratchet.local_cloud.sagemaker.api import Answer, Api, Handler, Request
    from ratchet.runner import StepRecord

_CHILDREN = Listing(
    answer="TrainingJobSummaries", name="TrainingJobName", status="TrainingJobStatus", page=10
)

_JOB_STATUS = {
    "Starting": "InProgress",
    "Executing": "InProgress",
    "Succeeded": "Completed",
    "Failed": "Failed",
    "Stopping": "Stopping",
    "Stopped": "Stopped",
}


def kind_of_job(step_type: str) -> Kind | None:
    """The kind of job that is behind steps of a type; None when there is none."""
    return kind_made_by(step_type) if row_of(step_type).job else None


def record(api: Api, scope: AccountScope, execution: Body, step: StepRecord) -> None:
    """Store the job behind a step as it is now; a step taken from the cache has none of its own.

    SageMaker adds the two ``sagemaker:`` tags to the jobs of pipelines; costs are found by them.
    """
    kind = kind_of_job(step.type)
    if kind is None or step.job_name is None or step.cache_hit_source is not None:
        return
    if step.status == "Starting":  # the cache has not been asked yet, so there may be no job
        return
    body = _described(api, scope, kind, step)
    before = api.store.get(scope, kind.name, step.job_name) or {}
    _tell(api, scope, kind, before, body)
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
        for child in body.get("TrainingJobSummaries", []) if kind is TUNING_JOB else []:
            _record_child(api, scope, child, tags)


def _record_child(api: Api, scope: AccountScope, child: Body, tags: list[dict[str, str]]) -> None:
    """A training job of a tuning job: a training job like any other."""
    name = child.get("TrainingJobName")
    if name is None:  # it has a name as soon as it has begun
        return
    before = api.store.get(scope, TRAINING_JOB.name, name) or {}
    if before.get("LastModifiedTime") == child["LastModifiedTime"] and before.get(
        "TrainingJobStatus"
    ) == child.get("TrainingJobStatus"):
        return
    metric = child.get("FinalHyperParameterTuningJobObjectiveMetric") or {}
    body = {**child, "FinalObjectiveMetricValue": metric.get("Value", 0.0)}
    _tell(api, scope, TRAINING_JOB, before, body)
    api.store.put(scope, TRAINING_JOB.name, name, body)
    api.set_tags(scope, child["TrainingJobArn"], tags)


def _tell(api: Api, scope: AccountScope, kind: Kind, before: Body, body: Body) -> None:
    """Tell EventBridge when a job's status is another one."""
    status = f"{kind.name}Status"
    if before.get(status) == body[status]:
        return
    if kind is PROCESSING_JOB:
        events.processing_job_changed(api, scope, body)
    else:
        noun = "HyperParameter Tuning" if kind is TUNING_JOB else kind.name.removesuffix("Job")
        events.job_changed(api, scope, noun, body, arn=body[kind.arn_member])


def _children_of(api: Api, scope: AccountScope, tuning_job: Body) -> list[Body]:
    arn = tuning_job["HyperParameterTuningJobArn"]
    jobs = api.store.all(scope, TRAINING_JOB.name)
    return [job for job in jobs if job.get("TuningJobArn") == arn]


def _list_children(api: Api, scope: AccountScope, request: Request) -> Answer:
    tuning_job = api.get(scope, TUNING_JOB, request["HyperParameterTuningJobName"])
    query = dict(request)
    if query.get("SortBy") == "FinalObjectiveMetricValue":  # only those that have one
        children = [
            job
            for job in _children_of(api, scope, tuning_job)
            if "FinalHyperParameterTuningJobObjectiveMetric" in job
        ]
    else:
        children = _children_of(api, scope, tuning_job)
    return page_of(_CHILDREN, children, query)


OPERATIONS: dict[str, Handler] = {
    "ListTrainingJobsForHyperParameterTuningJob": _list_children,
}


def arn_of(scope: AccountScope, step: StepRecord) -> str | None:
    """The ARN of the job behind a step: its own, or on a cache hit the one that ran."""
    kind = kind_of_job(step.type)
    if kind is None:
        return None
    arn = step.properties.get(kind.arn_member)
    if arn:
        return str(arn)
    return scope.arn(f"{kind.arn_path}/{step.job_name}") if step.job_name else None


def fail(api: Api, scope: AccountScope, kind: Kind, job: Body, reason: str) -> None:
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
    if kind is TUNING_JOB:
        for child in _children_of(api, scope, job):
            if child["TrainingJobStatus"] == "InProgress":
                fail(api, scope, TRAINING_JOB, child, reason)
    api.store.update(scope, kind.name, job[kind.name_member], changes)


def _described(api: Api, scope: AccountScope, kind: Kind, step: StepRecord) -> Body:
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
    if kind is TUNING_JOB:
        config = arguments.get("HyperParameterTuningJobConfig", {})
        body["Strategy"], body["ResourceLimits"] = (
            config.get("Strategy"),
            config.get("ResourceLimits"),
        )
        counters = ("Completed", "InProgress", "RetryableError", "NonRetryableError", "Stopped")
        body["TrainingJobStatusCounters"] = dict.fromkeys(counters, 0)
        objectives = ("Succeeded", "Pending", "Failed")
        body["ObjectiveStatusCounters"] = dict.fromkeys(objectives, 0)
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
