"""What is needed to find out what a run cost: its steps, their jobs, and the price of instances."""

from __future__ import annotations

from collections.abc import Sequence

from ratchet_cdk.arns import Arns
from ratchet_cdk.narrow_role import NarrowRole


def grant_price_runs(role: NarrowRole, *, arns: Arns, pipelines: Sequence[str]) -> None:
    """Describes the executions of these pipelines, their steps and jobs, and asks for prices.

    `pipelines`: ARNs.
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
            "sagemaker:ListTrainingJobsForHyperParameterTuningJob",
        ],
        resources=[
            arns.sagemaker("processing-job/pipelines-*"),
            arns.sagemaker("transform-job/pipelines-*"),
            # A search has no room for the prefix, and the trainings it starts carry its name.
            arns.sagemaker("training-job/*"),
            arns.sagemaker("hyper-parameter-tuning-job/*"),
        ],
        wildcard="SageMaker names a step's jobs; all it says beforehand is the prefix, if any.",
    )
    role.allow(
        "AskForPrices",
        actions=["pricing:GetProducts"],
        resources=["*"],
        wildcard="The action knows no resource; the price list is public.",
    )
