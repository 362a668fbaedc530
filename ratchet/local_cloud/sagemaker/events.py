"""What SageMaker tells EventBridge, member by member as the developer guide lists it.

https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
These events are best effort on AWS. Each function belongs into the transaction of what it tells of:
the event is committed with it (``outbox``).
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ratchet.local_cloud.sagemaker.store import AccountScope, Body

if TYPE_CHECKING:
    from ratchet.local_cloud.sagemaker.api import Api

_PACKAGE_MEMBERS = (
    "ModelPackageGroupName",
    "ModelPackageName",
    "ModelPackageVersion",
    "ModelPackageArn",
    "ModelPackageDescription",
    "InferenceSpecification",
    "ModelPackageStatus",
    "ModelPackageStatusDetails",
    "CertifyForMarketplace",
    "ModelApprovalStatus",
    "MetadataProperties",
    "ModelMetrics",
    "CustomerMetadataProperties",
    "ApprovalDescription",
)


def package_changed(api: Api, scope: AccountScope, package: Body) -> None:
    """``SageMaker Model Package State Change``: registered, approved, rejected."""
    detail = {key: package[key] for key in _PACKAGE_MEMBERS if key in package}
    detail["CreationTime"] = _iso(package["CreationTime"])
    detail["LastModifiedTime"] = _iso(package["LastModifiedTime"])
    _put(
        api,
        scope,
        detail_type="SageMaker Model Package State Change",
        detail=detail,
        resources=[package["ModelPackageArn"]],
    )


def endpoint_changed(api: Api, scope: AccountScope, endpoint: Body) -> None:
    """``SageMaker Endpoint State Change``; the status is spelled ``IN_SERVICE`` there."""
    members = ("EndpointName", "EndpointArn", "EndpointConfigName", "ProductionVariants")
    detail = {key: endpoint[key] for key in members if key in endpoint}
    status = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", endpoint["EndpointStatus"]).upper()
    _put(
        api,
        scope,
        detail_type="SageMaker Endpoint State Change",
        detail={
            **detail,
            "EndpointStatus": status,
            "FailureReason": endpoint.get("FailureReason", ""),
            "CreationTime": round(endpoint["CreationTime"] * 1000),
            "LastModifiedTime": round(endpoint["LastModifiedTime"] * 1000),
            "Tags": {},
        },
        resources=[endpoint["EndpointArn"]],
    )


def processing_job_changed(api: Api, scope: AccountScope, job: Body) -> None:
    """``SageMaker Processing Job State Change``: what Describe answers, times in milliseconds."""
    detail = {
        key: round(value * 1000) if key.endswith("Time") else value for key, value in job.items()
    }
    _put(
        api,
        scope,
        detail_type="SageMaker Processing Job State Change",
        detail=detail,
        resources=[job["ProcessingJobArn"]],
    )


def job_changed(api: Api, scope: AccountScope, kind: str, job: Body, *, arn: str) -> None:
    """``SageMaker Training (Transform, HyperParameter Tuning) Job State Change``, likewise.

    ``kind``: ``Training``, ``Transform`` or ``HyperParameter Tuning``.
    """
    detail = {
        key: round(value * 1000) if key.endswith("Time") else value
        for key, value in job.items()
        if key != "TrainingJobSummaries"  # it is ours: no Describe operation answers it
    }
    _put(
        api,
        scope,
        detail_type=f"SageMaker {kind} Job State Change",
        detail=detail,
        resources=[arn],
    )


def execution_changed(api: Api, scope: AccountScope, execution: Body, *, previous: str) -> None:
    """``SageMaker Model Building Pipeline Execution Status Change``."""
    detail = {
        "pipelineExecutionDisplayName": execution.get("PipelineExecutionDisplayName"),
        "pipelineExecutionDescription": execution.get("PipelineExecutionDescription"),
        "currentPipelineExecutionStatus": execution["PipelineExecutionStatus"],
        "previousPipelineExecutionStatus": previous,
        "executionStartTime": _iso(execution["CreationTime"]),
        "executionEndTime": _iso(execution.get("EndTime")),
        "failureReason": execution.get("FailureReason"),
        "pipelineArn": execution["PipelineArn"],
        "pipelineExecutionArn": execution["PipelineExecutionArn"],
    }
    _put_of_execution(
        api, scope, "SageMaker Model Building Pipeline Execution Status Change", detail
    )


def step_changed(
    api: Api, scope: AccountScope, execution: Body, step: Body, *, previous: str | None
) -> None:
    """``SageMaker Model Building Pipeline Execution Step Status Change``."""
    detail = {
        "metadata": _camel(step.get("Metadata", {})),
        "cacheHitResult": _camel(step["CacheHitResult"]) if "CacheHitResult" in step else None,
        "failureReason": step.get("FailureReason"),
        "stepStartTime": _iso(step.get("StartTime")),
        "stepEndTime": _iso(step.get("EndTime")),
        "stepName": step["StepName"],
        "stepType": step.get("StepType"),
        "previousStepStatus": previous,
        "currentStepStatus": step["StepStatus"],
        "pipelineArn": execution["PipelineArn"],
        "pipelineExecutionArn": execution["PipelineExecutionArn"],
    }
    _put_of_execution(
        api, scope, "SageMaker Model Building Pipeline Execution Step Status Change", detail
    )


def _put_of_execution(
    api: Api, scope: AccountScope, detail_type: str, detail: dict[str, Any]
) -> None:
    _put(
        api,
        scope,
        detail_type=detail_type,
        detail={key: value for key, value in detail.items() if value is not None},
        resources=[detail["pipelineArn"], detail["pipelineExecutionArn"]],
    )


def _put(
    api: Api, scope: AccountScope, *, detail_type: str, detail: dict[str, Any], resources: list[str]
) -> None:
    event = entry("aws.sagemaker", detail_type, detail, resources)
    api.outbox.add(scope, event)


def entry(source: str, detail_type: str, detail: Mapping[str, Any], resources: list[str]) -> Body:
    """An event as PutEvents takes it."""
    return {
        "Source": source,
        "DetailType": detail_type,
        "Detail": json.dumps(detail),
        "Resources": resources,
    }


def _camel(value: Any) -> Any:
    if isinstance(value, dict):
        return {key[:1].lower() + key[1:]: _camel(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_camel(item) for item in value]
    return value


def _iso(moment: float | None) -> str | None:
    if moment is None:
        return None
    return dt.datetime.fromtimestamp(moment, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
