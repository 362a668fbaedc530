"""The table of `ratchet runs`, with the outcome of each run in a few words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import takewhile
from typing import TYPE_CHECKING

from rich import box
from rich.markup import escape
from rich.table import Table

from ratchet.cli.views.wording import MARKS, STYLES, duration, moment, shortened
from ratchet.costs import money
from ratchet.deployment.runs.executions import RunState
from ratchet.views.outcomes import outcome, seconds

if TYPE_CHECKING:
    from ratchet.deployment.costs.recorded import RunCost
    from ratchet.views.amounts import RecordedCost


_WIDE = 100


def spent(cost: RunCost | RecordedCost | None) -> str:
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
