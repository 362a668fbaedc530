"""What jobs and containers may do, with the narrowest resource that each action knows.

Which actions take which resources and conditions:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html
"""

from __future__ import annotations

from collections.abc import Sequence

from config import images
from ratchet_cdk.arns import Arns
from ratchet_cdk.narrow_role import NarrowRole

# SageMaker names the jobs of a pipeline's steps pipelines-<execution id>-<step>-<random>.
_JOBS = "pipelines-*"
_NAMESPACES = ("/aws/sagemaker/*", "aws/sagemaker/*")  # the latter are Model Monitor's
_KINDS = ("Processing", "Training")
_VERBS = ("Create", "Describe", "Stop")


def grant_run_jobs(role: NarrowRole, *, arns: Arns, image_uri: str) -> None:
    """Lets a pipeline's role run processing and training jobs from an image, as itself."""
    _jobs(role, arns)
    _experiment(role, arns)
    groups = [f"/aws/sagemaker/{kind}Jobs" for kind in _KINDS]
    grant_be_container(role, arns=arns, image_uri=image_uri, log_groups=groups)


def grant_be_container(
    role: NarrowRole, *, arns: Arns, image_uri: str, log_groups: Sequence[str]
) -> None:
    """Lets SageMaker run a container as this role: its image, its logs, its metrics."""
    _logs_and_metrics(role, arns, log_groups)
    _image(role, arns, image_uri)


def _jobs(role: NarrowRole, arns: Arns) -> None:
    role.allow(
        "RunJobs",
        actions=[f"sagemaker:{verb}{kind}Job" for kind in _KINDS for verb in _VERBS]
        + ["sagemaker:AddTags"],
        resources=[arns.sagemaker(f"{kind.lower()}-job/{_JOBS}") for kind in _KINDS],
        wildcard="SageMaker names a step's job; all it says beforehand is the prefix.",
    )
    role.allow(
        "PassItselfToJobs",
        actions=["iam:PassRole"],
        resources=[role.arn],
        conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
    )


def _experiment(role: NarrowRole, arns: Arns) -> None:
    role.allow(
        "RecordExperiment",
        actions=[
            "sagemaker:CreateExperiment",
            "sagemaker:DescribeExperiment",
            "sagemaker:CreateTrial",
            "sagemaker:DescribeTrial",
            "sagemaker:CreateTrialComponent",
            "sagemaker:DescribeTrialComponent",
            "sagemaker:UpdateTrialComponent",
            "sagemaker:AssociateTrialComponent",
            "sagemaker:AddTags",
        ],
        resources=[
            arns.sagemaker("experiment/*"),
            arns.sagemaker("experiment-trial/*"),
            arns.sagemaker("experiment-trial-component/*"),
        ],
        wildcard="The experiment is a parameter of each run; trials are named by SageMaker.",
    )


def _logs_and_metrics(role: NarrowRole, arns: Arns, log_groups: Sequence[str]) -> None:
    role.allow(
        "WriteLogs",
        actions=[
            "logs:CreateLogGroup",
            "logs:CreateLogStream",
            "logs:DescribeLogStreams",
            "logs:PutLogEvents",
        ],
        resources=[arns.log_streams(group) for group in log_groups],
        wildcard="SageMaker names the streams.",
    )
    role.allow(
        "PutMetrics",
        actions=["cloudwatch:PutMetricData"],
        resources=["*"],
        # Model Monitor's namespaces have no slash before them.
        conditions={
            "StringLike": {"cloudwatch:namespace": ["/aws/sagemaker/*", "aws/sagemaker/*"]}
        },
        wildcard="The action knows no resource; the condition names the namespaces.",
    )


def _image(role: NarrowRole, arns: Arns, image_uri: str) -> None:
    role.allow(
        "LogInToRegistry",
        actions=["ecr:GetAuthorizationToken"],
        resources=["*"],
        wildcard="The action knows no resource.",
    )
    role.allow(
        "PullImage",
        actions=[
            "ecr:BatchCheckLayerAvailability",
            "ecr:GetDownloadUrlForLayer",
            "ecr:BatchGetImage",
        ],
        resources=[images.repository_arn(image_uri, partition=arns.partition)],
    )
