"""A run as it goes: redrawn in place on a terminal, one line per change elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape

from ratchet.cli.views.run_view import heading, step_table
from ratchet.cli.views.wording import MARKS, duration, shortened
from ratchet.deployment.runs.executions import Run, RunState
from ratchet.deployment.runs.watch import transitions, watch
from ratchet.deployment.target.environment import Target
from ratchet.views.steps import WAITING, steps


def follow(target: Target, run: Run, console: Console) -> RunState:
    """Shows the run until it has ended and returns how it ended. Ctrl-C leaves the run going."""
    return _redraw(target, run, console) if console.is_terminal else _lines(target, run, console)


def _now() -> datetime:
    return datetime.now().astimezone()


class _Frame:
    """Draws the newest state again at every refresh, so that seconds count between two looks."""

    def __init__(self, state: RunState, now: Callable[[], datetime], console: Console) -> None:
        self.state = state
        self._console = console
        self._now = now

    def __rich__(self) -> RenderableType:
        now = self._now()
        return Group(
            heading(self.state, now=now, live=True),
            step_table(
                self.state, now=now, live=not self.state.run.finished, width=self._console.width
            ),
        )


def _redraw(target: Target, run: Run, console: Console) -> RunState:
    states = watch(target, run)
    frame = _Frame(next(states), _now, console)
    # Everything is drawn once more by `show` at the end, so the moving picture goes away.
    with Live(frame, console=console, refresh_per_second=8, transient=True):
        for state in states:
            frame.state = state
    return frame.state


def _lines(target: Target, run: Run, console: Console) -> RunState:
    before: RunState | None = None
    for state in watch(target, run):
        by_name = {step.name: step for step in steps(state, now=_now())}
        for name in transitions(before, state):
            step = by_name[name]
            status = step.status or WAITING
            took = f" {duration(step.seconds)}" if status not in ("Starting", "Executing") else ""
            detail = f"  [dim]{escape(shortened(step.detail, 100))}[/]" if step.detail else ""
            console.print(
                f"{_now():%H:%M:%S} {MARKS.get(status, '')} {name} {step.word}{took}{detail}",
                soft_wrap=True,
            )
        before = state
    assert before is not None, "a watch yields at least the first state"
    return before
