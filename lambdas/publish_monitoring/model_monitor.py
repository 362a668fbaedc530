"""The other engine: executions of SageMaker Model Monitor's schedules, published as they end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from publish_monitoring.analysis import AnalysisRecord
from publish_monitoring.publishing import Publishing
from ratchet.loop import names
from ratchet.loop.answers import says_missing

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.client import SageMakerClient

_FINISHED = frozenset({names.COMPLETED, names.COMPLETED_WITH_VIOLATIONS})


@dataclass(frozen=True, kw_only=True)
class ModelMonitorReader:
    sagemaker: SageMakerClient
    publishing: Publishing

    def catch_up(self, kind: str, *, schedule: str, package_arn: str) -> AnalysisRecord | None:
        """Publishes the schedule's newest finished execution, unless it already was."""
        newest = self._newest(schedule)
        if newest is None or newest["ProcessingJobArn"] == self._published(kind):
            return None
        job = self.sagemaker.describe_processing_job(
            ProcessingJobName=newest["ProcessingJobArn"].rpartition("/")[2]
        )
        start, end = _window(job.get("Environment", {}), newest["ScheduledTime"])
        (output,) = job["ProcessingOutputConfig"]["Outputs"]
        finished = self.publishing.finished(
            kind,
            folder=output["S3Output"]["S3Uri"].rstrip("/"),
            outcome=newest["MonitoringExecutionStatus"],
            start=start,
            end=end,
            package_arn=package_arn,
            execution=newest["ProcessingJobArn"],
        )
        self.publishing.publish(finished)
        return finished

    def _published(self, kind: str) -> str:
        return str(self.publishing.published(kind).get("execution", ""))

    def _newest(self, schedule: str) -> Mapping[str, Any] | None:
        try:
            answer = self.sagemaker.list_monitoring_executions(
                MonitoringScheduleName=schedule,
                SortBy="ScheduledTime",
                SortOrder="Descending",
                MaxResults=20,
            )
        except ClientError as error:
            if says_missing(error):
                return None
            raise
        for execution in answer["MonitoringExecutionSummaries"]:
            if execution["MonitoringExecutionStatus"] in _FINISHED:
                return execution
        return None


def _window(environment: Mapping[str, str], scheduled: datetime) -> tuple[str, str]:
    """The window that the job was given, in the container's contract
    (https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-contract-inputs.html);
    without it, the hour before the job was scheduled."""
    hour = scheduled.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    start = environment.get("start_time") or (hour - timedelta(hours=1)).isoformat()
    end = environment.get("end_time") or hour.isoformat()
    return start.replace("+00:00", "Z"), end.replace("+00:00", "Z")
