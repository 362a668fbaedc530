"""Runs executions: each in a thread of this process, through ``ratchet.runner``."""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ratchet.definition.document import read
from ratchet.local_cloud.sagemaker import definitions, events, executions, recovery
from ratchet.local_cloud.sagemaker.authorisation import Denied
from ratchet.local_cloud.sagemaker.pipelines import STEP
from ratchet.local_cloud.sagemaker.recording import Recorder
from ratchet.local_cloud.sagemaker.store import AccountScope, Body
from ratchet.local_cloud.sagemaker.table import PIPELINE
from ratchet.runner.callbacks import Callbacks

if TYPE_CHECKING:
    from ratchet.local_cloud.sagemaker.api import Api
    from ratchet.runner import Earlier, Parallelism, Result, StopSignal

_LOG = logging.getLogger("ratchet.runs")
_LONGEST_SECONDS = 28 * 24 * 3600  # SageMaker's default quota for an execution
_STOP_GRACE_SECONDS = 5.0  # SageMaker gives a job 120 s between SIGTERM and SIGKILL


@dataclass(frozen=True)
class _Active:
    thread: threading.Thread
    stop: StopSignal
    parallelism: Parallelism


class RunningExecutions:
    """The executions that run now. Their folders are ``<folder>/<execution id>/<step>/``."""

    def __init__(self, *, api: Api, folder: Path) -> None:
        self.callbacks = Callbacks()
        self._api = api
        self._folder = folder
        self._active: dict[str, _Active] = {}
        self._lock = threading.Lock()
        self._closing: str | None = None

    def start(self, scope: AccountScope, execution: Body) -> None:
        """Run a stored execution in the background, from where it stands."""
        from ratchet.runner import Parallelism, StopSignal

        arn = execution["PipelineExecutionArn"]
        stop = StopSignal(grace_seconds=_STOP_GRACE_SECONDS)
        limits = execution.get("ParallelismConfiguration") or {}
        parallelism = Parallelism(limits.get("MaxParallelExecutionSteps"))
        thread = threading.Thread(
            target=self._run,
            args=(scope, execution, stop, parallelism),
            name=f"run-{execution['Id']}",
        )
        thread.daemon = True
        with self._lock:
            self._active[arn] = _Active(thread, stop, parallelism)
        thread.start()

    def stop(self, execution_arn: str) -> None:
        """Ask an execution to stop."""
        with self._lock:
            active = self._active.get(execution_arn)
        if active:
            active.stop.request()

    def limit(self, execution_arn: str, steps: int | None) -> None:
        """How many steps of an execution may be in progress at once, from now on."""
        with self._lock:
            active = self._active.get(execution_arn)
        if active:
            active.parallelism.change(steps)

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

    def _run(
        self, scope: AccountScope, execution: Body, stop: StopSignal, parallelism: Parallelism
    ) -> None:
        arn = execution["PipelineExecutionArn"]
        text = definitions.stored_text(self._api, scope, execution["Definition"])
        recorder = Recorder(self._api, scope, execution, read(text).by_name)
        # A stop that came between the execution's record and this thread found nobody to ask.
        if executions.existing(self._api, scope, arn)["PipelineExecutionStatus"] == "Stopping":
            stop.request()
        try:
            result = self._execute(scope, execution, text, recorder, stop, parallelism)
            status, reason = result.status, result.failure_reason
        except Denied as denied:  # SageMaker may not take the pipeline's role
            status, reason = "Failed", str(denied)
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
                # A retry may have begun since the execution's end was written down.
                if self._active[arn].thread is threading.current_thread():
                    del self._active[arn]

    def _execute(
        self,
        scope: AccountScope,
        execution: Body,
        text: str,
        recorder: Recorder,
        stop: StopSignal,
        parallelism: Parallelism,
    ) -> Result:
        from ratchet.local_cloud.sagemaker.services import CloudServices
        from ratchet.runner import Identity, StepCache, run

        services = CloudServices(
            self._api, scope, callbacks=self.callbacks, role=self._role_of(scope, execution)
        )
        selection = execution.get("SelectiveExecutionConfig")
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
            storage=services.storage,
            services=services,
            workdir=self.folder_of(execution["Id"]),
            cache=StepCache(self._cache_of(scope)),
            cache_storage=self._api.cloud.storage(scope, None),
            observer=recorder,
            stop=stop,
            stand_ins=execution.get("StandIns"),
            parallelism=parallelism,
            earlier=self._earlier(scope, execution),
            selected=selection and [step["StepName"] for step in selection["SelectedSteps"]],
            seconds=_LONGEST_SECONDS,
        )

    def _role_of(self, scope: AccountScope, execution: Body) -> str:
        pipeline: Body = self._api.get(scope, PIPELINE, execution["PipelineName"])
        role: str = pipeline["RoleArn"]
        return role

    def _earlier(self, scope: AccountScope, execution: Body) -> Earlier:
        """What the steps on record have left: of a run that is retried, or of the source of one
        of selected steps."""
        from ratchet.runner import Earlier
        from ratchet.runner.record_json import loaded

        steps = self._api.store.all(scope, STEP, parent=execution["PipelineExecutionArn"])
        return Earlier(
            results={
                step["StepName"]: loaded(step["Result"]) for step in steps if "Result" in step
            },
            attempts={
                step["StepName"]: step["AttemptCount"] for step in steps if "Result" not in step
            },
        )

    def _cache_of(self, scope: AccountScope) -> Path:
        return self._folder.parent / "cache" / f"{scope.account}-{scope.region}.sqlite3"

    def _end(self, scope: AccountScope, execution: Body, status: str, reason: str | None) -> None:
        with self._api.store.transaction():
            before = executions.existing(self._api, scope, execution["PipelineExecutionArn"])
            after = executions.ended(self._api, scope, before, status, reason)
            if status == "Failed" and self._closing:
                recovery.fail_steps(self._api, scope, after, self._closing)
            previous = before["PipelineExecutionStatus"]
            events.execution_changed(self._api, scope, after, previous=previous)
