"""The permissions to price a run: its steps, their jobs, and the price of instances."""

from __future__ import annotations

from collections.abc import Sequence

from ratchet.settings import tags
from ratchet.settings.schema import Settings
from ratchet_cdk.permissions.arns import EnvironmentArns
from ratchet_cdk.permissions.narrow_role import NarrowRole


def grant_price_runs(
    role: NarrowRole, *, arns: EnvironmentArns, pipelines: Sequence[str], settings: Settings
) -> None:
    """Describes the executions of these pipelines, their steps and jobs, and asks for prices.

    `pipelines`: ARNs, or beginnings of ARNs that end in `*`.
    """
    role.allow(
        "LookAtRuns",
        actions=[
            "sagemaker:DescribePipelineExecution",
            "sagemaker:ListPipelineExecutionSteps",
            "sagemaker:ListPipelineParametersForExecution",
        ],
        resources=[f"{arn}/execution/*" for arn in pipelines],
        wildcard="SageMaker names the executions of these pipelines.",
    )
    role.allow(
        "LookAtJobs",
        actions=[
            "sagemaker:DescribeTrainingJob",
            "sagemaker:DescribeProcessingJob",
            "sagemaker:DescribeTransformJob",
        ],
        resources=[
            arns.sagemaker(f"{kind}-job/pipelines-*")
            for kind in ("training", "processing", "transform")
        ],
        wildcard="SageMaker names a step's jobs; all it says beforehand is the prefix.",
    )
    role.allow(
        "LookAtSearches",
        actions=[
            "sagemaker:DescribeTrainingJob",
            "sagemaker:ListTrainingJobsForHyperParameterTuningJob",
        ],
        resources=[
            arns.sagemaker("training-job/*"),
            arns.sagemaker("hyper-parameter-tuning-job/*"),
        ],
        # A search's tags are those of the trainings that it starts, too:
        # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateHyperParameterTuningJob.html
        conditions={
            "StringEquals": {
                f"aws:ResourceTag/{tags.PROJECT}": settings.project,
                f"aws:ResourceTag/{tags.MODEL}": settings.model_name,
                f"aws:ResourceTag/{tags.ENVIRONMENT}": settings.environment,
            }
        },
        wildcard="A search's name has no room for the prefix; its tags say whose it is.",
    )
    role.allow(
        "AskForPrices",
        actions=["pricing:GetProducts"],
        resources=["*"],
        wildcard="The action knows no resource; the price list is public.",
    )
