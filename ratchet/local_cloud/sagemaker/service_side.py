"""What SageMaker itself needs for a step, a model or an endpoint: the actions behind its operation.

First the pipeline's role asks for the job; then SageMaker takes the job's own role, for the image,
keys, network, log and metrics. Objects of S3 are not among it: each is a request of the role's
session to S3, where bucket policies and keys decide too.

https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ratchet.definition.resources import PROCESSING_JOB, TRAINING_JOB, TUNING_JOB, Resource
from ratchet.definition.step_types import row_of
from ratchet.local_cloud.sagemaker import authorisation, table
from ratchet.local_cloud.sagemaker.authorisation import Need
from ratchet.local_cloud.sagemaker.store import AccountScope
from ratchet.runner.serving.prepared import Image
from ratchet.settings import images

Request = Mapping[str, Any]

LOG_LOST, METRICS_LOST = "its log is lost", "its metrics are lost"
"""How the sentences begin that say what a container goes on without."""

LOG_GROUPS = "/aws/sagemaker/"
_NETWORK = (
    "ec2:CreateNetworkInterface",
    "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteNetworkInterface",
    "ec2:DeleteNetworkInterfacePermission",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeVpcs",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeSubnets",
    "ec2:DescribeSecurityGroups",
)


@dataclass(frozen=True, kw_only=True)
class ServiceWork:
    """The work that is done with one role before a container starts.

    ``output_key``: the KMS key of what is written; S3 asks for its use when that is written.
    ``encrypt``: whether SageMaker asks for ``kms:Encrypt`` beside, as the guide says of processing,
    training and tuning jobs. ``reads``: S3 URIs of objects that must be readable, where nothing
    reads them yet.
    """

    role: str
    images: tuple[str, ...]
    output_key: str | None = None
    encrypt: bool = True
    volume_key: str | None = None
    in_vpc: bool = False
    reads: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ServiceSide:
    """The work that SageMaker does for a step type.

    ``operation``: what the pipeline's role asks for, as policies name it; ``resource``: on what,
    given the job's name and the arguments; None where the operation is one of our SageMaker's,
    whose requests ``authorisation`` knows. ``works``: what is done as the roles in the arguments.
    ``jobs``: how log group (``/aws/sagemaker/<jobs>``) and namespace of metrics are named.
    """

    operation: str
    resource: Callable[[AccountScope, str, Request], str] | None = None
    works: Callable[[Request], list[ServiceWork]] = lambda _: []
    jobs: str | None = None


def _processing(request: Request) -> list[ServiceWork]:
    network = _part(request, "NetworkConfig")
    cluster = _part(_part(request, "ProcessingResources"), "ClusterConfig")
    return [
        ServiceWork(
            role=request["RoleArn"],
            images=(_part(request, "AppSpecification").get("ImageUri", ""),),
            output_key=_part(request, "ProcessingOutputConfig").get("KmsKeyId"),
            volume_key=cluster.get("VolumeKmsKeyId"),
            in_vpc="VpcConfig" in network,
        )
    ]


def _training(request: Request) -> list[ServiceWork]:
    return [
        ServiceWork(
            role=request["RoleArn"],
            images=(_part(request, "AlgorithmSpecification").get("TrainingImage", ""),),
            output_key=_part(request, "OutputDataConfig").get("KmsKeyId"),
            volume_key=_part(request, "ResourceConfig").get("VolumeKmsKeyId"),
            in_vpc="VpcConfig" in request,
        )
    ]


def _tuning(request: Request) -> list[ServiceWork]:
    definitions = request.get("TrainingJobDefinitions") or [request["TrainingJobDefinition"]]
    return [work for definition in definitions for work in _training(definition)]


def _cluster(scope: AccountScope, job_name: str, request: Request) -> str:
    del job_name
    return scope.of_service("elasticmapreduce", f"cluster/{request.get('ClusterId', '*')}")


def _application(scope: AccountScope, job_name: str, request: Request) -> str:
    del job_name
    application = request.get("ApplicationId") or request.get("applicationId", "*")
    return scope.of_service("emr-serverless", f"/applications/{application}")


def _named(made: Resource) -> Callable[[AccountScope, str, Request], str]:
    return lambda scope, name, _: scope.arn(f"{made.arn_path}/{name}")


_WORKS: Mapping[Resource, Callable[[Request], list[ServiceWork]]] = {
    PROCESSING_JOB: _processing,
    TRAINING_JOB: _training,
    TUNING_JOB: _tuning,
    # A transform job works as the role of its model, which the request names.
}
_ELSEWHERE = {
    "EMR": ServiceSide(operation="elasticmapreduce:AddJobFlowSteps", resource=_cluster),
    "EMRServerless": ServiceSide(operation="emr-serverless:StartJobRun", resource=_application),
}
"""Step types for which SageMaker asks another service."""


def side_of(step_type: str) -> ServiceSide | None:
    """What steps of a type make SageMaker do; None: they call a service by themselves."""
    if step_type in _ELSEWHERE:
        return _ELSEWHERE[step_type]
    row = row_of(step_type)
    if row.makes is None or not (row.job or row.aws_only):
        return None
    return ServiceSide(
        operation=f"sagemaker:{row.makes.create}",
        resource=None if table.kind_made_by(step_type) else _named(row.makes),
        works=_WORKS.get(row.makes, lambda _: []),
        jobs=row.makes.log_group.removeprefix(LOG_GROUPS) or None,
    )


def creation(
    scope: AccountScope, step_type: str, job_name: str, request: Request
) -> tuple[str, list[Need]] | None:
    """The operation behind a step, and what the pipeline's role needs for it.

    None for steps that call a service by themselves: that request itself is checked.
    """
    side = side_of(step_type)
    if side is None:
        return None
    service, _, operation = side.operation.partition(":")
    if side.resource is not None:
        needs = [Need(side.operation, side.resource(scope, job_name, request))]
        return operation, [*needs, *_passed(request, service)]
    kind = next(kind for kind in table.KINDS if operation == f"Create{kind.name}")
    named = {kind.name_member: job_name, **request}
    return operation, list(authorisation.needs(scope, operation, named))


def polling(scope: AccountScope, step_type: str, job_name: str) -> tuple[str, list[Need]] | None:
    """The operation by which a pipeline follows a step's job, and what its role needs for it.

    None where that is no job of SageMaker's. Pipelines need Create and Describe of each job type:
    https://docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-access.html
    """
    kind = table.kind_made_by(step_type)
    if kind is None or row_of(step_type).job is None:
        return None
    operation = f"Describe{kind.name}"
    return operation, list(authorisation.needs(scope, operation, {kind.name_member: job_name}))


def _passed(request: Request, service: str) -> Iterator[Need]:
    """PassRole for the role that a request names, of a service that is not our SageMaker."""
    if isinstance(role := request.get("RoleArn"), str):
        yield authorisation.pass_role(role, f"{service}.amazonaws.com")


def container_needs(scope: AccountScope, work: ServiceWork) -> Iterator[Need]:
    """The permissions that a role needs for its container to start. Keys are ARNs."""
    for image in dict.fromkeys(filter(None, work.images)):
        yield from _pull(image)
    if work.output_key and work.encrypt:
        yield Need("kms:Encrypt", work.output_key)
    if work.volume_key:
        yield Need("kms:CreateGrant", work.volume_key)
        yield Need("kms:DescribeKey", work.volume_key)
    if work.in_vpc:
        for action in _NETWORK:
            yield Need(action, "*")


def read_needs(uri: str) -> list[Need]:
    """The permissions that a role needs to find and read an object."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return [
        Need("s3:ListBucket", f"arn:aws:s3:::{bucket}", {"s3:prefix": key}),
        Need("s3:GetObject", f"arn:aws:s3:::{bucket}/{key}"),
    ]


def alarm_needs(scope: AccountScope, names: Iterable[str]) -> list[Need]:
    """The permissions that an endpoint's role needs for alarms to roll back its updates."""
    arns = [scope.of_service("cloudwatch", f"alarm:{name}") for name in names]
    return [Need("cloudwatch:DescribeAlarms", arn) for arn in arns]


def capture_needs(key: str) -> list[Need]:
    """What a model's role needs of the key that captured data is encrypted with: S3's own."""
    return [Need("kms:GenerateDataKey", key)]


def _pull(image: str) -> Iterator[Need]:
    if not images.is_in_ecr(image):  # of no registry of AWS: no role decides
        return
    arn = images.repository_arn(image)
    yield Need("ecr:GetAuthorizationToken", "*")
    for action in ("BatchCheckLayerAvailability", "GetDownloadUrlForLayer", "BatchGetImage"):
        yield Need(f"ecr:{action}", arn)


def optional_needs(scope: AccountScope, jobs: str, stream: str) -> dict[str, list[Need]]:
    """What a container runs without: each loss, and the needs that prevent it.

    Its log would be in group ``/aws/sagemaker/<jobs>``; its metrics' namespace is the group's first
    part.
    """
    group = scope.of_service("logs", f"log-group:{LOG_GROUPS}{jobs}")
    log = [
        Need("logs:CreateLogGroup", f"{group}:log-stream:"),
        Need("logs:CreateLogStream", f"{group}:log-stream:{stream}"),
        Need("logs:DescribeLogStreams", f"{group}:log-stream:"),
        Need("logs:PutLogEvents", f"{group}:log-stream:{stream}"),
    ]
    namespace = f"{LOG_GROUPS}{jobs.partition('/')[0]}"
    return {LOG_LOST: log, METRICS_LOST: [metric_need(namespace)]}


def metric_need(namespace: str) -> Need:
    """The permission that a role needs to put metrics into a namespace."""
    return Need("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": namespace})


def model_work(model: Request, images: Iterable[Image]) -> ServiceWork:
    """What is done as a model's role: for CreateModel, for its endpoints and transform jobs."""
    listed = list(images)
    return ServiceWork(
        role=model["ExecutionRoleArn"],
        images=tuple(image.uri for image in listed),
        in_vpc="VpcConfig" in model,
        reads=tuple(image.archive for image in listed if image.archive.startswith("s3://")),
    )


def merger_of(image: str) -> str | None:
    """The image of the job that runs before a model quality analysis.

    It is in the analyzer's registry; None for an analyzer of one's own, which does not name it.
    """
    host, _, repository = image.partition("/")
    is_analyzer = repository.startswith(images.MODEL_MONITOR_ANALYZER)
    return f"{host}/{images.GROUND_TRUTH_MERGER}" if is_analyzer else None


def _part(holder: Request, member: str) -> Request:
    part: Request = holder.get(member) or {}
    return part
