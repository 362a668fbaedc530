"""Runs executions: each in a thread of this process, through ``ratchet.runner``."""

from __future__ import annotations

import datetime as dt
import json
import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ratchet.local_cloud.sagemaker import definitions, events, executions, recovery
from ratchet.local_cloud.sagemaker.recording import Recorder
from ratchet.local_cloud.sagemaker.store import Body, Scope

if TYPE_CHECKING:
    from ratchet.local_cloud.sagemaker.api import Api
    from ratchet.runner import Result, StopSignal

_LOG = logging.getLogger("ratchet.runs")
_STOP_GRACE_SECONDS = 5.0  # SageMaker gives a job 120 s between SIGTERM and SIGKILL


@dataclass(frozen=True)
class _Active:
    thread: threading.Thread
    stop: StopSignal


class Runs:
    """The executions that run now. Their folders are ``<folder>/<execution id>/<step>/``."""

    def __init__(self, *, api: Api, folder: Path) -> None:
        self._api = api
        self._folder = folder
        self._active: dict[str, _Active] = {}
        self._lock = threading.Lock()
        self._closing: str | None = None

    def start(self, scope: Scope, execution: Body) -> None:
        """Run a stored execution in the background."""
        from ratchet.runner import StopSignal

        arn = execution["PipelineExecutionArn"]
        stop = StopSignal(grace_seconds=_STOP_GRACE_SECONDS)
        thread = threading.Thread(
            target=self._run, args=(scope, execution, stop), name=f"run-{execution['Id']}"
        )
        thread.daemon = True
        with self._lock:
            self._active[arn] = _Active(thread, stop)
        thread.start()

    def stop(self, execution_arn: str) -> None:
        """Ask an execution to stop."""
        with self._lock:
            active = self._active.get(execution_arn)
        if active:
            active.stop.request()

    def running(self) -> int:
        """How many executions run now."""
        with self._lock:
            return len(self._active)

    def close(self, reason: str, *, seconds: float = 10.0) -> None:
        """End every run because the cloud goes down: they fail for this reason."""
        self._closing = reason
        with self._lock:
            active = list(self._active.values())
        for run in active:
            run.stop.request()
        deadline = time.monotonic() + seconds
        for run in active:
            run.thread.join(max(0.0, deadline - time.monotonic()))

    def folder_of(self, execution_id: str) -> Path:
        """Where an execution's steps ran and their logs are."""
        return self._folder / execution_id

    def _run(self, scope: Scope, execution: Body, stop: StopSignal) -> None:
        arn = execution["PipelineExecutionArn"]
        text = definitions.kept(self._api, scope, execution["Definition"])
        by_name = {step["Name"]: step for step in definitions.steps(json.loads(text))}
        recorder = Recorder(self._api, scope, execution, by_name)
        # A stop that came between the execution's record and this thread found nobody to ask.
        if executions.existing(self._api, scope, arn)["PipelineExecutionStatus"] == "Stopping":
            stop.request()
        try:
            result = self._execute(scope, execution, text, recorder, stop)
            status, reason = result.status, result.failure_reason
        except Exception as error:
            # The user sees the reason; the stack trace is for the cloud's log.
            _LOG.exception("execution %s ended by an error of the local cloud", arn)
            status, reason = "Failed", f"{type(error).__name__}: {error}"
        finally:
            recorder.flush()
        if self._closing is not None:
            status, reason = "Failed", self._closing
        try:
            self._end(scope, execution, status, reason)
        finally:
            with self._lock:
                self._active.pop(arn, None)

    def _execute(
        self, scope: Scope, execution: Body, text: str, recorder: Recorder, stop: StopSignal
    ) -> Result:
        from ratchet.local_cloud.sagemaker.services import CloudServices
        from ratchet.runner import Identity, S3Storage, StepCache, run

        services = CloudServices(self._api, scope)
        parallelism = execution.get("ParallelismConfiguration") or {}
        return run(
            text,
            parameters=execution["Parameters"],
            identity=Identity(
                pipeline_name=execution["PipelineName"],
                pipeline_arn=execution["PipelineArn"],
                execution_id=execution["Id"],
                execution_arn=execution["PipelineExecutionArn"],
                start_time=dt.datetime.fromtimestamp(execution["CreationTime"], dt.UTC),
            ),
            storage=S3Storage(services.s3),
            services=services,
            workdir=self.folder_of(execution["Id"]),
            cache=StepCache(self._cache_of(scope)),
            observer=recorder,
            stop=stop,
            stand_ins=execution.get("StandIns"),
            max_parallel=parallelism.get("MaxParallelExecutionSteps"),
        )

    def _cache_of(self, scope: Scope) -> Path:
        return self._folder.parent / "cache" / f"{scope.account}-{scope.region}.sqlite3"

    def _end(self, scope: Scope, execution: Body, status: str, reason: str | None) -> None:
        with self._api.store.transaction():
            before = executions.existing(self._api, scope, execution["PipelineExecutionArn"])
            after = executions.ended(self._api, scope, before, status, reason)
            if status == "Failed" and self._closing:
                recovery.fail_steps(self._api, scope, after, self._closing)
        previous = before["PipelineExecutionStatus"]
        events.execution_changed(self._api, scope, after, previous=previous)
