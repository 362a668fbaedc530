"""Draws how stable the steps of notebooks are. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from rich import box
from rich.console import RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ratchet.cli.views.wording import count
from ratchet.notebooks.status import MakerAge, NotebookStatus, StepStatus
from ratchet.notebooks.verdicts import StepVerdict

_STYLES = {
    StepVerdict.PROMOTE: "green",
    StepVerdict.WAIT: "default",
    StepVerdict.MOVING: "cyan",
    StepVerdict.UNKNOWN: "yellow",
    StepVerdict.PROMOTED: "dim",
}
_NO_STEPS = (
    "no step is marked; to mark a cell, give it the tag step:NAME, or the first line "
    "`#| step: NAME`"
)


def as_document(statuses: Sequence[NotebookStatus]) -> list[dict[str, Any]]:
    """The same as data: a list of notebooks with their steps."""
    return [
        {
            "notebook": status.path,
            "error": status.error or None,
            "mark_problems": list(status.mark_problems),
            "steps": [_step_as_data(step) for step in status.steps],
        }
        for status in statuses
    ]


def _step_as_data(step: StepStatus) -> dict[str, Any]:
    judgement, age, runs = step.judgement, step.age, step.runs
    return {
        "step": step.name,
        "verdict": str(judgement.verdict),
        "reason": judgement.reason or None,
        "days": judgement.days,
        "at_least": judgement.at_least,
        "days_left": judgement.days_left,
        "code": step.code or None,
        "since": _iso(age.since) if age else None,
        "commits": age.commits if age else None,
        "of_commits": age.of_commits if age else None,
        "came_from": list(age.came_from) if age else [],
        "runs": runs.runs,
        "failed_runs": runs.failures,
        "data": runs.data,
        "first_run": _iso(runs.first),
        "last_run": _iso(runs.last),
        "younger_inputs": [
            {"name": maker.name, "where": maker.where, "since": _iso(maker.age.since)}
            for maker in step.younger_inputs
        ],
        "refusals": list(step.refusals),
        "where": step.where,
    }


def _iso(time: datetime | None) -> str | None:
    return time.isoformat() if time else None


def document(statuses: Sequence[NotebookStatus], *, now: datetime) -> Iterator[RenderableType]:
    """A heading, a table and remarks for each notebook, and the next command for what is due."""
    if not statuses:
        yield Text(f"In notebooks/ {_NO_STEPS}.")
    for status in statuses:
        yield Text(status.path, style="bold")
        if status.error:
            yield _remark("error", status.error, "red")
            continue
        if status.steps:
            yield _table(status.steps, now)
        elif not status.mark_problems:
            yield _remark("", _NO_STEPS, "default")
        for problem in status.mark_problems:
            yield _remark("mark", problem, "yellow")
        for step in status.steps:
            yield from _remarks(step, now)
        yield from _commands(status)


def _table(steps: Sequence[StepStatus], now: datetime) -> Table:
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    drawn.add_column("step", overflow="fold")
    drawn.add_column("verdict", no_wrap=True)
    drawn.add_column("unchanged", no_wrap=True, justify="right")
    drawn.add_column("why", overflow="fold")
    for step in steps:
        style = _STYLES[step.judgement.verdict]
        drawn.add_row(
            escape(step.name),
            f"[{style}]{step.judgement.verdict}[/]",
            _unchanged(step),
            escape(", ".join(_why(step, now))),
        )
    return drawn


def _unchanged(step: StepStatus) -> str:
    judgement = step.judgement
    if judgement.days is None or judgement.verdict is StepVerdict.MOVING:
        return "–"
    return f"{'≥ ' if judgement.at_least else ''}{count(judgement.days, 'day')}"


def _why(step: StepStatus, now: datetime) -> Iterator[str]:
    judgement, age = step.judgement, step.age
    if judgement.verdict is StepVerdict.PROMOTED:
        yield f"{step.where} calls its script"
        return
    if judgement.reason:
        yield judgement.reason
    if judgement.days_left is not None:
        yield f"due in {count(judgement.days_left, 'day')}"
    if age is not None and age.since is not None:
        yield f"the same in {age.commits} of {count(age.of_commits, 'commit')}"
        yield from (f"was in {path}" for path in age.came_from)
    yield from _runs(step, now)


def _runs(step: StepStatus, now: datetime) -> Iterator[str]:
    runs = step.runs
    if runs.last is not None:
        times = "once" if runs.runs == 1 else f"{runs.runs} times"
        yield f"ran {times} on {count(runs.data, 'data set')}, last {_ago(runs.last, now)}"
    if runs.failures:
        yield f"{count(runs.failures, 'run')} failed"


def _ago(time: datetime, now: datetime) -> str:
    days = (now - time).days
    return "today" if days <= 0 else f"{count(days, 'day')} ago"


def _remarks(step: StepStatus, now: datetime) -> Iterator[Padding]:
    for maker in step.younger_inputs:
        yield _remark(step.name, _maker_words(maker, now), "yellow")
    for reason in step.refusals:
        yield _remark(step.name, f"cannot be promoted as it is: {reason}", "yellow")


def _maker_words(maker: MakerAge, now: datetime) -> str:
    since = maker.age.since
    when = "an edit that is not committed" if since is None else f"code of {_ago(since, now)}"
    return f"its input `{maker.name}` is made by {when} that belongs to no step ({maker.where})"


def _remark(label: str, words: str, style: str) -> Padding:
    text = Text(f"{label}: " if label else "", style=style)
    return Padding(text.append(words, style="default"), (0, 0, 0, 2))


def _commands(status: NotebookStatus) -> Iterator[Text]:
    """The next command for each step that is due."""
    for step in status.steps:
        if step.judgement.verdict is StepVerdict.PROMOTE and not step.refusals:
            path = shlex.quote(status.path)
            yield Text(f"  ratchet promote {path} --step {step.name}", style="dim")
