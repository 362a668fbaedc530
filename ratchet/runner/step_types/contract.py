"""What a step type gives the runner and what it gets from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ratchet.definition.references import Reference
from ratchet.runner.cache_key import CacheKey
from ratchet.runner.definition import RunnableStep
from ratchet.runner.expressions import StepScope
from ratchet.runner.records import Identity, Services, StopSignal, Stream
from ratchet.runner.report import ProblemList
from ratchet.runner.storage import Storage

if TYPE_CHECKING:
    from ratchet.runner.container import Container
    from ratchet.runner.step_types.jobs import Command


class Progress(Protocol):
    """Tells the run what is known of a step by now."""

    def __call__(
        self, *, properties: Mapping[str, Any] | None = None, process_group: int | None = None
    ) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One attempt at a step.

    - `arguments`: with every reference resolved.
    - `folder`: the step's own folder; logs and the container's file system are in it.
    - `environment`: variables of the host that processes get beside those of the container.
    - `experiment`: the resolved PipelineExperimentConfig.
    """

    step: RunnableStep
    number: int
    arguments: Mapping[str, Any]
    job_name: str
    folder: Path
    identity: Identity
    storage: Storage
    services: Services
    stop: StopSignal
    environment: Mapping[str, str]
    experiment: Mapping[str, Any]
    on_line: Callable[[Stream, str], None]
    progress: Progress


@dataclass(frozen=True, kw_only=True)
class Done:
    """A step that succeeded. `outputs` are the URIs below which it wrote objects."""

    properties: Mapping[str, Any]
    outcome: str | None = None
    output_parameters: Mapping[str, Any] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()


def resolve_all(step: RunnableStep, scope: StepScope) -> dict[str, Any]:
    """The step's arguments with every reference resolved."""
    resolved: dict[str, Any] = scope.resolve(step.arguments)
    return resolved


def any_reference(step: RunnableStep, reference: Reference) -> str | None:
    """Takes every reference that the row takes."""
    return None


@dataclass(frozen=True)
class Obstacle:
    """Why a step cannot run on this machine, and where below the step that stands."""

    place: str
    reason: str


def no_obstacle(arguments: Mapping[str, Any]) -> Obstacle | None:
    """Every step of the type can run on this machine."""
    return None


@dataclass(frozen=True, kw_only=True)
class Runner:
    """How steps of the type `name` are checked, cached and run. The rest is the type's row.

    - `obstacle`: why a step with these arguments cannot run on this machine, or None.
    - `check`: reports what is wrong with a step before anything runs.
    - `check_reference`: what is wrong with a reference to such a step beside what the row says.
    - `run`: raises `StepFailed`, `StepStopped`, `EvaluationError` or what services raise.
    - `prepare`: stages a job's inputs in its container, and says what to execute there.
    - `cache_key`: of resolved arguments, as far as the row says that they are compared; names
      what a person reads of.
    """

    name: str
    check: Callable[[RunnableStep, ProblemList], None]
    run: Callable[[Attempt], Done]
    obstacle: Callable[[Mapping[str, Any]], Obstacle | None] = no_obstacle
    check_reference: Callable[[RunnableStep, Reference], str | None] = any_reference
    resolve: Callable[[RunnableStep, StepScope], dict[str, Any]] = resolve_all
    cache_key: Callable[[Mapping[str, Any]], CacheKey] | None = None
    prepare: Callable[[Attempt, Container], Command] | None = None
