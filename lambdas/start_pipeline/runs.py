"""Runs of the pipeline: which there are, and starting one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from start_pipeline.plan import Claim, Execution

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.client import SageMakerClient

_PARAMETER = "InputManifest"

# ResourceLimitExceeded: 20 runs in progress in the account, by default.
_NOT_NOW = frozenset({"ConflictException", "ResourceLimitExceeded"})


class NotNowError(Exception):
    """SageMaker refuses to start a run at this moment; the message is SageMaker's."""


@dataclass(frozen=True, kw_only=True)
class Runs:
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
                arn=found["PipelineExecutionArn"],
                status=found["PipelineExecutionStatus"],
                display_name=found.get("PipelineExecutionDisplayName", ""),
                description=found.get("PipelineExecutionDescription", ""),
            )
            for found in answer["PipelineExecutionSummaries"]
        ]

    def start(self, claim: Claim, *, manifest_uri: str) -> str:
        """Start the run and answer its ARN: the same for the same content. Raises NotNowError."""
        try:
            answer = self.sagemaker.start_pipeline_execution(
                PipelineName=self.pipeline,
                PipelineExecutionDisplayName=claim.display_name,
                PipelineExecutionDescription=claim.description,
                PipelineParameters=[{"Name": _PARAMETER, "Value": manifest_uri}],
                ClientRequestToken=token_of(pipeline=self.pipeline, digest=claim.digest),
            )
        except ClientError as error:
            code, text = error.response["Error"]["Code"], error.response["Error"].get("Message")
            if code in _NOT_NOW:
                raise NotNowError(f"{code}: {text}") from None
            raise
        return answer["PipelineExecutionArn"]


def token_of(*, pipeline: str, digest: str) -> str:
    """64 characters of the 32 to 128 that a token may have. The pipeline is in it because two
    pipelines may read the same content."""
    return hashlib.sha256(f"{pipeline}\n{digest}".encode()).hexdigest()
