"""Executes a pipeline definition: the very text that deploys."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from ratchet.runner.cache import StepCache
from ratchet.runner.parameters import bind
from ratchet.runner.plan import ExecutionPlan
from ratchet.runner.records import (
    Earlier,
    Identity,
    Observer,
    Parallelism,
    Result,
    Services,
    SilentObserver,
    StepRecord,
    StopSignal,
    Stream,
)
from ratchet.runner.step_run import Setting, StepRun
from ratchet.runner.storage import Storage
from ratchet.runner.validation import validate

_LONGEST_REASON = 1300  # botocore, `PipelineExecutionFailureReason`


def run(
    definition: Mapping[str, Any] | str,
    *,
    identity: Identity,
    storage: Storage,
    services: Services,
    workdir: Path,
    parameters: Mapping[str, Any] | None = None,
    cache: StepCache | None = None,
    cache_storage: Storage | None = None,
    observer: Observer | None = None,
    stop: StopSignal | None = None,
    parallelism: Parallelism | None = None,
    environment: Mapping[str, str] | None = None,
    stand_ins: Mapping[str, Mapping[str, Any]] | None = None,
    earlier: Earlier | None = None,
    selected: Collection[str] | None = None,
    seconds: float | None = None,
) -> Result:
    """Run a pipeline to its end.

    - `parameters`: values by name, typed or as text; defaults apply to the others.
    - `workdir`: gets a folder per step, with `stdout.log`, `stderr.log` and its container's
      files; of a step that succeeded, without the data.
    - `cache`: None runs every step. `cache_storage`: what it finds objects in, `storage` unless
      given.
    - `parallelism`: how many steps run at once.
    - `environment`: variables that every step's processes get beside their own.
    - `stand_ins`: the properties of steps that shall not run, by name.
    - `earlier`: what it goes on from: a retry, or a run of selected steps.
    - `selected`: the only steps that run; None means all.
    - `seconds`: a run that takes longer is stopped, and has failed.

    A failed step stops new ones from starting; those in progress go on to their end, then the run
    is Failed. Raises `DefinitionError` or `ParameterError` before anything runs, and whatever
    the observer raised. An interrupt of the waiting thread stops the run, and is raised then.
    """
    checked = validate(definition, stand_ins=stand_ins or {})
    earlier = earlier or Earlier()
    values = bind(checked.parameters, parameters or {})
    audience = _Audience(observer or SilentObserver(), stop or StopSignal(), earlier.results)
    setting = Setting(
        definition=checked,
        parameters=values,
        identity=identity,
        storage=storage,
        cache_storage=cache_storage or storage,
        services=services,
        workdir=workdir,
        cache=cache,
        stop=audience.stop,
        environment=environment or {},
        records=audience.records,
        publish=audience.publish,
        on_line=audience.line,
        attempts=earlier.attempts,
    )
    plan = ExecutionPlan(
        checked.steps,
        done={name: record.outcome for name, record in earlier.results.items()},
        selected=selected,
    )
    with _TimeLimit(seconds, audience.stop) as limit:
        complete = _Schedule(setting, plan, parallelism or Parallelism()).run()
    audience.raise_error()
    result = _result(audience.records, complete)
    return replace(result, status="Failed", failure_reason=limit.reason) if limit.over else result


class _TimeLimit:
    """Stops a run that takes too long."""

    def __init__(self, seconds: float | None, stop: StopSignal) -> None:
        self.over = False
        self.reason = f"The execution took longer than its limit of {seconds or 0:g} seconds."
        self._stop = stop
        self._timer = None if seconds is None else threading.Timer(seconds, self._end)

    def __enter__(self) -> _TimeLimit:
        if self._timer is not None:
            self._timer.daemon = True
            self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _end(self) -> None:
        self.over = not self._stop.is_set()
        self._stop.request()


class _Schedule:
    """Keeps as many steps running as may run at once.

    A thread that ends a step goes straight on with the next one: a chain of steps stays in one.
    """

    def __init__(self, setting: Setting, plan: ExecutionPlan, parallelism: Parallelism) -> None:
        self._setting = setting
        self._plan = plan
        self._parallelism = parallelism
        self._running = 0
        self._closed = False
        self._lock = threading.Lock()
        self._idle = threading.Event()
        self._error: BaseException | None = None

    def run(self) -> bool:
        """Run steps until none may start and none runs; whether that was all of them."""
        # Threads are made when they are needed: as many as may ever be at work.
        most = max(1, len(self._setting.definition.steps))
        with ThreadPoolExecutor(most, thread_name_prefix="step") as self._pool:
            try:
                self._parallelism.on_change(self._start_ready)
                self._start_ready()
                self._idle.wait()
            except BaseException:
                # The pool waits for its threads: without a stop, as long as the steps like.
                self._setting.stop.request()
                raise
            finally:
                self._parallelism.on_change(lambda: None)
        if self._error is not None:
            raise self._error
        return not self._plan.has_ready

    def _start_ready(self) -> None:
        with self._lock:
            if not self._idle.is_set():
                self._start(self._take())

    def _take(self) -> list[StepRun]:
        """Steps that may start now. With the last one gone, the run is over."""
        starting = []
        while (
            self._running < self._parallelism.steps
            and not self._closed
            and not self._setting.stop.is_set()
        ):
            step = self._plan.next()
            if step is None:
                break
            self._running += 1
            starting.append(StepRun(step, self._setting))
        if self._running == 0:
            self._idle.set()
        return starting

    def _start(self, step_runs: Iterable[StepRun]) -> None:
        for step_run in step_runs:
            self._pool.submit(self._work, step_run)

    def _work(self, step_run: StepRun | None) -> None:
        while step_run is not None:
            try:
                step_run.run()
            except BaseException as error:  # handed to the thread that waits
                self._error = error
                self._setting.stop.request()
            step_run = self._settle(step_run.record)

    def _settle(self, record: StepRecord) -> StepRun | None:
        with self._lock:
            self._running -= 1
            if record.status == "Succeeded":
                self._plan.succeeded(record.name, record.outcome)
            self._closed = self._closed or record.status == "Failed"
            starting = self._take()
            # Others first, so that they need not wait for this thread's step.
            self._start(starting[1:])
            return starting[0] if starting else None


def _result(records: Mapping[str, StepRecord], complete: bool) -> Result:
    steps = tuple(records.values())
    failures = [record for record in steps if record.status == "Failed"]
    if failures:
        reasons = " ".join(
            " ".join(f"{record.name}: {record.failure_reason}".split()) for record in failures
        )
        reason = f"Step failure: One or multiple steps failed. {reasons}"
        if len(reason) > _LONGEST_REASON:
            reason = reason[: _LONGEST_REASON - 1] + "…"
        return Result(status="Failed", failure_reason=reason, steps=steps)
    if not complete or any(record.status != "Succeeded" for record in steps):
        return Result(status="Stopped", failure_reason=None, steps=steps)
    return Result(status="Succeeded", failure_reason=None, steps=steps)


class _Audience:
    """Keeps the records and tells the observer, one call at a time."""

    def __init__(
        self, observer: Observer, stop: StopSignal, earlier: Mapping[str, StepRecord]
    ) -> None:
        self.records: dict[str, StepRecord] = dict(earlier)
        self.stop = stop
        self._observer = observer
        self._lock = threading.RLock()
        self._error: BaseException | None = None
        self._forget = stop.on_request(self._stopping)

    def publish(self, record: StepRecord) -> None:
        with self._lock:
            if self.stop.is_set() and record.status in ("Starting", "Executing"):
                record = replace(record, status="Stopping")
            self.records[record.name] = record
            self._tell(lambda: self._observer.step_changed(record))

    def line(self, step_name: str, stream: Stream, line: str) -> None:
        with self._lock:
            self._tell(lambda: self._observer.step_line(step_name, stream, line))

    def raise_error(self) -> None:
        """Raise what the observer raised, if it did."""
        self._forget()
        if self._error is not None:
            raise self._error

    def _tell(self, call: Any) -> None:
        if self._error is not None:
            return
        try:
            call()
        except BaseException as error:
            self._error = error
            # Not from this thread: it may be the one that must go on reading a pipe.
            threading.Thread(target=self.stop.request, daemon=True).start()

    def _stopping(self) -> None:
        with self._lock:
            for record in list(self.records.values()):
                if record.status in ("Starting", "Executing"):
                    self.publish(record)
