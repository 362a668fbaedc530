"""Runs monitoring schedules: the analyzer as a processing job, and what becomes of its end."""

from __future__ import annotations

import datetime as dt
import json
import logging
import sys
import threading
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ratchet.local_cloud.sagemaker import events, recovery, service_side
from ratchet.local_cloud.sagemaker.errors import ApiError, invalid
from ratchet.local_cloud.sagemaker.monitors.observer import (
    EXECUTION,
    JobObserver,
    summary_changed,
)
from ratchet.local_cloud.sagemaker.monitors.request import NAMESPACES, Monitored
from ratchet.local_cloud.sagemaker.monitors.windows import (
    HOUR,
    TrafficWindow,
    offset_of,
    timetable_of,
)
from ratchet.local_cloud.sagemaker.services import CloudServices, start
from ratchet.local_cloud.sagemaker.store import AccountScope, Body
from ratchet.local_cloud.sagemaker.table import (
    DATA_QUALITY,
    ENDPOINT,
    MODEL_QUALITY,
    MONITORING_SCHEDULE,
    PROCESSING_JOB,
)
from ratchet.runner import Refused

if TYPE_CHECKING:
    from ratchet.local_cloud.sagemaker.api import Api
    from ratchet.local_cloud.sagemaker.serving.hosting import Hosting
    from ratchet.runner import StopSignal, Storage

_LOG = logging.getLogger("ratchet.monitors")
_ANALYZER = Path(__file__).resolve().parents[3] / "monitoring" / "analyze.py"
_STEP = "analyze"
_TICK_SECONDS = 5.0
_END_SECONDS = 10.0
_LOOK_BACK = dt.timedelta(hours=24)
KINDS = {"DataQuality": DATA_QUALITY, "ModelQuality": MODEL_QUALITY}


class Monitors:
    """The monitoring schedules of one local cloud. Jobs run below ``folder``."""

    def __init__(self, *, api: Api, hosting: Hosting, folder: Path) -> None:
        self._api = api
        self._hosting = hosting
        self._folder = folder
        self._active: dict[str, tuple[threading.Thread, StopSignal]] = {}
        self._closed = threading.Event()

    def start(self) -> None:
        """Begin to run schedules when they are due."""
        threading.Thread(target=self._watch, name="monitors", daemon=True).start()

    def run_now(
        self, scope: AccountScope, name: str, *, start: str | None = None, end: str | None = None
    ) -> str:
        """Run a schedule in the background, whatever its expression; answers the job's name.

        The window ends now unless said otherwise. It starts where the last one ended, at most a day
        back; that of a definition with a ``StartTimeOffset``, at the offset. Raises ``ApiError``.
        """
        schedule = self._api.get(scope, MONITORING_SCHEDULE, name)
        now = _now(self._api)
        source = self._monitored(scope, schedule).endpoint_input
        until = dt.datetime.fromisoformat(end) if end else _next_second(now)
        if start:
            since = dt.datetime.fromisoformat(start)
        elif "StartTimeOffset" in source:
            since = now + offset_of(source["StartTimeOffset"])
        else:
            last = schedule.get("WindowEnd", 0.0)
            since = max(dt.datetime.fromtimestamp(last, dt.UTC), until - _LOOK_BACK)
        return self._run(scope, schedule, TrafficWindow(start=since, end=until, scheduled=now))

    def run_due(self) -> None:
        """Run each schedule whose time has come since it was made or last ran."""
        now = _now(self._api)
        for scope, schedule in self._api.store.everywhere(MONITORING_SCHEDULE.name):
            if schedule["MonitoringScheduleStatus"] != "Scheduled":
                continue
            config = schedule["MonitoringScheduleConfig"]
            plan = config["ScheduleConfig"]
            table = timetable_of(plan["ScheduleExpression"])
            last: float = schedule.get("LastScheduled") or schedule["CreationTime"]
            since = dt.datetime.fromtimestamp(last, dt.UTC)
            if table is None:  # NOW: once
                due, window_start = now, now - HOUR
                ran = "LastScheduled" in schedule
            else:
                due = table.due(now)
                window_start, ran = due - table.interval, due <= since
            if ran:
                continue
            window = TrafficWindow(start=window_start, end=due, scheduled=due).shifted(
                plan.get("DataAnalysisStartTime"), plan.get("DataAnalysisEndTime")
            )
            try:
                source = self._monitored(scope, schedule).endpoint_input
                window = window.shifted(source.get("StartTimeOffset"), source.get("EndTimeOffset"))
            except ApiError as error:  # what it names is gone, or does not run here: it fails so
                _LOG.warning("%s: %s", schedule["MonitoringScheduleName"], error.message)
            self._note(scope, schedule, {"LastScheduled": due.timestamp()})
            self._run(scope, schedule, window)

    def recover(self) -> None:
        """Fail the executions that an earlier process left running, and end their processes."""
        for scope, execution in self._api.store.everywhere(EXECUTION):
            if execution["MonitoringExecutionStatus"] not in ("Pending", "InProgress"):
                continue
            if "ProcessGroup" in execution:
                folder = self._folder / execution["JobName"]
                recovery.end_group(execution["ProcessGroup"], folder)
            self._failed(scope, execution["JobName"], recovery.KILLED)

    def close(self) -> None:
        """End the running jobs; they fail."""
        self._closed.set()
        active = list(self._active.values())
        for _, stop in active:
            stop.request()
        for thread, _ in active:
            thread.join(_END_SECONDS)

    def _watch(self) -> None:
        while not self._closed.wait(_TICK_SECONDS):
            try:
                self.run_due()
            except Exception:
                _LOG.exception("monitoring schedules could not be run")

    def _monitored(self, scope: AccountScope, schedule: Body) -> Monitored:
        config = schedule["MonitoringScheduleConfig"]
        kind = KINDS[schedule["MonitoringType"]]
        if "MonitoringJobDefinitionName" not in config:
            raise invalid(
                "The local cloud runs schedules that name a job definition "
                "(MonitoringJobDefinitionName), not those that hold one."
            )
        definition = self._api.get(scope, kind, config["MonitoringJobDefinitionName"])
        source = definition.get(f"{kind.name.removesuffix('Definition')}Input", {})
        if "EndpointInput" not in source:
            raise invalid("The local cloud runs definitions with an EndpointInput only.")
        endpoint = self._api.get(scope, ENDPOINT, source["EndpointInput"]["EndpointName"])
        variants = endpoint["Config"]["ProductionVariants"]
        capture = endpoint.get("DataCaptureConfig") or {}
        return Monitored(
            kind=kind,
            definition=definition,
            schedule=schedule["MonitoringScheduleName"],
            capture_uri=capture.get("DestinationS3Uri", ""),
            variants=tuple(variant["VariantName"] for variant in variants),
        )

    def _run(self, scope: AccountScope, schedule: Body, window: TrafficWindow) -> str:
        from ratchet.runner import StopSignal

        moment = self._api.now()
        job = f"model-monitoring-{window.scheduled:%Y%m%d%H%M}-{uuid.uuid4().hex[:24]}"
        execution = {
            "JobName": job,
            "MonitoringScheduleName": schedule["MonitoringScheduleName"],
            "ScheduledTime": window.scheduled.timestamp(),
            "CreationTime": moment,
            "LastModifiedTime": moment,
            "MonitoringExecutionStatus": "Pending",
            "EndpointName": schedule.get("EndpointName"),
            "MonitoringJobDefinitionName": schedule.get("MonitoringJobDefinitionName"),
            "MonitoringType": schedule["MonitoringType"],
        }
        self._api.store.insert(scope, EXECUTION, job, execution)
        summary_changed(self._api, scope, job, {})
        stop = StopSignal(grace_seconds=2.0)
        target = threading.Thread(
            target=self._guarded, args=(scope, schedule, window, job, stop), name=job, daemon=True
        )
        self._active[job] = (target, stop)
        target.start()
        return job

    def _guarded(
        self, scope: AccountScope, schedule: Body, window: TrafficWindow, job: str, stop: StopSignal
    ) -> None:
        try:
            self._execute(scope, schedule, window, job, stop)
        except ApiError as error:
            self._failed(scope, job, error.message)
        except Refused as error:  # S3 or another service, to the job's role
            self._failed(scope, job, f"ClientError: {error}")
        except Exception as error:
            _LOG.exception("monitoring job %s", job)
            self._failed(scope, job, f"{type(error).__name__}: {error}")
        finally:
            self._active.pop(job, None)

    def _execute(
        self, scope: AccountScope, schedule: Body, window: TrafficWindow, job: str, stop: StopSignal
    ) -> None:
        from ratchet.runner import Identity, run

        self._hosting.flush()
        monitored = self._monitored(scope, schedule)
        if ignored := monitored.not_run_here:
            raise invalid(
                f"The local cloud runs its own analyzer, which does not take {', '.join(ignored)}."
            )
        services = CloudServices(self._api, scope)  # SageMaker itself makes a schedule's jobs
        storage = self._api.cloud.storage(scope, monitored.role)
        captured = _existing(storage, "endpoint_input", monitored.captured(window))
        labels = _existing(storage, "ground_truth_input", monitored.ground_truth(window))
        if not captured or (monitored.kind is MODEL_QUALITY and not labels):
            self._failed(scope, job, "Job inputs had no data")
            return
        self._merge(scope, monitored, job)
        request = monitored.request(window, [*captured, *labels], job_name=job)
        schedule_arn = schedule["MonitoringScheduleArn"]
        observer = JobObserver(self._api, scope, request, schedule_arn=schedule_arn)
        arn = scope.arn(f"monitoring-schedule/{monitored.schedule}")
        result = run(
            _definition(request),
            parameters={},
            identity=Identity(
                pipeline_name=monitored.schedule,
                pipeline_arn=arn,
                execution_id=job,
                execution_arn=f"{arn}/execution/{job}",
                start_time=window.scheduled,
            ),
            storage=storage,
            services=services,
            workdir=self._folder / job,
            cache=None,
            observer=observer,
            stop=stop,
        )
        observer.finish(result.step(_STEP) if result.steps else None)
        if result.status == "Succeeded":
            if observer.compared:  # rows that were too few wait for more
                self._note(scope, schedule, {"WindowEnd": window.end.timestamp()})
            self._publish(scope, monitored, self._folder / job)
        observer.end_execution()

    def _merge(self, scope: AccountScope, monitored: Monitored, job: str) -> None:
        """What the job that joins labels to captured data needs before it starts, as the role of
        the analysis; raises ``Refused``. The join itself is the analyzer's here."""
        image = service_side.merger_of(monitored.image)
        if monitored.kind is MODEL_QUALITY and image:
            work = service_side.ServiceWork(role=monitored.role, images=(image,))
            start(self._api, scope, work, "CreateProcessingJob", "ProcessingJobs", job)

    def _publish(self, scope: AccountScope, monitored: Monitored, folder: Path) -> None:
        """Put the metrics that the container left for the platform."""
        data = [
            json.loads(line)
            for file in sorted(folder.rglob("opt/ml/output/metrics/cloudwatch/*.jsonl"))
            for line in file.read_text().splitlines()
        ]
        if data:
            namespace = NAMESPACES[monitored.quality]
            need = service_side.metric_need(namespace)
            if sentence := self._api.roles.lacks(scope, monitored.role, [need]):
                _LOG.warning("%s: %s: %s", folder.name, service_side.METRICS_LOST, sentence)
                return
            self._api.cloud.put_metrics(scope, namespace=namespace, data=data)

    def _note(self, scope: AccountScope, schedule: Body, changes: Body) -> None:
        """Remember something of a schedule; what has been deleted meanwhile is forgotten."""
        name = schedule["MonitoringScheduleName"]
        if self._api.store.get(scope, MONITORING_SCHEDULE.name, name) is not None:
            self._api.store.update(scope, MONITORING_SCHEDULE.name, name, changes)

    def _failed(self, scope: AccountScope, job: str, reason: str) -> None:
        changes = {"MonitoringExecutionStatus": "Failed", "FailureReason": reason[:1024]}
        with self._api.store.transaction():
            summary_changed(self._api, scope, job, {**changes, "ProcessGroup": None})
            described = self._api.store.get(scope, PROCESSING_JOB.name, job)
            if described and described["ProcessingJobStatus"] == "InProgress":
                end = {"ProcessingJobStatus": "Failed", "ProcessingEndTime": self._api.now()}
                ended = {**end, "FailureReason": reason[:1024]}
                after = self._api.store.update(scope, PROCESSING_JOB.name, job, ended)
                events.processing_job_changed(self._api, scope, after)


def _definition(request: Body) -> str:
    """The job as a pipeline of one step: so it runs exactly as other processing jobs do."""
    arguments: dict[str, Any] = {k: v for k, v in request.items() if k != "ProcessingJobName"}
    arguments["AppSpecification"] = {
        **request["AppSpecification"],
        "ContainerEntrypoint": [sys.executable, str(_ANALYZER), "--container", "/opt/ml"],
    }
    step: Mapping[str, Any] = {"Name": _STEP, "Type": "Processing", "Arguments": arguments}
    return json.dumps({"Version": "2020-12-01", "Metadata": {}, "Parameters": [], "Steps": [step]})


def _existing(
    storage: Storage, name: str, places: list[tuple[str, str]]
) -> list[tuple[str, str, str]]:
    """(input name, S3 URI, path) of the places where there is something."""
    existing = [(uri, path) for uri, path in places if storage.list(f"{uri}/")]
    return [(f"{name}_{n}", f"{uri}/", path) for n, (uri, path) in enumerate(existing, start=1)]


def _now(api: Api) -> dt.datetime:
    return dt.datetime.fromtimestamp(api.now(), dt.UTC)


def _next_second(moment: dt.datetime) -> dt.datetime:
    """Captured times have whole seconds, and a window excludes its end."""
    return moment.replace(microsecond=0) + dt.timedelta(seconds=1)
