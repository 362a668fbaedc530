"""What a SageMaker request has to be allowed to do: actions, on resources, under conditions.

The service authorization reference (SAR) names the resource types of each operation; which member
of a request names the resource follows from the kinds of `table`, so only exceptions are listed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ratchet.local_cloud.sagemaker import table
from ratchet.local_cloud.sagemaker.store import Scope

Request = Mapping[str, Any]

_PATHS = {kind.name_member: kind.arn_path for kind in table.KINDS if "Definition" not in kind.name}
_BY_ARN = ("PipelineExecutionArn", "ResourceArn", "ModelPackageArn", "PipelineArn")
"""Members that hold the resource's ARN itself."""

_ANYTHING = frozenset({"ListModelPackages", "ListMonitoringExecutions", "ListMonitoringSchedules"})
"""Operations whose members are filters, not resources."""

_BOTH = frozenset({"CreateEndpoint", "UpdateEndpoint"})
"""Checked on the endpoint and on its configuration."""

_ROLES = ("RoleArn", "ExecutionRoleArn")
_KEYS: Mapping[str, tuple[str, ...]] = {
    "sagemaker:ModelApprovalStatus": ("ModelApprovalStatus",),
    "sagemaker:PipelineVersionId": ("PipelineVersionId",),
    "sagemaker:NetworkIsolation": ("EnableNetworkIsolation",),
    "sagemaker:MaxRuntimeInSeconds": ("StoppingCondition", "MaxRuntimeInSeconds"),
    "sagemaker:VpcSubnets": ("VpcConfig", "Subnets"),
    "sagemaker:VpcSecurityGroupIds": ("VpcConfig", "SecurityGroupIds"),
    "sagemaker:OutputKmsKey": ("OutputDataConfig", "KmsKeyId"),
    "sagemaker:VolumeKmsKey": ("ResourceConfig", "VolumeKmsKeyId"),
    "sagemaker:InstanceTypes": ("ResourceConfig", "InstanceType"),
}
_PROCESSING_KEYS: Mapping[str, tuple[str, ...]] = {
    "sagemaker:OutputKmsKey": ("ProcessingOutputConfig", "KmsKeyId"),
    "sagemaker:VolumeKmsKey": ("ProcessingResources", "ClusterConfig", "VolumeKmsKeyId"),
    "sagemaker:InstanceTypes": ("ProcessingResources", "ClusterConfig", "InstanceType"),
    "sagemaker:NetworkIsolation": ("NetworkConfig", "EnableNetworkIsolation"),
    "sagemaker:VpcSubnets": ("NetworkConfig", "VpcConfig", "Subnets"),
}


class Denied(Exception):
    """The sentence that AWS answers."""


@dataclass(frozen=True)
class Need:
    """One permission that a caller must have."""

    action: str
    resource: str
    context: Mapping[str, Any] = field(default_factory=dict)


def needs(scope: Scope, operation: str, request: Request) -> Iterator[Need]:
    """The permissions that AWS asks for a request, in its order."""
    context = _context(operation, request)
    resources = list(_resources(scope, operation, request)) or ["*"]
    for resource in resources:
        yield Need(f"sagemaker:{operation}", resource, context)
    if operation != "AddTags" and request.get("Tags"):
        yield Need("sagemaker:AddTags", resources[0], context)
    for role in _passed(request):
        yield Need("iam:PassRole", role, {"iam:PassedToService": "sagemaker.amazonaws.com"})


def _resources(scope: Scope, operation: str, request: Request) -> Iterator[str]:
    if operation in _ANYTHING:
        return
    for member in _BY_ARN:
        if isinstance(request.get(member), str):
            yield request[member]
            return
    if operation == "CreateModelPackage" and "ModelPackageGroupName" in request:
        group = table.bare_name(table.MODEL_PACKAGE_GROUP, request["ModelPackageGroupName"])
        yield scope.arn(f"model-package-group/{group}")
        yield scope.arn(f"model-package/{group}/*")  # the registry will number it
        return
    if "JobDefinitionName" in request:
        kind = table.DATA_QUALITY if "DataQuality" in operation else table.MODEL_QUALITY
        yield scope.arn(f"{kind.arn_path}/{request['JobDefinitionName']}")
        return
    found = [
        _arn(scope, path, request[member])
        for member, path in _PATHS.items()
        if isinstance(request.get(member), str)
    ]
    if operation not in _BOTH:
        # An endpoint's configuration names models, a pipeline's execution its pipeline: the
        # resource is that of the operation's own noun, the longest one that it ends with.
        found = found[:1] if len(found) < 2 else [_own(scope, operation, request)]
    yield from found


def _own(scope: Scope, operation: str, request: Request) -> str:
    kinds = [kind for kind in table.KINDS if operation.endswith(kind.name)]
    kind = max(kinds, key=lambda kind: len(kind.name))
    return _arn(scope, kind.arn_path, request[kind.name_member])


def _arn(scope: Scope, path: str, name_or_arn: str) -> str:
    return name_or_arn if name_or_arn.startswith("arn:") else scope.arn(f"{path}/{name_or_arn}")


def _passed(request: Request) -> Iterator[str]:
    for member in _ROLES:
        if isinstance(request.get(member), str):
            yield request[member]
    inner = request.get("MonitoringScheduleConfig", {}).get("MonitoringJobDefinition", {})
    if "RoleArn" in inner:
        yield inner["RoleArn"]
    training = request.get("TrainingJobDefinition", {})
    if "RoleArn" in training:
        yield training["RoleArn"]


def _context(operation: str, request: Request) -> dict[str, Any]:
    context: dict[str, Any] = {}
    keys = _PROCESSING_KEYS if operation == "CreateProcessingJob" else _KEYS
    for key, path in keys.items():
        value: Any = request
        for member in path:
            value = value.get(member) if isinstance(value, Mapping) else None
        if value is not None:
            context[key] = str(value).lower() if isinstance(value, bool) else value
    tags = request.get("Tags") or []
    for tag in tags:
        context[f"aws:RequestTag/{tag['Key']}"] = tag["Value"]
    names = [tag["Key"] for tag in tags] or list(request.get("TagKeys") or [])
    if names:
        context["aws:TagKeys"] = names
    return context
