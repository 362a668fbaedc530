"""The steps of a run, one row each. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ratchet.deployment.pipelines.outline import PlannedStep
from ratchet.deployment.runs.executions import RunState, RunStep
from ratchet.loop.names import NEW_MODEL_GATE

WAITING = "waiting"
NOT_REACHED = "not reached"
NOT_PASSED = "not passed"
NO_NEW_MODEL = "no new model"
"""The word for its gate: nothing was judged not good enough."""


@dataclass(frozen=True, kw_only=True)
class StepRow:
    """One step of the plan, reached or not."""

    name: str
    depth: int
    """How many gates it is behind."""
    status: str
    word: str
    """The status as a person says it: `cached`, `passed`, `done`, …"""
    seconds: float | None
    detail: str


def rows(state: RunState, *, now: datetime) -> list[StepRow]:
    """One row per planned step, in the plan's order; a step that still runs counts up to `now`."""
    return [_row(planned, state.step(planned.name), state, now) for planned in state.plan]


def _row(planned: PlannedStep, step: RunStep | None, state: RunState, now: datetime) -> StepRow:
    depth = len(_gates(planned, state))
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
        word=_word(planned, step),
        seconds=None if seconds is None else max(0.0, seconds),
        detail=_detail(planned, step),
    )


def _absent(planned: PlannedStep, state: RunState) -> str:
    if state.run.finished:
        return NOT_REACHED
    for behind, gate in _gates(planned, state):
        step = state.step(gate)
        if step and step.metadata.outcome not in (None, behind.branch):
            return NOT_REACHED
    return WAITING


def _gates(planned: PlannedStep, state: RunState) -> list[tuple[PlannedStep, str]]:
    """The gates that decide whether a step is reached, the nearest first: what stands behind it,
    and its name."""
    plan = {step.name: step for step in state.plan}
    gates: list[tuple[PlannedStep, str]] = []
    step: PlannedStep | None = planned
    while step and step.gate:
        gates.append((step, step.gate))
        step = plan.get(step.gate)
    return gates


def _word(planned: PlannedStep, step: RunStep) -> str:
    if step.status == "Succeeded":
        if step.cached_from:
            return "cached"
        if planned.row.holds_branches:
            if step.metadata.outcome:
                return "passed"
            return NO_NEW_MODEL if planned.name == NEW_MODEL_GATE else NOT_PASSED
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
    parts += [
        f"{name} {value}"
        for name, value in step.metadata.outputs.items()
        if not str(value).startswith(("s3://", "arn:"))  # `--json` has these; here they only wrap
    ]
    # The local cloud says in a step's description why it hit or missed its cache.
    return " · ".join([*parts, step.description] if step.description else parts)
