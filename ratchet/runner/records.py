"""What goes into a run and what comes out of it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from ratchet.runner.callbacks import Callbacks
    from ratchet.runner.storage import Storage

StepStatus = Literal["Starting", "Executing", "Stopping", "Stopped", "Failed", "Succeeded"]
RunStatus = Literal["Succeeded", "Failed", "Stopped"]
Stream = Literal["stdout", "stderr"]


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Which execution of which pipeline this is.

    `start_time` is aware. Region and account of the jobs are those in `pipeline_arn`.
    """

    pipeline_name: str
    pipeline_arn: str
    execution_id: str
    execution_arn: str
    start_time: datetime

    def arn(self, resource: str) -> str:
        """An ARN beside the pipeline's, for a resource such as `training-job/train-1`."""
        return f"{self.pipeline_arn.rsplit(':', 1)[0]}:{resource}"

    @property
    def region(self) -> str:
        return self.pipeline_arn.split(":")[3]


@dataclass(frozen=True, kw_only=True)
class StepRecord:
    """One step of a run, as far as it has got. A step that was never reached has no record.

    - `arguments`: the request of the Create operation with every reference resolved.
    - `properties`: what the Describe operation returns (lists and names as there, times in epoch
      seconds as on the wire); references of later steps resolve against it.
    - `cache_explanation`: "hit: …", "miss: …" or "off".
    - `cache_hit_source`: ARN of the execution whose result was taken, on a hit.
    - `outcome`: "true" or "false" for a Condition.
    - `process_group`: id of the group of the step's processes, while they run.
    - `attempt`: 1 for the first.
    - `reused_from`: ARN of the execution whose result a selective run goes on from.
    - `losses`: what the job went on without, such as its log, a sentence each.
    """

    name: str
    type: str
    status: StepStatus
    start_time: datetime
    end_time: datetime | None = None
    failure_reason: str | None = None
    attempt: int = 1
    cache_hit_source: str | None = None
    cache_explanation: str = "off"
    job_name: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    properties: Mapping[str, Any] = field(default_factory=dict)
    outcome: str | None = None
    output_parameters: Mapping[str, Any] = field(default_factory=dict)
    process_group: int | None = None
    reused_from: str | None = None
    losses: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Earlier:
    """What runs before have left to one that goes on from them.

    - `results`: records of steps that have succeeded; those steps do not run again.
    - `attempts`: how often a step that runs again was tried before.
    """

    results: Mapping[str, StepRecord] = field(default_factory=dict)
    attempts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Result:
    """The end of a run. `steps` are in the order in which they started."""

    status: RunStatus
    failure_reason: str | None
    steps: tuple[StepRecord, ...]

    def step(self, name: str) -> StepRecord:
        """The record of one step; KeyError when the run never reached it."""
        for record in self.steps:
            if record.name == name:
                return record
        raise KeyError(name)


class Observer(Protocol):
    """Follows a run. Calls come one at a time, from any thread; a raised error ends the run."""

    def step_changed(self, record: StepRecord) -> None: ...

    def step_line(self, step_name: str, stream: Stream, line: str) -> None:
        """One line of a step's output without its line end; very long lines come in pieces."""


class SilentObserver:
    """Follows nothing."""

    def step_changed(self, record: StepRecord) -> None:
        pass

    def step_line(self, step_name: str, stream: Stream, line: str) -> None:
        pass


@dataclass(frozen=True, kw_only=True)
class Access:
    """What a job may use, as its role.

    - `storage`: None for the run's own.
    - `environment`: variables by which its processes find the services and the role's session.
    - `losses`: what it goes on without because the role may not, a sentence each.
    """

    storage: Storage | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    losses: tuple[str, ...] = ()


class Services(Protocol):
    """The services that steps call, other than storage. What they refuse raises `Refused`."""

    def create_job(self, step_type: str, job_name: str, arguments: Mapping[str, Any]) -> None:
        """Asks, as the pipeline's role, for what is made behind a step; nothing is made yet."""

    def job_access(self, step_type: str, job_name: str, arguments: Mapping[str, Any]) -> Access:
        """What a job does as its role before its program starts, and what it may use from then."""

    def invoke_lambda(self, function_arn: str, payload: dict[str, Any]) -> Any:
        """The function's answer, decoded. Raises `LambdaFailed` when it fails."""

    @property
    def callbacks(self) -> Callbacks:
        """Where Callback steps wait for their answers."""

    def send_message(self, queue_url: str, body: str) -> None:
        """Sends a message to an SQS queue."""

    def register_model(self, arguments: dict[str, Any]) -> str:
        """Takes a CreateModelPackage request and returns the ARN of the new version."""

    def create_model(self, arguments: dict[str, Any]) -> str:
        """Takes a CreateModel request and returns the model's ARN."""

    def describe_model(self, name: str) -> Mapping[str, Any]:
        """The DescribeModel answer. Raises `LookupError` when there is no such model."""

    def describe_model_package(self, name_or_arn: str) -> Mapping[str, Any]:
        """The DescribeModelPackage answer. Raises `LookupError` when there is no such version."""

    def latest_approved(self, group: str) -> Mapping[str, Any] | None:
        """The same of the newest approved version of a group; None when none is approved."""


class Parallelism:
    """How many steps of a run may be in progress at once; any thread may change it.

    None means one per processor, two at least.
    """

    def __init__(self, steps: int | None = None) -> None:
        self._steps = steps
        self._changed: Callable[[], None] = lambda: None

    @property
    def steps(self) -> int:
        return self._steps or max(2, os.cpu_count() or 2)

    def change(self, steps: int | None) -> None:
        """Takes effect at once upwards; downwards as steps end."""
        self._steps = steps
        self._changed()

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call back after each change."""
        self._changed = callback


class StopSignal:
    """Asks a run to stop; any thread may call `request`.

    `grace_seconds` is how long the processes of a step get between SIGTERM and SIGKILL
    (SageMaker gives 120 seconds).
    """

    def __init__(self, *, grace_seconds: float = 10.0) -> None:
        self.grace_seconds = grace_seconds
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []

    def request(self) -> None:
        """Stop the run. Asking again changes nothing."""
        with self._lock:
            if self._event.is_set():
                return
            self._event.set()
            callbacks = tuple(self._callbacks)
        for callback in callbacks:
            callback()

    def is_set(self) -> bool:
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Sleep, but no longer than until a stop is requested; True when it is."""
        return self._event.wait(seconds)

    def on_request(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back on a request, at once if there was one; returns how to take it back."""
        with self._lock:
            if not self._event.is_set():
                self._callbacks.append(callback)
                return lambda: self._forget(callback)
        callback()
        return lambda: None

    def _forget(self, callback: Callable[[], None]) -> None:
        with self._lock:
            if callback in self._callbacks:
                self._callbacks.remove(callback)
