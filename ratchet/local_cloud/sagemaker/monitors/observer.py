"""Records a monitoring job while it runs: the job, its execution, its output, its events."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from ratchet.local_cloud.sagemaker import events
from ratchet.local_cloud.sagemaker.recording import process_group
from ratchet.local_cloud.sagemaker.service_side import LOG_LOST
from ratchet.local_cloud.sagemaker.store import AccountScope, Body
from ratchet.local_cloud.sagemaker.table import MONITORING_SCHEDULE, PROCESSING_JOB
from ratchet.loop import names

if TYPE_CHECKING:
    from ratchet.local_cloud.sagemaker.api import Api
    from ratchet.runner import StepRecord

EXECUTION = "MonitoringExecution"
_LOG = logging.getLogger("ratchet.monitors")
_LOG_GROUP = "/aws/sagemaker/ProcessingJobs"
_KNOWN_OF_JOB = (
    "ProcessingJobStatus",
    "ExitMessage",
    "FailureReason",
    "CreationTime",
    "ProcessingStartTime",
    "ProcessingEndTime",
    "LastModifiedTime",
)
_VIOLATIONS, _TOO_FEW = names.COMPLETED_WITH_VIOLATIONS, names.TOO_FEW_ROWS


class JobObserver:
    """Follows the one step of a monitoring job for the runner."""

    def __init__(self, api: Api, scope: AccountScope, request: Body, *, schedule_arn: str) -> None:
        self._api = api
        self._scope = scope
        self._request = request
        self._name: str = request["ProcessingJobName"]
        self._schedule_arn = schedule_arn
        self._stream = f"{self._name}/algo-1-{int(time.time())}"
        self._lines: list[tuple[float, str]] = []
        self._last: Body = {}

    def step_changed(self, record: StepRecord) -> None:
        """Store the job. Its end is stored by ``finish`` and told by ``told``: reports first."""
        if record.end_time is None:
            self._store(record)
            changes = {
                "MonitoringExecutionStatus": "InProgress",
                "ProcessingJobArn": self._last["ProcessingJobArn"],
                "ProcessGroup": process_group(record.process_group),
            }
            summary_changed(self._api, self._scope, self._name, changes)

    def step_line(self, step_name: str, stream: str, line: str) -> None:
        """Keep one line of output."""
        del step_name, stream
        self._lines.append((time.time(), line))

    def finish(self, record: StepRecord | None) -> None:
        """The job has ended."""
        losses = record.losses if record else ()
        for loss in losses:
            _LOG.warning("%s: %s", self._name, loss)
        if self._lines and not any(loss.startswith(LOG_LOST) for loss in losses):
            self._api.cloud.put_log_lines(
                self._scope, group=_LOG_GROUP, stream=self._stream, lines=self._lines
            )
        if record is not None:
            self._store(record)

    @property
    def compared(self) -> bool:
        """Whether the analysis could be made."""
        return not self._last.get("ExitMessage", "").startswith(_TOO_FEW)

    def end_execution(self) -> None:
        """Give the execution its status, then tell EventBridge."""
        status = self._last.get("ProcessingJobStatus", "Failed")
        if status == "Completed" and self._last.get("ExitMessage", "").startswith(_VIOLATIONS):
            status = _VIOLATIONS
        changes = {
            "MonitoringExecutionStatus": status,
            "FailureReason": self._last.get("FailureReason"),
            "ProcessGroup": None,
        }
        with self._api.store.transaction():
            summary_changed(self._api, self._scope, self._name, changes)
            events.processing_job_changed(self._api, self._scope, self._last)

    def _store(self, record: StepRecord) -> None:
        properties = {
            key: record.properties[key] for key in _KNOWN_OF_JOB if key in record.properties
        }
        self._last = {
            **self._request,
            "CreationTime": record.start_time.timestamp(),
            "ProcessingJobStatus": "InProgress",
            **properties,
            "ProcessingJobArn": self._scope.arn(f"{PROCESSING_JOB.arn_path}/{self._name}"),
            "MonitoringScheduleArn": self._schedule_arn,
        }
        self._api.store.put(self._scope, PROCESSING_JOB.name, self._name, self._last)


def summary_changed(api: Api, scope: AccountScope, job: str, changes: Body) -> None:
    """Change an execution's summary; its schedule shows the last one."""
    with api.store.transaction():
        stamped = {**changes, "LastModifiedTime": api.now()}
        summary = api.store.update(scope, EXECUTION, job, stamped)
        schedule = summary["MonitoringScheduleName"]
        if api.store.get(scope, MONITORING_SCHEDULE.name, schedule) is not None:
            shown = {"LastMonitoringExecutionSummary": summary}
            api.store.update(scope, MONITORING_SCHEDULE.name, schedule, shown)
