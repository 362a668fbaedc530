"""What SageMaker itself needs for a step, a model or an endpoint: the actions behind its operation.

First the pipeline's role asks for the job; then SageMaker takes the job's own role, for the image,
keys, network, log and metrics. Objects of S3 are not among it: they are read and written over HTTP
with the role's session, where bucket policies and keys decide too.

https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ratchet.local_cloud.sagemaker import authorisation, table
from ratchet.local_cloud.sagemaker.authorisation import Need
from ratchet.local_cloud.sagemaker.store import Scope
from ratchet.runner.serving.prepared import Image

Request = Mapping[str, Any]

LOG_LOST, METRICS_LOST = "its log is lost", "its metrics are lost"
"""How the sentences begin that say what a container goes on without."""
MERGER = "sagemaker-model-monitor-groundtruth-merger"
"""Repository of the job that joins labels to captured data, beside the analyzer's."""
_ANALYZER = "sagemaker-model-monitor-analyzer"

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
class Work:
    """What is done as one role before a container starts.

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
    """What a step type makes SageMaker do.

    ``operation``: what the pipeline's role asks for, as policies name it; ``resource``: on what,
    given the job's name and the arguments; None where the operation is one of our SageMaker's,
    whose requests ``authorisation`` knows. ``works``: what is done as the roles in the arguments.
    ``jobs``: how log group (``/aws/sagemaker/<jobs>``) and namespace of metrics are named.
    """

    operation: str
    resource: Callable[[Scope, str, Request], str] | None = None
    works: Callable[[Request], list[Work]] = lambda _: []
    jobs: str | None = None


def _processing(request: Request) -> list[Work]:
    network = _part(request, "NetworkConfig")
    cluster = _part(_part(request, "ProcessingResources"), "ClusterConfig")
    return [
        Work(
            role=request["RoleArn"],
            images=(_part(request, "AppSpecification").get("ImageUri", ""),),
            output_key=_part(request, "ProcessingOutputConfig").get("KmsKeyId"),
            volume_key=cluster.get("VolumeKmsKeyId"),
            in_vpc="VpcConfig" in network,
        )
    ]


def _training(request: Request) -> list[Work]:
    return [
        Work(
            role=request["RoleArn"],
            images=(_part(request, "AlgorithmSpecification").get("TrainingImage", ""),),
            output_key=_part(request, "OutputDataConfig").get("KmsKeyId"),
            volume_key=_part(request, "ResourceConfig").get("VolumeKmsKeyId"),
            in_vpc="VpcConfig" in request,
        )
    ]


def _tuning(request: Request) -> list[Work]:
    definitions = request.get("TrainingJobDefinitions") or [request["TrainingJobDefinition"]]
    return [work for definition in definitions for work in _training(definition)]


def _cluster(scope: Scope, job_name: str, request: Request) -> str:
    del job_name
    place = f"arn:aws:elasticmapreduce:{scope.region}:{scope.account}:cluster"
    return f"{place}/{request.get('ClusterId', '*')}"


def _application(scope: Scope, job_name: str, request: Request) -> str:
    del job_name
    place = f"arn:aws:emr-serverless:{scope.region}:{scope.account}:/applications"
    return f"{place}/{request.get('ApplicationId') or request.get('applicationId', '*')}"


STEP_TYPES: Mapping[str, ServiceSide] = {
    "Processing": ServiceSide(
        operation="sagemaker:CreateProcessingJob", works=_processing, jobs="ProcessingJobs"
    ),
    "QualityCheck": ServiceSide(
        operation="sagemaker:CreateProcessingJob", works=_processing, jobs="ProcessingJobs"
    ),
    "ClarifyCheck": ServiceSide(operation="sagemaker:CreateProcessingJob"),
    "Training": ServiceSide(
        operation="sagemaker:CreateTrainingJob", works=_training, jobs="TrainingJobs"
    ),
    "Tuning": ServiceSide(
        operation="sagemaker:CreateHyperParameterTuningJob", works=_tuning, jobs="TrainingJobs"
    ),
    # A transform job works as the role of its model, which the request names.
    "Transform": ServiceSide(operation="sagemaker:CreateTransformJob", jobs="TransformJobs"),
    "AutoML": ServiceSide(
        operation="sagemaker:CreateAutoMLJob",
        resource=lambda scope, name, _: scope.arn(f"automl-job/{name}"),
    ),
    "Endpoint": ServiceSide(operation="sagemaker:CreateEndpoint"),
    "EndpointConfig": ServiceSide(operation="sagemaker:CreateEndpointConfig"),
    "EMR": ServiceSide(operation="elasticmapreduce:AddJobFlowSteps", resource=_cluster),
    "EMRServerless": ServiceSide(operation="emr-serverless:StartJobRun", resource=_application),
}
"""Steps that call a service by themselves are not here: that request itself is checked."""


def creation(
    scope: Scope, step_type: str, job_name: str, request: Request
) -> tuple[str, list[Need]]:
    """The operation behind a step, and what the pipeline's role needs for it."""
    side = STEP_TYPES[step_type]
    service, _, operation = side.operation.partition(":")
    if side.resource is not None:
        needs = [Need(side.operation, side.resource(scope, job_name, request))]
        return operation, [*needs, *_passed(request, service)]
    kind = next(kind for kind in table.KINDS if operation == f"Create{kind.name}")
    named = {kind.name_member: job_name, **request}
    needs = list(authorisation.needs(scope, operation, named))
    passed = {need.resource for need in needs if need.action == "iam:PassRole"}
    return operation, [*needs, *_passed(request, service, but=passed)]


def polling(scope: Scope, step_type: str, job_name: str) -> tuple[str, list[Need]] | None:
    """The operation by which a pipeline follows a step's job, and what its role needs for it.

    None where that is no job of SageMaker's. Pipelines need Create and Describe of each job type:
    https://docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-access.html
    """
    side = STEP_TYPES[step_type]
    kind = next((k for k in table.KINDS if side.operation == f"sagemaker:Create{k.name}"), None)
    if side.jobs is None or kind is None:
        return None
    operation = f"Describe{kind.name}"
    return operation, list(authorisation.needs(scope, operation, {kind.name_member: job_name}))


def _passed(request: Request, service: str, but: Iterable[str] = ()) -> Iterator[Need]:
    """PassRole for the roles that a request names, or that its training job definitions do."""
    definitions = request.get("TrainingJobDefinitions") or []
    roles = [holder.get("RoleArn") for holder in (request, *definitions)]
    context = {"iam:PassedToService": f"{service}.amazonaws.com"}
    for role in dict.fromkeys(role for role in roles if isinstance(role, str)):
        if role not in but:
            yield Need("iam:PassRole", role, context)


def container_needs(scope: Scope, work: Work) -> Iterator[Need]:
    """What a role needs so that its container starts. Keys are ARNs."""
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
    """What a role needs to find and read an object that nothing reads yet."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return [
        Need("s3:ListBucket", f"arn:aws:s3:::{bucket}", {"s3:prefix": key}),
        Need("s3:GetObject", f"arn:aws:s3:::{bucket}/{key}"),
    ]


def alarm_needs(scope: Scope, names: Iterable[str]) -> list[Need]:
    """What an endpoint's role needs so that alarms can roll back its updates."""
    place = f"arn:aws:cloudwatch:{scope.region}:{scope.account}:alarm"
    return [Need("cloudwatch:DescribeAlarms", f"{place}:{name}") for name in names]


def capture_needs(key: str) -> list[Need]:
    """What a model's role needs of the key that captured data is encrypted with: S3's own."""
    return [Need("kms:GenerateDataKey", key)]


def _pull(image: str) -> Iterator[Need]:
    host, _, path = image.partition("/")
    parts = host.split(".")
    if parts[1:3] != ["dkr", "ecr"]:  # of no registry of AWS: no role decides
        return
    repository = path.partition("@")[0].partition(":")[0]
    arn = f"arn:aws:ecr:{parts[3]}:{parts[0]}:repository/{repository}"
    yield Need("ecr:GetAuthorizationToken", "*")
    for action in ("BatchCheckLayerAvailability", "GetDownloadUrlForLayer", "BatchGetImage"):
        yield Need(f"ecr:{action}", arn)


def optional_needs(scope: Scope, jobs: str, stream: str) -> dict[str, list[Need]]:
    """What a container runs without: each loss, and the needs that prevent it.

    Its log would be in group ``/aws/sagemaker/<jobs>``; its metrics' namespace is the group's first
    part.
    """
    group = f"arn:aws:logs:{scope.region}:{scope.account}:log-group:/aws/sagemaker/{jobs}"
    log = [
        Need("logs:CreateLogGroup", f"{group}:log-stream:"),
        Need("logs:CreateLogStream", f"{group}:log-stream:{stream}"),
        Need("logs:DescribeLogStreams", f"{group}:log-stream:"),
        Need("logs:PutLogEvents", f"{group}:log-stream:{stream}"),
    ]
    namespace = f"/aws/sagemaker/{jobs.partition('/')[0]}"
    return {LOG_LOST: log, METRICS_LOST: [metric_need(namespace)]}


def metric_need(namespace: str) -> Need:
    """What a role needs to put metrics into a namespace."""
    return Need("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": namespace})


def model_work(model: Request, images: Iterable[Image]) -> Work:
    """What is done as a model's role: for CreateModel, for its endpoints and transform jobs."""
    listed = list(images)
    return Work(
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
    return f"{host}/{MERGER}" if repository.startswith(_ANALYZER) else None


def _part(holder: Request, member: str) -> Request:
    part: Request = holder.get(member) or {}
    return part
