"""Writes down a run as it goes on: steps, their jobs, their output, and the events of both."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import psutil

from ratchet.local_cloud.sagemaker import events, jobs
from ratchet.local_cloud.sagemaker.pipelines import STEP
from ratchet.local_cloud.sagemaker.service_side import LOG_LOST, STEP_TYPES
from ratchet.local_cloud.sagemaker.store import Body, Scope
from ratchet.runner.expressions import as_text
from ratchet.runner.record_json import dumped

if TYPE_CHECKING:
    from ratchet.local_cloud.sagemaker.api import Api
    from ratchet.runner import StepRecord

_FLUSH_SECONDS = 0.5


class Recorder:
    """Follows one execution for the runner; the runner calls it one call at a time.

    The output of jobs goes to the log groups that SageMaker writes to, in a stream named
    ``<job>/algo-1-<epoch seconds>``.
    """

    def __init__(
        self, api: Api, scope: Scope, execution: Body, steps: Mapping[str, Mapping[str, Any]]
    ) -> None:
        self._api = api
        self._scope = scope
        self._execution = execution
        self._steps = steps
        self._streams: dict[str, tuple[str, str]] = {}
        self._lines: dict[str, list[tuple[float, str]]] = {}
        self._flushed = time.monotonic()
        self._lock = threading.Lock()

    def step_changed(self, record: StepRecord) -> None:
        """Store the step and its job, and tell EventBridge when the status is another one."""
        api, scope = self._api, self._scope
        key = f"{self._execution['Id']}/{record.name}"
        before = api.store.get(scope, STEP, key) or {}
        body = self._body(key, record)
        with api.store.transaction():
            jobs.record(api, scope, self._execution, record)
            api.store.put(scope, STEP, key, body, parent=self._execution["PipelineExecutionArn"])
            previous = before.get("StepStatus")
            if previous != record.status:
                events.step_changed(api, scope, self._execution, body, previous=previous)
        self._open_stream(record)
        if record.end_time is not None:
            self.flush()

    def step_line(self, step_name: str, stream: str, line: str) -> None:
        """Keep one line of a step's output for its log stream."""
        del stream  # CloudWatch Logs has one stream for both
        with self._lock:
            self._lines.setdefault(step_name, []).append((time.time(), line))
            due = time.monotonic() - self._flushed > _FLUSH_SECONDS
        if due:
            self.flush()

    def flush(self) -> None:
        """Hand the lines kept so far to CloudWatch Logs."""
        with self._lock:
            lines, self._lines = self._lines, {}
            self._flushed = time.monotonic()
        for step_name, batch in lines.items():
            if step_name in self._streams:
                group, stream = self._streams[step_name]
                self._api.cloud.put_log_lines(self._scope, group=group, stream=stream, lines=batch)

    def _open_stream(self, record: StepRecord) -> None:
        side = STEP_TYPES.get(record.type)
        if side and side.jobs and record.job_name and record.cache_hit_source is None:
            start = int(record.start_time.timestamp())
            place = (f"/aws/sagemaker/{side.jobs}", f"{record.job_name}/algo-1-{start}")
            self._streams[record.name] = place
        if any(loss.startswith(LOG_LOST) for loss in record.losses):
            self._streams.pop(record.name, None)

    def _body(self, key: str, record: StepRecord) -> Body:
        definition = self._steps.get(record.name, {})
        body: Body = {
            "Key": key,
            "StepName": record.name,
            "StepType": record.type,
            "StepDisplayName": definition.get("DisplayName"),
            "StepDescription": _description(definition, record),
            "StepStatus": record.status,
            "StartTime": record.start_time.timestamp(),
            "EndTime": record.end_time.timestamp() if record.end_time else None,
            "FailureReason": record.failure_reason[:1024] if record.failure_reason else None,
            "AttemptCount": record.attempt,
            "Metadata": _metadata(self._scope, record, definition),
            "CacheExplanation": record.cache_explanation,
            "JobName": record.job_name,
            "ProcessGroup": process_group(record.process_group),
        }
        if record.status == "Succeeded":
            body["Result"] = dumped(record)
        if record.cache_hit_source:
            body["CacheHitResult"] = {"SourcePipelineExecutionArn": record.cache_hit_source}
        return {name: value for name, value in body.items() if value is not None}


def _description(definition: Mapping[str, Any], record: StepRecord) -> str | None:
    """The definition's words, why the step hit or missed the cache, and what its job went on
    without: AWS's answer has no place of its own for these."""
    why = record.cache_explanation if not record.cache_explanation.startswith("off") else None
    words = [definition.get("Description"), why, *record.losses]
    return " · ".join(filter(None, words))[:3072] or None


def process_group(group: int | None) -> Body | None:
    """A process group with its leader's start time, so that a reused id is not taken for it."""
    if group is None:
        return None
    try:
        return {"id": group, "started": psutil.Process(group).create_time()}
    except psutil.Error:
        return {"id": group, "started": None}


def _metadata(scope: Scope, record: StepRecord, definition: Mapping[str, Any]) -> Body | None:
    """``PipelineExecutionSteps[].Metadata``: which member it has depends on the step's type."""
    arn = jobs.arn_of(scope, record)
    if record.type == "QualityCheck":
        return {"QualityCheck": _quality_check(record, arn)}
    if arn:
        return {f"{record.type}Job": {"Arn": arn}}
    if record.type == "Condition" and record.outcome:
        return {"Condition": {"Outcome": record.outcome.capitalize()}}
    if record.type == "RegisterModel" and "ModelPackageArn" in record.properties:
        return {"RegisterModel": {"Arn": record.properties["ModelPackageArn"]}}
    if record.type == "Model" and "ModelArn" in record.properties:
        return {"Model": {"Arn": record.properties["ModelArn"]}}
    if record.type == "Lambda":
        outputs = [
            {"Name": name, "Value": as_text(value)}
            for name, value in record.output_parameters.items()
        ]
        function = definition.get("FunctionArn")
        return {
            "Lambda": {
                **({"Arn": function} if isinstance(function, str) else {}),
                "OutputParameters": outputs,
            }
        }
    if record.type == "Callback":
        outputs = [
            {"Name": name, "Value": as_text(value)}
            for name, value in record.output_parameters.items()
        ]
        common = {
            key: record.properties[key]
            for key in ("CallbackToken", "SqsQueueUrl")
            if key in record.properties
        }
        return {"Callback": {**common, "OutputParameters": outputs}}
    if record.type == "Fail":
        return {"Fail": {"ErrorMessage": (record.failure_reason or "")[:3072]}}
    return None


_CHECK_MEMBERS = (
    "CheckType",
    "BaselineUsedForDriftCheckStatistics",
    "BaselineUsedForDriftCheckConstraints",
    "CalculatedBaselineStatistics",
    "CalculatedBaselineConstraints",
    "ModelPackageGroupName",
    "ViolationReport",
    "SkipCheck",
    "RegisterNewBaseline",
)


def _quality_check(record: StepRecord, arn: str | None) -> Body:
    """``QualityCheckStepMetadata``."""
    check = {key: record.properties[key] for key in _CHECK_MEMBERS if key in record.properties}
    return {**check, **({"CheckJobArn": arn} if arn else {})}
