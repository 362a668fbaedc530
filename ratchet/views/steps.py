"""The steps of a run, in the order of its pipeline. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from ratchet.deployment.pipelines.outline import PlannedStep
from ratchet.deployment.runs.executions import RunState, RunStep
from ratchet.loop.names import NEW_MODEL_GATE, NONE
from ratchet.views.amounts import RecordedCost, recorded_cost

if TYPE_CHECKING:
    from ratchet.deployment.costs.recorded import RunCost, StepCost

WAITING = "waiting"
NOT_REACHED = "not reached"
NOT_PASSED = "not passed"
_LONG = re.compile(r"s3://|arn:|[0-9a-f]{64}$")
"""Answers of a function that would only wrap: `--json` has them."""
NO_NEW_MODEL = "no new model"
"""Of the gate that lets only a new model be registered: nothing was judged not good enough."""


@dataclass(frozen=True, kw_only=True)
class StepView:
    """One step of the pipeline, whether or not the run has reached it."""

    name: str
    type: str
    """As SageMaker calls it: `Processing`, `Training`, `Condition`, …"""
    gate: str | None
    """The Condition step that decides whether it runs; None: it always does."""
    status: str | None
    """As SageMaker says it; `not reached` of a step that the run will not reach; None: it waits."""
    word: str
    """The status as a person says it: `cached`, `passed`, `done`, …"""
    started: datetime | None
    ended: datetime | None
    seconds: float | None
    """How long it took, or has been running."""
    attempts: int
    """How many times it was tried; 0: it has not begun."""
    job: str | None
    """The name of the job that did its work, or of that whose result was taken."""
    cached_from: str | None
    """The id of the run whose result was taken; None: the step ran itself."""
    reason: str | None
    """Why it hit or missed its cache, as the local cloud says; on AWS its description."""
    failure: str | None
    detail: str
    """What there is to say of it: why it failed, its answers, why it hit or missed its cache."""
    cost: RecordedCost | None
    """None: nothing is recorded of it."""


def steps(state: RunState, *, now: datetime, cost: RunCost | None = None) -> tuple[StepView, ...]:
    """Each planned step, in the plan's order; a step that still runs counts up to `now`."""
    costs = cost.steps if cost else {}
    return tuple(
        _step(planned, state.step(planned.name), state, now=now, cost=costs.get(planned.name))
        for planned in state.plan
    )


def _step(
    planned: PlannedStep,
    step: RunStep | None,
    state: RunState,
    *,
    now: datetime,
    cost: StepCost | None,
) -> StepView:
    absent = _absent(planned, state)
    status = step.status if step else None if absent == WAITING else absent
    return StepView(
        name=planned.name,
        type=planned.type,
        gate=planned.gate,
        status=status,
        word=_word(planned, step, state) if step else absent,
        started=step.started if step else None,
        ended=step.ended if step else None,
        seconds=_seconds(step, state, now) if step else None,
        attempts=step.attempts if step else 0,
        job=step.job[1] if step and step.job else None,
        cached_from=(step.cached_from or None) if step else None,
        reason=(step.description or None) if step else None,
        failure=(step.failure or None) if step else None,
        detail=_detail(planned, step) if step else "",
        cost=recorded_cost(cost),
    )


def _seconds(step: RunStep, state: RunState, now: datetime) -> float | None:
    if step.ended is None and step.started is not None and not state.run.finished:
        return max(0.0, (now - step.started).total_seconds())
    return step.seconds


def _absent(planned: PlannedStep, state: RunState) -> str:
    if state.run.finished:
        return NOT_REACHED
    gate = state.step(planned.gate) if planned.gate else None
    outcome = gate.metadata.outcome if gate else None
    return WAITING if outcome in (None, planned.branch) else NOT_REACHED


def _word(planned: PlannedStep, step: RunStep, state: RunState) -> str:
    if step.status == "Succeeded":
        if step.cached_from:
            return "cached"
        if planned.row.holds_branches:
            if step.metadata.outcome:
                return "passed"
            copied = state.no_new_model and planned.name == NEW_MODEL_GATE
            return NO_NEW_MODEL if copied else NOT_PASSED
        return "done"
    if planned.row.ends_run and step.status == "Failed":
        return "halted"
    words = {
        "Executing": "running",
        "Starting": "starting",
        "Failed": "failed",
        "Stopped": "stopped",
    }
    return words.get(step.status, step.status.lower())


def _detail(planned: PlannedStep, step: RunStep) -> str:
    if planned.row.ends_run:
        return step.metadata.verdict or step.failure
    if step.failure:
        return step.failure
    parts = []
    if step.cached_from and step.cached_from not in step.description:
        parts.append(f"from run {step.cached_from}")
    if step.attempts > 1:
        parts.append(f"attempt {step.attempts}")
    if arn := step.metadata.model_package_arn:
        parts.append(f"version {arn.rsplit('/', 1)[-1]}")
    answers = step.metadata.outputs
    shown = [f"{n} {v}" for n, v in answers.items() if v != NONE and not _LONG.match(str(v))]
    parts += shown or ([NONE] if answers else [])
    # The local cloud says in a step's description why it hit or missed its cache.
    return " · ".join([*parts, step.description] if step.description else parts)
