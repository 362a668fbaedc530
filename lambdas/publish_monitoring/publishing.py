"""Reads a finished analysis, puts the metric of its alarm, keeps the record, puts the details."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, ParamValidationError

import stored
from decision_log import say
from publish_monitoring import analysis
from publish_monitoring.analysis import AnalysisRecord
from ratchet.loop import folders, names

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.client import CloudWatchClient
    from mypy_boto3_s3.client import S3Client

_MOST_DATA = 500  # of 1,000 that a request takes


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Publishing:
    s3: S3Client
    cloudwatch: CloudWatchClient
    project: str
    environment: str
    bucket: str
    endpoint: str
    now: Callable[[], datetime] = _now

    def step(self, event: Mapping[str, Any]) -> AnalysisRecord:
        """Publishes the analysis that a step of the monitoring pipeline names."""
        kind, folder = analysis.kind_of(event.get("kind")), event["analysis"]
        report = self._text(f"{folder}/{folders.ANALYSIS}")
        if report is None:
            raise FileNotFoundError(
                f"{folder}/{folders.ANALYSIS} does not exist: nothing was analyzed"
            )
        finished = self.finished(
            kind,
            folder=folder,
            outcome=json.loads(report)["outcome"],
            start=event["start"],
            end=event["end"],
            package_arn=event["package_arn"],
            execution=event["execution"],
        )
        self.publish(finished)
        self._put_details(kind, folder)
        return finished

    def finished(
        self,
        kind: str,
        *,
        folder: str,
        outcome: str,
        start: str,
        end: str,
        package_arn: str,
        execution: str,
    ) -> AnalysisRecord:
        """The analysis whose reports are in this folder."""
        compared = outcome != names.TOO_FEW_ROWS
        report = self._text(f"{folder}/{folders.CONSTRAINT_VIOLATIONS}") if compared else None
        return AnalysisRecord(
            kind=kind,
            start=start,
            end=end,
            analysis=folder,
            outcome=outcome,
            violations=analysis.count_of(report),
            package_arn=package_arn,
            execution=execution,
        )

    def publish(self, finished: AnalysisRecord) -> None:
        """First puts, on its own and with the time of now, the count that the alarm watches: the
        alarm does not see data of a past period. Then writes the record: a crash in between
        publishes twice, which changes nothing."""
        if finished.compared:
            dimensions = names.dimensions(project=self.project, environment=self.environment)
            self._put(
                names.NAMESPACE,
                [
                    {
                        "MetricName": analysis.COUNTERS[finished.kind],
                        "Dimensions": [{"Name": k, "Value": v} for k, v in dimensions.items()],
                        "Timestamp": self.now(),
                        "Value": float(finished.violations),
                    }
                ],
            )
        self.s3.put_object(Bucket=self.bucket, Key=self._key(finished.kind), Body=finished.record())

    def published(self, kind: str) -> Mapping[str, Any]:
        """The record of the newest analysis that was published; empty when there is none."""
        text = self._text(f"s3://{self.bucket}/{self._key(kind)}")
        record: Mapping[str, Any] = json.loads(text) if text else {}
        return record

    def _key(self, kind: str) -> str:
        return folders.published(self.endpoint, kind)

    def _put_details(self, kind: str, folder: str) -> None:
        """Puts the metrics by feature. No alarm of the loop watches them, so a failure is only
        logged."""
        namespace = analysis.NAMESPACES[kind]
        refused: list[str] = []
        try:
            lines = self._text(f"{folder}/{folders.METRIC_LINES}")
            data = analysis.data_of(lines, now=self.now())
            for first in range(0, len(data), _MOST_DATA):
                refused += self._refused(namespace, data[first : first + _MOST_DATA])
        except Exception as error:
            say("go on", f"the metrics by feature are not put: {error}", level="WARNING")
        if refused:
            facts = {"metrics": refused[:5], "count": len(refused)}
            say("go on", "CloudWatch refuses metrics by feature", facts, level="WARNING")

    def _refused(self, namespace: str, data: list[dict[str, Any]]) -> list[str]:
        """Put the data; the names of those that are wrong. CloudWatch refuses a whole request for
        one of them, so each half is tried by itself."""
        try:
            self._put(namespace, data)
        except (ClientError, ParamValidationError) as error:
            if not _is_about_the_data(error):
                raise
            if len(data) == 1:
                return [str(data[0].get("MetricName"))]
            middle = len(data) // 2
            halves = data[:middle], data[middle:]
            return [name for half in halves for name in self._refused(namespace, half)]
        return []

    def _put(self, namespace: str, data: Any) -> None:
        self.cloudwatch.put_metric_data(Namespace=namespace, MetricData=data)

    def _text(self, uri: str) -> bytes | None:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        content = stored.read(self.s3, bucket=bucket, key=key)
        return content.body if content else None


def _is_about_the_data(error: ClientError | ParamValidationError) -> bool:
    """Whether CloudWatch refused the data, not the caller or the rate."""
    if isinstance(error, ParamValidationError):
        return True
    code = error.response["Error"]["Code"]
    return code.startswith(("InvalidParameter", "MissingParameter", "ValidationError"))
