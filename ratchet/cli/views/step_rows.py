"""The steps of a run, one row each. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from ratchet.deployment.pipelines.outline import PlannedStep
from ratchet.deployment.runs.executions import RunState, RunStep
from ratchet.loop.names import NEW_MODEL_GATE, NONE

WAITING = "waiting"
NOT_REACHED = "not reached"
NOT_PASSED = "not passed"
_LONG = re.compile(r"s3://|arn:|[0-9a-f]{64}$")
"""Answers of a function that would only wrap: `--json` has them."""
NO_NEW_MODEL = "no new model"
"""Of the gate that lets only a new model be registered: nothing was judged not good enough."""


@dataclass(frozen=True, kw_only=True)
class StepRow:
    """One step of the plan, reached or not."""

    name: str
    depth: int
    """0, or 1 behind a gate."""
    status: str
    word: str
    """The status as a person says it: `cached`, `passed`, `done`, …"""
    seconds: float | None
    detail: str


def rows(state: RunState, *, now: datetime) -> list[StepRow]:
    """One row per planned step, in the plan's order; a step that still runs counts up to `now`."""
    return [_row(planned, state.step(planned.name), state, now) for planned in state.plan]


def _row(planned: PlannedStep, step: RunStep | None, state: RunState, now: datetime) -> StepRow:
    depth = 0 if planned.gate is None else 1
    if step is None:
        status = _absent(planned, state)
        return StepRow(
            name=planned.name, depth=depth, status=status, word=status, seconds=None, detail=""
        )
    running = step.ended is None and step.started is not None and not state.run.finished
    seconds = (now - step.started).total_seconds() if running and step.started else step.seconds
    return StepRow(
        name=planned.name,
        depth=depth,
        status=step.status,
        word=_word(planned, step, state),
        seconds=None if seconds is None else max(0.0, seconds),
        detail=_detail(planned, step),
    )


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
