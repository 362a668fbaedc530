"""Stores an evaluation once: metrics, the record, and the latest one on the version itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import stored
from decision_log import say
from ratchet.loop import evaluations, folders, names, packages
from ratchet.loop.evaluations import EvaluationRecord
from record_evaluation import evaluation
from record_evaluation.evaluation import ReportError, Standards

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.client import CloudWatchClient
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sagemaker.client import SageMakerClient


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Recording:
    s3: S3Client
    cloudwatch: CloudWatchClient
    sagemaker: SageMakerClient
    project: str
    environment: str
    bucket: str
    minimum_rows: int
    now: Callable[[], datetime] = _now

    def record(self, event: Mapping[str, Any], *, champion: str) -> EvaluationRecord:
        """The evaluation that the event is about, recorded. The same execution again changes
        nothing: what was recorded first stands.

        Args:
            event: see `handler`.
            champion: the ARN of the package that serves now.
        """
        package_arn = str(event["package_arn"])
        key = folders.evaluation(package_arn.rpartition("/")[2], event["execution"])
        package = self.sagemaker.describe_model_package(ModelPackageName=package_arn)
        metadata = packages.metadata_of(package)
        if (recorded := self._read(key)) is None:
            record = self._evaluated(event, metadata, champion=champion)
            # First and by itself what the alarm watches; at once after it why, for who reads of the
            # alarm. The record comes last: a crash before it says the same once more.
            self._count(record)
            self._write(folders.LATEST_EVALUATION, record)
            self._write(key, record)
            self._score(record)
        else:
            record = evaluations.parse(recorded)
        self._note(record, metadata)
        return record

    def _evaluated(
        self, event: Mapping[str, Any], metadata: Mapping[str, str], *, champion: str
    ) -> EvaluationRecord:
        report, manifest = str(event["report"]), str(event["manifest"])
        text = self._read_uri(report)
        if text is None:
            raise ReportError(f"{report} does not exist: the evaluate step has left no report")
        judged = evaluation.judged(json.loads(text), uri=report)
        evaluation.check_threshold(judged, metadata, uri=report)
        standards = Standards(
            floor=float(event["floor"]) if "floor" in event else None,
            max_regression=float(event["max_regression"]),
            minimum_rows=self.minimum_rows,
        )
        registered = evaluation.registered_score(metadata, judged.metric)
        outcome = evaluation.outcome_of(judged, standards, registered=registered)
        broken = evaluation.violations(judged, standards, registered=registered)
        return EvaluationRecord(
            evaluated=self.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            execution=str(event["execution"]),
            package_arn=str(event["package_arn"]),
            version=int(str(event["package_arn"]).rpartition("/")[2]),
            manifest=manifest,
            data=evaluation.data_of(json.loads(self._read_uri(manifest) or b"[]")),
            metric=judged.metric,
            better=judged.better,
            rows=judged.rows,
            score=judged.score,
            interval=judged.interval,
            floor=standards.floor,
            max_regression=standards.max_regression,
            registered=registered,
            served=champion == event["package_arn"],
            outcome=outcome,
            violations=list(broken) if outcome == names.COMPLETED_WITH_VIOLATIONS else [],
            verdict=judged.verdict,
        )

    def _count(self, record: EvaluationRecord) -> None:
        if record.served and record.compared:
            self._put(names.MODEL_QUALITY_VIOLATIONS, float(len(record.violations)))

    def _score(self, record: EvaluationRecord) -> None:
        """Puts the score as a metric that no alarm watches."""
        if record.served and record.score is not None:
            try:
                self._put(names.EVALUATION_SCORE, record.score)
            except Exception as error:
                why = f"the metric {names.EVALUATION_SCORE} was not put: {error}"
                say("go on", why, level="WARNING")

    def _put(self, name: str, value: float) -> None:
        dimensions = names.dimensions(project=self.project, environment=self.environment)
        data: Any = {
            "MetricName": name,
            "Dimensions": [{"Name": k, "Value": v} for k, v in dimensions.items()],
            "Timestamp": self.now(),  # the alarm would not see a datum of a past period
            "Value": value,
        }
        self.cloudwatch.put_metric_data(Namespace=names.NAMESPACE, MetricData=[data])

    def _note(self, record: EvaluationRecord, metadata: Mapping[str, str]) -> None:
        """On the version, unless a later evaluation stands there. Writing changes the version's
        time, by which a deployment that failed would count as approved anew: such a one is left
        alone."""
        noted = {
            packages.EVALUATION_TIME_KEY: record.evaluated,
            packages.EVALUATION_OUTCOME_KEY: record.outcome,
            packages.EVALUATION_SCORE_KEY: names.NONE
            if record.score is None
            else f"{record.score:.6f}",
        }
        if packages.DEPLOYMENT_MARK_KEY in metadata or noted.items() <= metadata.items():
            return
        if metadata.get(packages.EVALUATION_TIME_KEY, "") > record.evaluated:
            return
        try:
            self.sagemaker.update_model_package(
                ModelPackageArn=record.package_arn,
                CustomerMetadataProperties={**metadata, **noted},
            )
        except Exception as error:  # the record has all of it
            say("go on", f"the version does not name its evaluation: {error}", level="WARNING")

    def _write(self, key: str, record: EvaluationRecord) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=record.to_json())

    def _read(self, key: str) -> bytes | None:
        content = stored.read(self.s3, bucket=self.bucket, key=key)
        return content.body if content else None

    def _read_uri(self, uri: str) -> bytes | None:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        content = stored.read(self.s3, bucket=bucket, key=key)
        return content.body if content else None
