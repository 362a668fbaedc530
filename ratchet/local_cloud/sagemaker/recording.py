"""Records a run while it goes on: steps, their jobs, their output, and the events of both."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import psutil

from ratchet.definition.row import Properties, StepType
from ratchet.definition.step_types import row_of
from ratchet.local_cloud.sagemaker import events, jobs
from ratchet.local_cloud.sagemaker.pipelines import STEP
from ratchet.local_cloud.sagemaker.service_side import LOG_LOST
from ratchet.local_cloud.sagemaker.store import AccountScope, Body
from ratchet.runner.expressions import as_text
from ratchet.runner.record_json import dumped

if TYPE_CHECKING:
    from ratchet.definition.step import DefinedStep
    from ratchet.local_cloud.sagemaker.api import Api
    from ratchet.runner import StepRecord

_FLUSH_SECONDS = 0.5


class Recorder:
    """Follows one execution for the runner; the runner calls it one call at a time.

    The output of jobs goes to the log groups that SageMaker writes to, in a stream named
    ``<job>/algo-1-<epoch seconds>``.
    """

    def __init__(
        self, api: Api, scope: AccountScope, execution: Body, steps: Mapping[str, DefinedStep]
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
        job = row_of(record.type).job
        if job and job.log_group and record.job_name and record.cache_hit_source is None:
            start = int(record.start_time.timestamp())
            self._streams[record.name] = (job.log_group, f"{record.job_name}/algo-1-{start}")
        if any(loss.startswith(LOG_LOST) for loss in record.losses):
            self._streams.pop(record.name, None)

    def _body(self, key: str, record: StepRecord) -> Body:
        definition = self._steps[record.name].body if record.name in self._steps else {}
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


def _metadata(
    scope: AccountScope, record: StepRecord, definition: Mapping[str, Any]
) -> Body | None:
    """``PipelineExecutionSteps[].Metadata``: which member it has depends on the step's type."""
    row = row_of(record.type)
    about = _about(row, record, definition, jobs.arn_of(scope, record))
    return None if about is None else {row.metadata_member: about}


def _about(
    row: StepType, record: StepRecord, definition: Mapping[str, Any], job_arn: str | None
) -> Body | None:
    if row.job:
        job = {row.metadata_arn: job_arn} if job_arn else {}
        if row.properties is not Properties.LISTED:
            return job or None
        return {**{k: v for k, v in record.properties.items() if k in _CHECK_MEMBERS}, **job}
    if row.makes:
        arn = record.properties.get(row.makes.arn_member)
        return {row.metadata_arn: arn} if arn else None
    if row.properties is Properties.DECLARED:
        return {**_called(row, record, definition), "OutputParameters": _outputs(record)}
    if row.holds_branches:
        return {"Outcome": record.outcome.capitalize()} if record.outcome else None
    return {"ErrorMessage": (record.failure_reason or "")[:3072]} if row.ends_run else None


def _called(row: StepType, record: StepRecord, definition: Mapping[str, Any]) -> Body:
    """The function that a step called, or the queue that it wrote to."""
    key = row.beside.key if row.beside else ""
    if row.metadata_arn:
        function = definition.get(key)
        return {row.metadata_arn: function} if isinstance(function, str) else {}
    properties = record.properties
    return {name: properties[name] for name in ("CallbackToken", key) if name in properties}


def _outputs(record: StepRecord) -> list[Body]:
    return [
        {"Name": name, "Value": as_text(value)} for name, value in record.output_parameters.items()
    ]


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
"""Of ``QualityCheckStepMetadata``."""
