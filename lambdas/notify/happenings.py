"""The notice for each event.

The event names a thing; what is said of it is read where it is, so a late or repeated event about
a version that was approved in the meantime says nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

import stored
from decision_log import say
from notice_texts import NoticeTexts
from ratchet.definition.metadata import failed_step, step_metadata
from ratchet.definition.resources import PROCESSING_JOB
from ratchet.loop import folders, names
from ratchet.loop.answers import says_missing
from ratchet.loop.packages import PENDING, metadata_of
from topic import Notice

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.client import CloudWatchClient
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sagemaker.client import SageMakerClient

_RAISED_WITHIN = timedelta(minutes=5)
"""From the metric to the alarm on it: its period is a minute."""
_KINDS = {
    names.DRIFT_VIOLATIONS: names.DATA_QUALITY,
    names.MODEL_QUALITY_VIOLATIONS: names.MODEL_QUALITY,
}


@dataclass(frozen=True, kw_only=True)
class Happenings:
    texts: NoticeTexts
    sagemaker: SageMakerClient
    s3: S3Client
    cloudwatch: CloudWatchClient
    artifacts: str
    endpoint: str
    feedback: bool
    cost_of: Callable[[str], str]
    """ARN of an execution → what it cost, in a sentence; "" when that cannot be told."""

    def notice_of(self, event: Mapping[str, Any]) -> Notice | None:
        """None: no notice is needed, or no longer."""
        detail = event.get("detail", {})
        match event.get("detail-type"):
            case "SageMaker Model Package State Change":
                return self._registered(detail["ModelPackageArn"])
            case "SageMaker Model Building Pipeline Execution Status Change":
                return self._run(detail["pipelineExecutionArn"])
            case "CloudWatch Alarm State Change":
                return self._alarm(detail)
        return None

    # -- the registry --------------------------------------------------------------------------

    def _registered(self, arn: str) -> Notice | None:
        try:
            package = self.sagemaker.describe_model_package(ModelPackageName=arn)
        except ClientError as error:
            if says_missing(error):
                return None
            raise
        if package.get("ModelApprovalStatus") != PENDING:
            return None
        return self.texts.waiting(
            package["ModelPackageVersion"],
            description=package.get("ModelPackageDescription", ""),
            metadata=metadata_of(package),
            cost=self._cost_of_training(package),
            edit=names.holds_edits(package.get("MetadataProperties", {}).get("GeneratedBy", "")),
        )

    def _cost_of_training(self, package: Mapping[str, Any]) -> str:
        """The cost of the run that registered the version."""
        run = package.get("MetadataProperties", {}).get("GeneratedBy", "")
        return self.cost_of(run) if ":pipeline/" in run else ""

    # -- runs ----------------------------------------------------------------------------------

    def _run(self, arn: str) -> Notice | None:
        run = self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        status = run["PipelineExecutionStatus"]
        name = arn.rpartition("/")[2]
        if status == "Succeeded":
            return self._no_new_model(name, arn)
        if status != "Failed":
            return None
        failed = (step for step in self._steps(arn) if step["StepStatus"] == "Failed")
        step = failed_step(failed, step_metadata) or {}
        if verdict := step_metadata(step).verdict:
            edit = names.holds_edits(arn)
            return self.texts.halted(name, verdict=verdict, cost=self.cost_of(arn), edit=edit)
        reason = step.get("FailureReason") or run.get("FailureReason") or "no reason is given"
        return self.texts.run_failed(
            name,
            pipeline=run["PipelineArn"].rpartition("/")[2],
            step=step.get("StepName"),
            why=reason,
            cost=self.cost_of(arn),
        )

    def _no_new_model(self, name: str, arn: str) -> Notice | None:
        """None where the run's gate let a new model pass, or it has no such gate."""
        steps = {step["StepName"]: step for step in self._steps(arn)}
        if step_metadata(steps.get(names.NEW_MODEL_GATE, {})).outcome is not False:
            return None
        for step in steps.values():
            report = self._report_of(step)
            if report.get("candidate", {}).get("status") in (names.THE_CHAMPION, names.REGISTERED):
                verdict = str(report["verdict"])
                return self.texts.no_new_model(name, verdict=verdict, cost=self.cost_of(arn))
        return self.texts.no_new_model(name, verdict="", cost=self.cost_of(arn))

    def _report_of(self, step: Mapping[str, Any]) -> Mapping[str, Any]:
        """Of a step that evaluates models; empty for another. A cached step names the job that
        once did the work."""
        job = step_metadata(step).job
        if job is None or job[0] is not PROCESSING_JOB:
            return {}
        described = self.sagemaker.describe_processing_job(ProcessingJobName=job[1])
        for output in described.get("ProcessingOutputConfig", {}).get("Outputs", ()):
            uri = output.get("S3Output", {}).get("S3Uri", "")
            if output["OutputName"] == folders.REPORT_OUTPUT:
                key = f"{uri.removeprefix(f's3://{self.artifacts}/').rstrip('/')}/"
                return self._json(f"{key}{folders.EVALUATION_REPORT}")
        return {}

    def _steps(self, arn: str) -> Iterator[Mapping[str, Any]]:
        """In the order in which they started."""
        paginator: Any = self.sagemaker.get_paginator("list_pipeline_execution_steps")
        for page in paginator.paginate(PipelineExecutionArn=arn, SortOrder="Ascending"):
            yield from page["PipelineExecutionSteps"]

    # -- alarms --------------------------------------------------------------------------------

    def _alarm(self, detail: Mapping[str, Any]) -> Notice | None:
        if detail.get("state", {}).get("value") != "ALARM":
            return None
        alarms = self.cloudwatch.describe_alarms(AlarmNames=[detail["alarmName"]])["MetricAlarms"]
        for alarm in alarms:
            return self._notice_of_alarm(alarm)
        return None  # deleted meanwhile

    def _notice_of_alarm(self, alarm: Mapping[str, Any]) -> Notice:
        metric = alarm.get("MetricName")
        if alarm.get("Namespace") == names.NAMESPACE and metric in _KINDS:
            violated, window = self._violations(metric)
            if metric == names.MODEL_QUALITY_VIOLATIONS and (evaluated := self._evaluation(alarm)):
                return self.texts.evaluated_worse(
                    evaluated["version"],
                    data=evaluated.get("data", ""),
                    violations=evaluated["violations"],
                    retrains=self.feedback,
                )
            if metric == names.MODEL_QUALITY_VIOLATIONS:
                return self.texts.model_quality(violated, window=window, retrains=self.feedback)
            return self.texts.drift(violated, window=window, retrains=self.feedback)
        if alarm.get("Namespace") == "AWS/SQS":
            queues = [d["Value"] for d in alarm.get("Dimensions", ()) if d["Name"] == "QueueName"]
            return self.texts.dead_letters("".join(queues))
        return self.texts.alarm(
            alarm["AlarmName"],
            description=alarm.get("AlarmDescription", ""),
            reason=alarm.get("StateReason", ""),
        )

    def _evaluation(self, alarm: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The evaluation that raised this alarm; None when it was an analysis of traffic. Both put
        the same metric, so the times decide: the evaluation is recorded as its metric is put."""
        latest = self._json(folders.LATEST_EVALUATION)
        raised = alarm.get("StateTransitionedTimestamp") or alarm.get("StateUpdatedTimestamp")
        if not latest.get("violations") or not latest.get("served") or raised is None:
            return None
        waited = raised - datetime.fromisoformat(latest["evaluated"])
        return latest if timedelta(seconds=-1) <= waited <= _RAISED_WITHIN else None

    def _violations(self, metric: str) -> tuple[Sequence[str], str]:
        """Which features or metrics the newest analysis found, and its window in words."""
        record = self._json(folders.published(self.endpoint, _KINDS[metric]))
        analysis = record.get("analysis", "").removeprefix(f"s3://{self.artifacts}/")
        report = self._json(f"{analysis}/{folders.CONSTRAINT_VIOLATIONS}") if analysis else {}
        violated = [
            violation.get("feature_name") or violation.get("metric_name") or ""
            for violation in report.get("violations", ())
        ]
        start, end = record.get("start", ""), record.get("end", "")
        window = f" from {start} to {end}" if start and end else ""
        return [name for name in dict.fromkeys(violated) if name], window

    def _json(self, key: str) -> Mapping[str, Any]:
        """Empty if there is no such object, or it cannot be read: the notice then says less."""
        try:
            stored_object = stored.read(self.s3, bucket=self.artifacts, key=key)
            content: Mapping[str, Any] = json.loads(stored_object.body) if stored_object else {}
        except Exception as error:
            say("go on", f"{key} cannot be read: {error}", level="WARNING")
            return {}
        return content
