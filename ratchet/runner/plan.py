"""Decides which step may start when: pure bookkeeping over the graph of steps."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping

from ratchet.runner.definition import RunnableStep


class ExecutionPlan:
    """Steps in the order in which they may start.

    A step may start when all that it waits for has succeeded. It is skipped when its branch is not
    taken, or when something that it waits for is skipped.

    - `done`: steps that have succeeded before, with their outcome; they do not start again.
    - `selected`: the only ones that may start; None means all.
    """

    def __init__(
        self,
        steps: Mapping[str, RunnableStep],
        *,
        done: Mapping[str, str | None] | None = None,
        selected: Collection[str] | None = None,
    ) -> None:
        self._steps = steps
        self._done = done or {}
        self._selected = selected
        self._missing = {name: len(step.needs) for name, step in steps.items()}
        self._dependents: dict[str, list[str]] = {name: [] for name in steps}
        for name, step in steps.items():
            for other in step.needs:
                self._dependents[other].append(name)
        self._doomed: set[str] = set()
        self._ready: deque[str] = deque()
        for name, missing in self._missing.items():
            if missing == 0:
                self._offer(name)
        for name, outcome in self._done.items():
            self.succeeded(name, outcome)

    def next(self) -> RunnableStep | None:
        """Take a step that may start now, in the definition's order."""
        return self._steps[self._ready.popleft()] if self._ready else None

    @property
    def has_ready(self) -> bool:
        return bool(self._ready)

    def succeeded(self, name: str, outcome: str | None) -> None:
        """A step has succeeded; `outcome` is "true" or "false" for a Condition."""
        settled = [(name, False)]
        while settled:
            done, skipped = settled.pop()
            for dependent in self._dependents[done]:
                branch = self._steps[dependent].branch
                untaken = (
                    branch is not None
                    and branch.gate == name == done
                    and (branch.outcome != (outcome == "true"))
                )
                if skipped or untaken:
                    self._doomed.add(dependent)
                self._missing[dependent] -= 1
                if self._missing[dependent] == 0:
                    if dependent in self._doomed:
                        settled.append((dependent, True))
                    else:
                        self._offer(dependent)

    def _offer(self, name: str) -> None:
        if name not in self._done and (self._selected is None or name in self._selected):
            self._ready.append(name)
