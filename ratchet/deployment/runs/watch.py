"""Follows a run: reads its state again and again until it has ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from ratchet.deployment.runs.executions import Run, RunState, read, refresh
from ratchet.deployment.target.environment import Target

LOCAL_INTERVAL = 0.3
AWS_INTERVAL = 5.0
"""Seconds between two looks. Two calls a look stay far below SageMaker's request quotas."""


def watch(
    target: Target, run: Run, *, sleep: Callable[[float], None] = time.sleep
) -> Iterator[RunState]:
    """Yields the run's state at once and after every reading; the last one is the end."""
    state = read(target, run)
    sagemaker = target.client("sagemaker")
    yield state
    while not state.run.finished:
        sleep(LOCAL_INTERVAL if target.endpoint else AWS_INTERVAL)
        state = refresh(sagemaker, state)
        yield state


def transitions(before: RunState | None, after: RunState) -> list[str]:
    """The names of the steps whose status changed between two readings, in the plan's order."""
    earlier = {step.name: step.status for step in before.steps} if before else {}
    return [
        planned.name
        for planned in after.plan
        if (step := after.step(planned.name)) and earlier.get(step.name) != step.status
    ]
