"""The permissions that a SageMaker request needs: actions, on resources, under conditions.

Resources and condition keys are those of the service authorization reference,
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ratchet.local_cloud.sagemaker.store import AccountScope

Request = Mapping[str, Any]

PUBLIC_HUB = "SageMakerPublicHub"

INVOKE_ENDPOINT = "InvokeEndpoint"
"""The one operation of SageMaker Runtime; its request names the endpoint of its path."""

_EXECUTION = ("{PipelineExecutionArn}",)
_PIPELINE = ("pipeline/{PipelineName}",)
_GROUP = ("model-package-group/{ModelPackageGroupName}",)
_PACKAGE = ("model-package/{ModelPackageName}",)
_SCHEDULE = ("monitoring-schedule/{MonitoringScheduleName}",)
_DATA_QUALITY = ("data-quality-job-definition/{JobDefinitionName}",)
_MODEL_QUALITY = ("model-quality-job-definition/{JobDefinitionName}",)
_MODEL = ("model/{ModelName}",)
_ENDPOINT = ("endpoint/{EndpointName}",)
_CONFIG = ("endpoint-config/{EndpointConfigName}",)
_PROCESSING = ("processing-job/{ProcessingJobName}",)
_TRAINING = ("training-job/{TrainingJobName}",)
_TRANSFORM = ("transform-job/{TransformJobName}",)
_TUNING = ("hyper-parameter-tuning-job/{HyperParameterTuningJobName}",)
_NONE = ("*",)

RESOURCES: Mapping[str, tuple[str, ...]] = {
    "AddTags": ("{ResourceArn}",),
    "CreateDataQualityJobDefinition": _DATA_QUALITY,
    "CreateEndpoint": _ENDPOINT + _CONFIG,
    "CreateEndpointConfig": _CONFIG,
    "CreateHyperParameterTuningJob": _TUNING,
    "CreateModel": _MODEL,
    # The registry numbers a version of a group; without a group the package has a name.
    "CreateModelPackage": (*_GROUP, "model-package/{ModelPackageGroupName}/*", *_PACKAGE),
    "CreateModelPackageGroup": _GROUP,
    "CreateModelQualityJobDefinition": _MODEL_QUALITY,
    "CreateMonitoringSchedule": _SCHEDULE,
    "CreatePipeline": _PIPELINE,
    "CreateProcessingJob": _PROCESSING,
    "CreateTrainingJob": _TRAINING,
    "CreateTransformJob": _TRANSFORM,
    "DeleteDataQualityJobDefinition": _DATA_QUALITY,
    "DeleteEndpoint": _ENDPOINT,
    "DeleteEndpointConfig": _CONFIG,
    "DeleteModel": _MODEL,
    "DeleteModelPackage": _PACKAGE,
    "DeleteModelPackageGroup": _GROUP,
    "DeleteModelPackageGroupPolicy": _GROUP,
    "DeleteModelQualityJobDefinition": _MODEL_QUALITY,
    "DeleteMonitoringSchedule": _SCHEDULE,
    "DeletePipeline": _PIPELINE,
    "DeleteTags": ("{ResourceArn}",),
    "DescribeDataQualityJobDefinition": _DATA_QUALITY,
    "DescribeEndpoint": _ENDPOINT,
    "DescribeHubContent": ("hub/{HubName}", "hub-content/{HubContentName}"),
    "DescribeEndpointConfig": _CONFIG,
    "DescribeHyperParameterTuningJob": _TUNING,
    "DescribeModel": _MODEL,
    "DescribeModelPackage": _PACKAGE,
    "DescribeModelPackageGroup": _GROUP,
    "DescribeModelQualityJobDefinition": _MODEL_QUALITY,
    "DescribeMonitoringSchedule": _SCHEDULE,
    "DescribePipeline": _PIPELINE,
    "DescribePipelineDefinitionForExecution": _EXECUTION,
    "DescribePipelineExecution": _EXECUTION,
    "DescribeProcessingJob": _PROCESSING,
    "DescribeTrainingJob": _TRAINING,
    "DescribeTransformJob": _TRANSFORM,
    "GetModelPackageGroupPolicy": _GROUP,
    INVOKE_ENDPOINT: _ENDPOINT,
    "ListDataQualityJobDefinitions": _NONE,
    "ListEndpointConfigs": _NONE,
    "ListEndpoints": _NONE,
    "ListHubContents": ("hub/{HubName}",),
    "ListHyperParameterTuningJobs": _NONE,
    "ListModelPackageGroups": _NONE,
    "ListModelPackages": _NONE,
    "ListModelQualityJobDefinitions": _NONE,
    "ListModels": _NONE,
    "ListMonitoringExecutions": _NONE,
    "ListMonitoringSchedules": _NONE,
    "ListPipelineExecutionSteps": _EXECUTION,
    "ListPipelineExecutions": _PIPELINE,
    "ListPipelineParametersForExecution": _EXECUTION,
    "ListPipelineVersions": _PIPELINE,
    "ListPipelines": _NONE,
    "ListProcessingJobs": _NONE,
    "ListTags": ("{ResourceArn}",),
    "ListTrainingJobs": _NONE,
    "ListTrainingJobsForHyperParameterTuningJob": _TUNING,
    "ListTransformJobs": _NONE,
    "PutModelPackageGroupPolicy": _GROUP,
    "RetryPipelineExecution": _EXECUTION,
    # Their requests hold a token only; whoever knows whose it is adds the execution's ARN.
    "SendPipelineExecutionStepFailure": _EXECUTION,
    "SendPipelineExecutionStepSuccess": _EXECUTION,
    "StartMonitoringSchedule": _SCHEDULE,
    "StartPipelineExecution": _PIPELINE,
    "StopHyperParameterTuningJob": _TUNING,
    "StopMonitoringSchedule": _SCHEDULE,
    "StopPipelineExecution": _EXECUTION,
    "StopProcessingJob": _PROCESSING,
    "StopTrainingJob": _TRAINING,
    "StopTransformJob": _TRANSFORM,
    "UpdateEndpoint": _ENDPOINT + _CONFIG,
    "UpdateModelPackage": ("{ModelPackageArn}",),
    "UpdateMonitoringSchedule": _SCHEDULE,
    "UpdatePipeline": _PIPELINE,
    "UpdatePipelineExecution": _EXECUTION,
    "UpdatePipelineVersion": ("{PipelineArn}",),
}
"""An operation's resources: paths of an ARN with a member of the request, which may hold a name or
an ARN. A resource whose member the request leaves out is not asked for."""

_MONITORING = "MonitoringScheduleConfig.MonitoringJobDefinition"
ROLES = (
    "RoleArn",
    "ExecutionRoleArn",
    f"{_MONITORING}.RoleArn",
    "TrainingJobDefinition.RoleArn",
    "TrainingJobDefinitions[].RoleArn",
)
"""Where a request hands a role to SageMaker."""

_TUNED = ("TrainingJobDefinition", "TrainingJobDefinitions[]")
_NETWORKS = ("", "NetworkConfig.", f"{_MONITORING}.NetworkConfig.", *(f"{t}." for t in _TUNED))
KEYS: Mapping[str, tuple[str, ...]] = {
    "sagemaker:InstanceTypes": (
        "ResourceConfig.InstanceType",
        "ResourceConfig.InstanceGroups[].InstanceType",
        "ProcessingResources.ClusterConfig.InstanceType",
        "JobResources.ClusterConfig.InstanceType",
        "TransformResources.InstanceType",
        "ProductionVariants[].InstanceType",
        f"{_MONITORING}.MonitoringResources.ClusterConfig.InstanceType",
        *(f"{tuned}.ResourceConfig.InstanceType" for tuned in _TUNED),
    ),
    "sagemaker:InterContainerTrafficEncryption": tuple(
        f"{network}EnableInterContainerTrafficEncryption" for network in _NETWORKS
    ),
    "sagemaker:MaxRuntimeInSeconds": (
        "StoppingCondition.MaxRuntimeInSeconds",
        f"{_MONITORING}.StoppingCondition.MaxRuntimeInSeconds",
        *(f"{tuned}.StoppingCondition.MaxRuntimeInSeconds" for tuned in _TUNED),
    ),
    "sagemaker:ModelApprovalStatus": ("ModelApprovalStatus",),
    "sagemaker:ModelLifeCycle:Stage": ("ModelLifeCycle.Stage",),
    "sagemaker:ModelLifeCycle:StageStatus": ("ModelLifeCycle.StageStatus",),
    "sagemaker:NetworkIsolation": tuple(
        f"{network}EnableNetworkIsolation" for network in _NETWORKS
    ),
    "sagemaker:OutputKmsKey": (
        "OutputDataConfig.KmsKeyId",
        "ProcessingOutputConfig.KmsKeyId",
        "DataQualityJobOutputConfig.KmsKeyId",
        "ModelQualityJobOutputConfig.KmsKeyId",
        "TransformOutput.KmsKeyId",
        f"{_MONITORING}.MonitoringOutputConfig.KmsKeyId",
        *(f"{tuned}.OutputDataConfig.KmsKeyId" for tuned in _TUNED),
    ),
    "sagemaker:PipelineVersionId": ("PipelineVersionId",),
    "sagemaker:TargetModel": ("TargetModel",),
    "sagemaker:VolumeKmsKey": (
        "KmsKeyId",
        "ResourceConfig.VolumeKmsKeyId",
        "ProcessingResources.ClusterConfig.VolumeKmsKeyId",
        "JobResources.ClusterConfig.VolumeKmsKeyId",
        "TransformResources.VolumeKmsKeyId",
        f"{_MONITORING}.MonitoringResources.ClusterConfig.VolumeKmsKeyId",
        *(f"{tuned}.ResourceConfig.VolumeKmsKeyId" for tuned in _TUNED),
    ),
    "sagemaker:VpcSecurityGroupIds": tuple(
        f"{network}VpcConfig.SecurityGroupIds" for network in _NETWORKS
    ),
    "sagemaker:VpcSubnets": tuple(f"{network}VpcConfig.Subnets" for network in _NETWORKS),
}
"""Condition keys of SageMaker's, and the members of a request that they are taken from."""


def _by_member() -> Mapping[str, list[tuple[str, str]]]:
    """Member → each key, with its path, that is taken from it: a request has few of the members."""
    keys: dict[str, list[tuple[str, str]]] = {}
    for key, paths in KEYS.items():
        for path in paths:
            member = path.partition(".")[0].removesuffix("[]")
            keys.setdefault(member, []).append((key, path))
    return keys


_KEYS_OF_MEMBER = _by_member()


class Denied(Exception):  # noqa: N818
    """The sentence that AWS answers."""


@dataclass(frozen=True)
class Need:
    """One permission that a caller must have."""

    action: str
    resource: str
    context: Mapping[str, Any] = field(default_factory=dict)


def needs(scope: AccountScope, operation: str, request: Request) -> Iterator[Need]:
    """The permissions that AWS asks for a request, in its order.

    Raises ``KeyError`` for an operation without a row in ``RESOURCES``.
    """
    context = condition_keys(request)
    resources = list(_resources(scope, operation, request)) or ["*"]
    for resource in resources:
        yield Need(f"sagemaker:{operation}", resource, context)
    if operation != "AddTags" and request.get("Tags"):
        tagging = {**context, "sagemaker:TaggingAction": operation}
        yield Need("sagemaker:AddTags", resources[0], tagging)
    for path in ROLES:
        for role in values_at(request, path):
            yield pass_role(str(role), "sagemaker.amazonaws.com")


def pass_role(role_arn: str, service: str) -> Need:
    """What handing a role to a service needs."""
    return Need("iam:PassRole", role_arn, {"iam:PassedToService": service})


def condition_keys(request: Request) -> dict[str, Any]:
    """The condition keys of a request; a key of several values has a list."""
    texts: dict[str, list[str]] = {}
    for member in filter(request.__contains__, _KEYS_OF_MEMBER):
        for key, path in _KEYS_OF_MEMBER[member]:
            for value in values_at(request, path):
                texts.setdefault(key, []).append(_text(value))
    context: dict[str, Any] = {
        key: values[0] if len(values) == 1 else values for key, values in texts.items()
    }
    tags = [tag for tag in request.get("Tags") or [] if isinstance(tag, Mapping)]
    for tag in tags:
        context[f"aws:RequestTag/{tag.get('Key')}"] = tag.get("Value", "")
    names = [tag.get("Key") for tag in tags] or list(request.get("TagKeys") or [])
    if names:
        context["aws:TagKeys"] = names
    return context


def values_at(value: Any, path: str) -> Iterator[Any]:
    """The scalars at a path like ``Targets[].RoleArn``; each of a list that the path ends at."""
    name, _, below = path.partition(".")
    value = value.get(name.removesuffix("[]")) if isinstance(value, Mapping) else None
    for item in value if isinstance(value, list) else [value]:
        if below:
            yield from values_at(item, below)
        elif item is not None and not isinstance(item, Mapping):
            yield item


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _resources(scope: AccountScope, operation: str, request: Request) -> Iterator[str]:
    for row in RESOURCES[operation]:
        if row.startswith(("hub/", "hub-content/")):
            yield _of_hub(scope, row, request)
            continue
        path, _, remainder = row.partition("{")
        member, _, end = remainder.partition("}")
        value = request.get(member)
        if not member:
            yield row
        elif isinstance(value, str) and value:
            yield _arn(scope, path, value) + end


def _of_hub(scope: AccountScope, row: str, request: Request) -> str:
    """The public hub and what is in it belong to AWS: ``arn:aws:sagemaker:<region>:aws:hub/…``."""
    hub = str(request.get("HubName")).rpartition("/")[2]
    owner = "aws" if hub == PUBLIC_HUB else scope.account
    start = f"arn:aws:sagemaker:{scope.region}:{owner}"
    if row.startswith("hub/"):
        return f"{start}:hub/{hub}"
    members = ("HubContentType", "HubContentName", "HubContentVersion")
    return f"{start}:hub-content/{hub}/{'/'.join(str(request.get(m, '*')) for m in members)}"


def _arn(scope: AccountScope, path: str, name_or_arn: str) -> str:
    """A resource's ARN, whatever resource's ARN stands for its name (a version's group)."""
    if not name_or_arn.startswith("arn:"):
        return scope.arn(f"{path}{name_or_arn}")
    if not path:
        return name_or_arn
    start, _, resource = name_or_arn.rpartition(":")
    return f"{start}:{path}{resource.partition('/')[2]}"
