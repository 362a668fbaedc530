"""How a run went, in a few words, and how long it took. Pure."""

from __future__ import annotations

from datetime import datetime

from ratchet.definition.metadata import failed_step
from ratchet.deployment.runs.executions import RunState


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
