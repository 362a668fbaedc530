"""What the arguments of a step need, by the name that SageMaker's API gives them.

The developer guide, "How to use SageMaker AI execution roles", says what SageMaker does for a job
with the job's role; the service authorization reference, which resources and conditions each action
takes. A name that is neither in `NEEDS` nor in `NEEDS_NOTHING` fails a test.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ratchet.definition.document import DefinedStep
from ratchet.definition.resources import MODEL_PACKAGE
from ratchet.permissions.permission import TO_FILL_IN, Missing, Needs, Permission, missing
from ratchet.permissions.values import ANY, Values
from ratchet.settings import images
from ratchet.settings.arns import RegionArns


@dataclass(frozen=True, kw_only=True)
class Argument:
    """One argument of one step, and the definition that it stands in."""

    step: DefinedStep
    path: str
    value: Any
    values: Values
    arns: RegionArns

    @property
    def patterns(self) -> list[str]:
        return self.values.patterns(self.value)

    def missing(self, why: str, template: Permission) -> Missing:
        return missing(self.step.name, self.path, self.value, why, template)


def pulls(*uris: str) -> Needs:
    """The images of a container; of a repository that is not in ECR, nothing."""
    arns = (images.repository_arn(uri) for uri in uris if images.is_in_ecr(uri))
    repositories = list(dict.fromkeys(arns))
    if repositories:
        yield Permission(
            sid="LogInToRegistry",
            actions=["ecr:GetAuthorizationToken"],
            resources=[ANY],
            wildcard="The action knows no resource.",
        )
        yield _pull(repositories)


def _pull(repositories: list[str]) -> Permission:
    return Permission(
        sid="PullImage",
        actions=[
            "ecr:BatchCheckLayerAvailability",
            "ecr:GetDownloadUrlForLayer",
            "ecr:BatchGetImage",
        ],
        resources=repositories,
    )


def passes(
    arns: RegionArns, roles: list[str], *, service: str = "sagemaker.amazonaws.com"
) -> Permission:
    """Hands these roles, by name or ARN, to a service."""
    word = service.partition(".")[0].title().replace("-", "")
    return Permission(
        sid="PassRoles" if word == "Sagemaker" else f"PassRolesTo{word}",
        actions=["iam:PassRole"],
        resources=[role if role.startswith(("arn:", "${")) else arns.role(role) for role in roles],
        conditions={"StringEquals": {"iam:PassedToService": service}},
    )


def _image(argument: Argument) -> Needs:
    for uri in argument.patterns:
        if ANY in uri:
            why = "the definition does not name the image; name its repository"
            repository = argument.arns.of_service("ecr", f"repository/{TO_FILL_IN}")
            yield argument.missing(why, _pull([repository]))
        else:
            yield from pulls(uri)


def _role(argument: Argument) -> Needs:
    for role in argument.patterns:
        if ANY in role:
            why = "the definition does not name the role that the pipeline passes; name it"
            yield argument.missing(why, passes(argument.arns, [TO_FILL_IN]))
        else:
            yield passes(argument.arns, [role])


def _key(argument: Argument, sid: str, actions: list[str], what: str) -> Needs:
    for key in argument.patterns:
        if ANY in key:
            permission = Permission(sid=sid, actions=actions, resources=[_key_arn(argument.arns)])
            yield argument.missing(
                f"the definition does not name the key that {what}; name it", permission
            )
        elif "alias/" in key:
            # A policy's resource is a key; an alias may only be a condition:
            # https://docs.aws.amazon.com/kms/latest/developerguide/alias-authorization.html
            alias = "alias/" + key.partition("alias/")[2]
            yield Permission(
                sid=f"{sid}ByAlias",
                actions=actions,
                resources=[_key_arn(argument.arns, ANY)],
                conditions={"ForAnyValue:StringEquals": {"kms:ResourceAliases": [alias]}},
                wildcard="The key is known by its alias only, which the condition names.",
            )
        else:
            arn = key if key.startswith(("arn:", "${")) else _key_arn(argument.arns, key)
            yield Permission(sid=sid, actions=actions, resources=[arn])


def _key_arn(arns: RegionArns, name: str = TO_FILL_IN) -> str:
    return arns.of_service("kms", f"key/{name}")


def _output_key(argument: Argument) -> Needs:
    if argument.path == "KmsKeyId":  # of an endpoint configuration: the volumes of its instances
        yield from _volume_key(argument)
        return
    # The guide asks for kms:Encrypt beside what an upload to S3 needs.
    actions = ["kms:Encrypt", "kms:GenerateDataKey", "kms:Decrypt"]
    yield from _key(argument, "EncryptOutputs", actions, "encrypts the output")


def _volume_key(argument: Argument) -> Needs:
    actions = ["kms:CreateGrant", "kms:DescribeKey"]
    yield from _key(argument, "EncryptVolumes", actions, "encrypts the volume")


def _network(argument: Argument) -> Needs:
    yield Permission(
        sid="JoinNetwork",
        actions=[
            "ec2:CreateNetworkInterface",
            "ec2:CreateNetworkInterfacePermission",
            "ec2:DeleteNetworkInterface",
            "ec2:DeleteNetworkInterfacePermission",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeVpcs",
            "ec2:DescribeDhcpOptions",
            "ec2:DescribeSubnets",
            "ec2:DescribeSecurityGroups",
        ],
        resources=[ANY],
        wildcard="SageMaker makes the interfaces, and most of these actions know no resource; "
        "its guide asks for all nine unconditioned.",
    )


def _package(argument: Argument) -> Needs:
    """A model from the registry, of another account too: its group's policy must allow the same."""
    if argument.step.row.makes is MODEL_PACKAGE:  # a name of an unversioned package: of the account
        resources = [argument.arns.sagemaker(f"model-package/{n}") for n in argument.patterns]
        yield Permission(
            sid="RegisterUnversioned",
            actions=["sagemaker:CreateModelPackage", "sagemaker:DescribeModelPackage"],
            resources=resources,
            wildcard="The name is made by each run.",
        )
        return
    source = argument.values.source(argument.value)
    arns = argument.patterns
    if source is not None and source[0].row.makes is MODEL_PACKAGE:
        groups = argument.values.patterns(source[0].arguments.get("ModelPackageGroupName", ""))
        arns = [a for g in groups for a in argument.arns.sagemaker_any_case(f"model-package/{g}/*")]
    permission = Permission(
        sid="UseModelPackages",
        actions=["sagemaker:CreateModel", "sagemaker:DescribeModelPackage"],
        resources=arns,
        wildcard="The registry numbers the versions of this group.",
    )
    if ANY in arns:
        named = argument.arns.sagemaker(f"model-package/{TO_FILL_IN}")
        why = "the definition does not name the version; name it, or its group"
        template = Permission(sid=permission.sid, actions=permission.actions, resources=[named])
        yield argument.missing(why, template)
    else:
        yield permission


def _function(argument: Argument) -> Needs:
    """A function that answers with the password of a private registry."""
    actions = ["lambda:InvokeFunction"]
    yield Permission(sid="InvokeFunctions", actions=actions, resources=argument.patterns)


def _hub(argument: Argument) -> Needs:
    contents = argument.patterns
    hubs = [re.sub(r":hub-content/([^/]+)/.*", r":hub/\1", arn) for arn in contents]
    yield Permission(
        sid="ReadHub",
        actions=["sagemaker:DescribeHub", "sagemaker:DescribeHubContent"],
        resources=[*contents, *hubs],
        wildcard="The content is named by its newest version.",
    )


def _algorithm(argument: Argument) -> Needs:
    arns = argument.arns
    named = [
        n if n.startswith("arn:") else arns.sagemaker(f"algorithm/{n}") for n in argument.patterns
    ]
    yield Permission(
        sid="UseAlgorithms",
        actions=["sagemaker:DescribeAlgorithm"],
        resources=named,
        wildcard="A parameter of the run names the algorithm.",
    )


def _feature_group(argument: Argument) -> Needs:
    actions = ["sagemaker:DescribeFeatureGroup", "sagemaker:PutRecord"]
    for name in argument.patterns:
        group = argument.arns.sagemaker(f"feature-group/{TO_FILL_IN if name == ANY else name}")
        permission = Permission(
            sid="WriteFeatures",
            actions=actions,
            resources=[group],
            wildcard="A parameter of the run completes the name.",
        )
        if name == ANY:
            why = "the definition does not name the feature group; name it"
            yield argument.missing(why, permission)
        else:
            yield permission


def _by_hand(sid: str, why: str, *actions: str) -> Callable[[Argument], Needs]:
    """What AWS's documents do not settle: a person names the statement."""

    def need(argument: Argument) -> Needs:
        yield argument.missing(
            why, Permission(sid=sid, actions=list(actions), resources=[TO_FILL_IN])
        )

    return need


_redshift = _by_hand(
    "ReadRedshift",
    "the cluster, its database and its role are not known here; name them",
    "redshift:DescribeClusters",
    "redshift:GetClusterCredentials",
    "iam:PassRole",
)
_athena = _by_hand(
    "ReadAthena",
    "the work group, the tables and the bucket of results are not known here; name them",
    "athena:StartQueryExecution",
    "athena:GetQueryExecution",
    "athena:GetQueryResults",
    "glue:GetDatabase",
    "glue:GetTable",
    "glue:GetPartitions",
)
_file_system = _by_hand(
    "ReadFileSystem",
    "the file system's kind and policy are not known here; name it",
    "elasticfilesystem:ClientMount",
    "elasticfilesystem:DescribeMountTargets",
    "fsx:DescribeFileSystems",
)
_serverless_training = _by_hand(
    "TrainServerless",
    "what serverless training needs is not documented in full; see its guide",
    "sagemaker:DescribeHubContent",
    "sagemaker:CreateModelPackage",
)
_mlflow = _by_hand(
    "TrackInMlflow",
    "the definition does not name the MLflow server; name it",
    "sagemaker-mlflow:AccessUI",
    "sagemaker:DescribeMlflowTrackingServer",
)

NEEDS: Mapping[str, Callable[[Argument], Needs]] = {
    **dict.fromkeys(("ImageUri", "TrainingImage", "Image", "RuleEvaluatorImage"), _image),
    **dict.fromkeys(("RoleArn", "ExecutionRoleArn", "ValidationRole"), _role),
    "KmsKeyId": _output_key,
    "VolumeKmsKeyId": _volume_key,
    "Subnets": _network,
    "ModelPackageName": _package,
    "RepositoryCredentialsProviderArn": _function,
    "TrainingRepositoryCredentialsProviderArn": _function,
    **dict.fromkeys(("HubContentArn", "DatasetArn"), _hub),  # a data set is a hub's content too
    "AlgorithmName": _algorithm,
    "FeatureGroupName": _feature_group,
    "FileSystemId": _file_system,
    "ClusterId": _redshift,
    "WorkGroup": _athena,
    "MlflowResourceArn": _mlflow,
    "BaseModelArn": _serverless_training,
}

_S3 = "read or written as `storage.py` says, by where it lies"
_BY_TYPE = "a row of `steps.py` takes it with the step's own name"
NEEDS_NOTHING: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "DestinationS3Uri",
            "FeatureSpecificationS3Uri",
            "ManifestS3Uri",
            "ModelDataUrl",
            "OutputS3Uri",
            "S3FailurePath",
            "S3OutputPath",
            "S3Uri",
            "SamplePayloadUrl",
            "ShapBaselineUri",
            "SourceUri",
        ),
        _S3,
    ),
    **dict.fromkeys(("EndpointConfigName", "EndpointName", "ModelPackageGroupName"), _BY_TYPE),
    "SecurityGroupIds": "stands beside Subnets",
    "ClusterRoleArn": "stands beside ClusterId, whose statement names it",
    "EvaluatorArn": "stands beside BaseModelArn",
    "ModelPackageGroupArn": "stands beside BaseModelArn",
    "SourceModelPackageArn": "stands beside BaseModelArn",
    "ImageDigest": "of the image beside it",
    "MlReservationArn": "capacity of the account; CreateEndpoint asks for nothing more",
    "TrainingPlanArn": "capacity of the account; CreateTrainingJob asks for nothing more",
    "TrainingPlanArns": "capacity of the account; CreateTrainingJob asks for nothing more",
    "UltraServerId": "capacity of the account",
    "Repository": "a note in the registry",
    "RepositoryAccessMode": "a choice, not a resource",
    "TrainingRepositoryAccessMode": "a choice, not a resource",
    "AutoGenerateEndpointName": "a choice, not a resource",
}
"""Name of an argument that looks like a resource → why no row of `NEEDS` is for it."""

_OF_A_RESOURCE = re.compile(
    r"Kms|Role|Arns?$|Image|Uri$|Url$|S3.*Path$|Subnet|SecurityGroup|FileSystemId|ClusterId|WorkGroup"
    r"|Repository|AlgorithmName|FeatureGroupName|ModelPackage.*Name$|Endpoint.*Name$|UltraServerId"
)


def names_a_resource(member: str) -> bool:
    """Whether an argument of this name may be something that a permission is about."""
    return _OF_A_RESOURCE.search(member) is not None
