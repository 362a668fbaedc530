"""Runs of the pipeline: which there are, and starting one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from ratchet.loop import names
from ratchet.loop.answers import says_missing
from ratchet.loop.packages import PENDING, metadata_of, registered_regression
from start_pipeline.seen import Claim, Execution, Registered

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.client import SageMakerClient

# ResourceLimitExceeded: 20 runs in progress in the account, by default.
_NOT_NOW = frozenset({"ConflictException", "ResourceLimitExceeded"})


class NotNowError(Exception):
    """SageMaker refuses to start a run at this moment; the message is SageMaker's."""


@dataclass(frozen=True, kw_only=True)
class PipelineRuns:
    sagemaker: SageMakerClient
    pipeline: str

    def newest(self) -> Sequence[Execution]:
        """The newest 100 runs, newest first; one in progress is among them."""
        answer = self.sagemaker.list_pipeline_executions(
            PipelineName=self.pipeline,
            SortBy="CreationTime",
            SortOrder="Descending",
            MaxResults=100,
        )
        return [
            Execution(
                arn=summary["PipelineExecutionArn"],
                status=summary["PipelineExecutionStatus"],
                display_name=summary.get("PipelineExecutionDisplayName", ""),
                description=summary.get("PipelineExecutionDescription", ""),
                started=summary.get("StartTime"),
            )
            for summary in answer["PipelineExecutionSummaries"]
        ]

    def registered(self, execution_arn: str) -> Registered | None:
        """What a run registered; None when it registered nothing, or that is deleted."""
        # Few wakes look at a run: the table would cost each cold start 2 ms.
        from ratchet.definition.metadata import step_metadata

        paginator: Any = self.sagemaker.get_paginator("list_pipeline_execution_steps")
        for page in paginator.paginate(PipelineExecutionArn=execution_arn):
            for step in page["PipelineExecutionSteps"]:
                if arn := step_metadata(step).model_package_arn:
                    return self._described(arn)
        return None

    def _described(self, package_arn: str) -> Registered | None:
        try:
            package = self.sagemaker.describe_model_package(ModelPackageName=package_arn)
        except ClientError as error:
            if says_missing(error):
                return None
            raise
        metadata = metadata_of(package)
        regression = registered_regression(metadata)
        return Registered(
            version=package.get("ModelPackageVersion", 0),
            better=regression is None or regression < 0,
            waits=package.get("ModelApprovalStatus") == PENDING,
        )

    def start(self, claim: Claim, *, manifest_uri: str) -> str:
        """Start the run and answer its ARN: the same for the same content. Raises NotNowError."""
        try:
            answer = self.sagemaker.start_pipeline_execution(
                PipelineName=self.pipeline,
                PipelineExecutionDisplayName=claim.display_name,
                PipelineExecutionDescription=claim.description,
                PipelineParameters=[{"Name": names.DATA_PARAMETER, "Value": manifest_uri}],
                ClientRequestToken=token_of(
                    pipeline=self.pipeline, digest=claim.digest, episode=claim.episode
                ),
            )
        except ClientError as error:
            code, text = error.response["Error"]["Code"], error.response["Error"].get("Message")
            if code in _NOT_NOW:
                raise NotNowError(f"{code}: {text}") from None
            raise
        return answer["PipelineExecutionArn"]


def token_of(*, pipeline: str, digest: str, episode: str = "") -> str:
    """64 characters of the 32 to 128 that a token may have. The pipeline is in it because two
    pipelines may read the same content; the episode, because drift may ask for it once more."""
    parts = [pipeline, digest, episode] if episode else [pipeline, digest]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
