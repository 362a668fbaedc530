"""The table of `ratchet runs`, with the outcome of each run in a few words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from rich import box
from rich.markup import escape
from rich.table import Table

from ratchet.cli.views.step_rows import WAITING, rows
from ratchet.cli.views.wording import MARKS, STYLES, duration, moment, shortened
from ratchet.costs import money
from ratchet.definition.metadata import failed_step
from ratchet.deployment.runs.executions import RunState

if TYPE_CHECKING:
    from ratchet.deployment.costs.recorded import RunCost, StepCost


_WIDE = 100


def outcome(state: RunState) -> str:
    """`registered version 3`, `halted: …`, `failed in train: …`, `running evaluate`."""
    if not state.run.finished:
        running = [step.name for step in state.steps if step.status in ("Executing", "Starting")]
        return f"running {', '.join(running)}" if running else state.run.status.lower()
    failed = failed_step((s for s in state.steps if s.status == "Failed"), lambda s: s.metadata)
    if failed and failed.metadata.ends_run:
        return f"halted: {failed.metadata.verdict or failed.failure}"
    if failed:
        return f"failed in {failed.name}" + (f": {failed.failure}" if failed.failure else "")
    versions = [
        arn.rsplit("/", 1)[-1] for step in state.steps if (arn := step.metadata.model_package_arn)
    ]
    if versions:
        return f"registered version {', '.join(versions)}"
    if state.no_new_model:
        return no_new_model(state)
    return state.run.failure or state.run.status.lower()


def no_new_model(state: RunState) -> str:
    """`no new model: the candidate is version 3`."""
    which = f"version {state.copy_of}" if state.copy_of else "one that was there already"
    return f"no new model: the candidate is {which}"


def seconds(state: RunState, now: datetime) -> float | None:
    """How long the run took, or has been running."""
    end = state.ended or (None if state.run.finished else now)
    return None if end is None else max(0.0, (end - state.run.started).total_seconds())


def spent(cost: RunCost | StepCost | None) -> str:
    """`$0.42`; `≥ $0.42` where a job has no known price; empty where nothing is recorded."""
    if cost is None:
        return ""
    if cost.unknown and not cost.cost:
        return "unknown"
    return f"{'≥ ' if cost.unknown else ''}{money.shown(cost.cost)}"


def table(
    states: Sequence[RunState],
    *,
    now: datetime,
    width: int,
    costs: Mapping[str, RunCost] | None = None,
) -> Table:
    """Newest first, as given. What runs cost stands there where any of it is recorded, and there is
    room for it."""
    costs = costs if width >= _WIDE else None
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", width=None)
    drawn.add_column("", width=1)
    drawn.add_column("id", no_wrap=True)
    drawn.add_column("name", overflow="fold")
    several = len({state.run.pipeline for state in states}) > 1
    several |= any(state.run.edit for state in states)
    in_common = _in_common([state.run.pipeline for state in states])
    if several:
        drawn.add_column("pipeline", overflow="fold")
    drawn.add_column("started", no_wrap=True)
    drawn.add_column("took", no_wrap=True, justify="right")
    if costs:
        drawn.add_column("cost", no_wrap=True, justify="right")
    drawn.add_column("outcome", overflow="fold")
    for state in states:
        run = state.run
        drawn.add_row(
            MARKS.get(run.status, ""),
            run.id,
            escape(run.name),
            *([run.pipeline.removeprefix(in_common)] if several else []),
            moment(run.started, now),
            duration(seconds(state, now)),
            *([spent(costs.get(run.id))] if costs else []),
            f"[{STYLES.get(run.status, 'default')}]{escape(shortened(outcome(state), width))}[/]",
        )
    return drawn


def _in_common(pipelines: Sequence[str]) -> str:
    """What the names of several pipelines begin with, up to a hyphen: project and environment."""
    if len(set(pipelines)) < 2:
        return ""
    parts = [name.split("-")[:-1] for name in pipelines]
    same = takewhile(lambda words: len(set(words)) == 1, zip(*parts, strict=False))
    return "".join(f"{words[0]}-" for words in same)


def as_data(state: RunState, *, now: datetime, cost: RunCost | None = None) -> dict[str, Any]:
    """A run for `--json`: times in ISO 8601, durations in seconds, amounts as text."""
    run = state.run
    return {
        "id": run.id,
        "arn": run.arn,
        "pipeline": run.pipeline,
        "edit": run.edit,
        "name": run.name,
        "description": run.description,
        "status": run.status,
        "outcome": outcome(state),
        "no_new_model": state.no_new_model,
        "copy_of": int(state.copy_of) if state.copy_of else None,
        "started": run.started.isoformat(),
        "ended": state.ended.isoformat() if state.ended else None,
        "seconds": seconds(state, now),
        "failure": run.failure or None,
        "cost": _cost_data(cost) if cost else None,
        "parameters": dict(state.parameters),
        "steps": [
            {
                "name": row.name,
                "status": None if row.status == WAITING else row.status,
                "seconds": row.seconds,
                "cached_from": (step.cached_from or None)
                if (step := state.step(row.name))
                else None,
                "detail": row.detail,
                "cost": _cost_data(cost.steps.get(row.name)) if cost else None,
            }
            for row in rows(state, now=now)
        ],
    }


def _cost_data(cost: RunCost | StepCost | None) -> dict[str, Any] | None:
    if cost is None:
        return None
    amounts = {"cost": cost.cost, "saved": cost.saved}
    return {
        **{name: f"{money.rounded(amount):f}" for name, amount in amounts.items()},
        "unknown": cost.unknown,
    }
