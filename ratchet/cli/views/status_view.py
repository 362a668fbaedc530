"""Draws `ratchet status`. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ratchet.cli.views.wording import MARKS, count, duration, moment, shortened
from ratchet.deployment.runs.schedules import DeployedSchedule
from ratchet.deployment.serving.champion import IN_SERVICE
from ratchet.deployment.standing import Alarm, Queue, Standing, explanations
from ratchet.loop import names
from ratchet.views.drift import ALARM_WORDS
from ratchet.views.outcomes import outcome

_ALARMS = {"OK": "green", "ALARM": "red", "INSUFFICIENT_DATA": "dim"}
_LABELS = {"drift": "drift", "model_quality": "model quality"}


def document(
    standing: Standing,
    *,
    now: datetime,
    width: int,
    command: Callable[[str], str] = "ratchet {}".format,
) -> list[RenderableType]:
    """A line for each part of the state, then explanations."""
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    drawn.add_column("", style="dim", no_wrap=True)
    drawn.add_column("", overflow="fold")
    for name, text in _rows(standing, now=now, width=width):
        drawn.add_row(name, text)
    parts: list[RenderableType] = [drawn]
    lines = explanations(standing, command=command)
    if lines:
        parts.append(Text("\n" + "\n".join(lines)))
    return parts


def _rows(standing: Standing, *, now: datetime, width: int) -> Iterator[tuple[str, str]]:
    yield "serves", _serves(standing, now)
    yield "wanted", _best_approved(standing)
    yield "under way", _under_way(standing, now)
    if standing.stack and names.ENGINE in standing.stack.parameters:
        yield "monitor", _monitor(standing)
    for label in (*_LABELS, *(set(standing.alarms) - set(_LABELS))):
        if label in standing.alarms:
            yield _LABELS.get(label, label), alarm(standing.alarms[label], now)
    for queue in standing.queues:
        if not queue.dead or queue.waiting:
            yield f"{queue.label} queue", _queue(queue)
    for schedule in standing.schedules:
        yield f"next {schedule.pipeline}", _next_run(schedule, now)
    for name, why in standing.edits.items():
        yield "edits", f"{names.edits_of(name)} [dim]{escape(why or 'needed by nothing')}[/]"
    if standing.last_run:
        run = standing.last_run.run
        yield (
            "last run",
            f"{MARKS.get(run.status, '')} {escape(run.name)} [dim]{run.id}[/] "
            f"{moment(run.started, now)}  {escape(shortened(outcome(standing.last_run), width))}",
        )
    else:
        yield "last run", "[dim]none yet[/]"


def _next_run(schedule: DeployedSchedule, now: datetime) -> str:
    timetable = f"[dim]{escape(schedule.expression)} {escape(schedule.timezone)}[/]"
    if not schedule.on:
        return f"[yellow]the schedule is off[/] {timetable}"
    at = schedule.next_time(now)
    return f"{at:%a %Y-%m-%d %H:%M} {timetable}" if at else f"[dim]no more[/] {timetable}"


def _serves(standing: Standing, now: datetime) -> str:
    live = standing.live
    if live is None:
        return "[dim]nothing: there is no endpoint[/]"
    version = f"version {live.version}" if live.version is not None else "a model of no version"
    since = f" [dim]since {moment(live.since, now)}[/]" if live.since else ""
    style = "green" if live.status == IN_SERVICE else "yellow"
    # An update that failed leaves its reason beside the model that serves on.
    failed = live.failure and live.status != IN_SERVICE
    failure = f" [red]{escape(live.failure)}[/]" if failed else ""
    endpoint = standing.serving.endpoint if standing.serving else ""
    instances = f" [dim]· {count(live.instances, 'instance')}[/]" if live.instances else ""
    return f"{version} on {endpoint} [{style}]{live.status}[/]{since}{instances}{failure}"


def _best_approved(standing: Standing) -> str:
    champion, highest = standing.version_to_serve, standing.highest_approved
    if champion is None:
        return "[dim]nothing: no version is approved[/]"
    if highest is not None and highest.version != champion.version:
        return (
            f"version {champion.version}, the highest approved whose deployment has not failed "
            f"[dim](version {highest.version} is approved)[/]"
        )
    return f"version {champion.version}, the highest approved"


def _under_way(standing: Standing, now: datetime) -> str:
    parts = []
    stack, live = standing.stack, standing.live
    if stack and stack.busy:
        for_ = f" for {duration((now - stack.since).total_seconds())}" if stack.since else ""
        reason = f": {escape(stack.reason)}" if stack.reason else ""
        parts.append(f"[cyan]●[/] stack {stack.name} {stack.status}{for_}{reason}")
    if live and live.status != IN_SERVICE:
        for_ = f" for {duration((now - live.since).total_seconds())}" if live.since else ""
        parts.append(f"[cyan]●[/] endpoint {live.status}{for_}")
    if parts:
        return "\n".join(parts)
    if stack and ("FAILED" in stack.status or "ROLLBACK" in stack.status):
        since = f" {moment(stack.since, now)}" if stack.since else ""
        reason = f": {escape(stack.reason)}" if stack.reason else ""
        return f"nothing; the last change of the stack ended {stack.status}{since}{reason}"
    return "[dim]nothing[/]"


def _monitor(standing: Standing) -> str:
    assert standing.stack is not None, "asked only where there is one"
    parameters = standing.stack.parameters
    baseline = parameters.get(names.BASELINE, names.NONE)
    if parameters.get(names.CHAMPION, names.NONE) == names.NONE:
        return "[dim]waits for a model that serves[/]"
    if baseline == names.NONE:
        return "[yellow]off: the version that serves has no baseline[/]"
    owner = standing.monitored
    whose = f"the baseline of version {owner.version}" if owner else escape(baseline)
    return f"{parameters[names.ENGINE]} [dim]against {whose}[/]"


def alarm(state: Alarm, now: datetime) -> str:
    """`in alarm since 10:14:02: …`."""
    style = _ALARMS.get(state.state, "default")
    since = f" [dim]since {moment(state.since, now)}[/]" if state.since else ""
    reason = f" {escape(shortened(state.reason, 120))}" if state.state == "ALARM" else ""
    return f"[{style}]{ALARM_WORDS.get(state.state, state.state)}[/]{since}{reason}"


def _queue(queue: Queue) -> str:
    if queue.dead:
        return (
            f"[red]{count(queue.waiting, 'message')} could not be handled[/] "
            "[dim](dead-letter queue)[/]"
        )
    if not queue.waiting and not queue.in_flight:
        return "[dim]empty[/]"
    return f"{queue.waiting:,} waiting, {queue.in_flight:,} being handled"


def as_document(standing: Standing, *, now: datetime) -> dict[str, Any]:
    """The same for `--json`."""

    def iso(time: datetime | None) -> str | None:
        return time.isoformat() if time else None

    live, stack, last = standing.live, standing.stack, standing.last_run
    return {
        "deployed": {"version": standing.deployed, "arn": standing.deployed_arn or None},
        "endpoint": None
        if live is None
        else {
            "name": standing.serving.endpoint if standing.serving else None,
            "status": live.status,
            "version": live.version,
            "arn": live.package_arn or None,
            "config": live.config,
            "since": iso(live.since),
            "failure": live.failure or None,
        },
        "wanted": standing.version_to_serve.version if standing.version_to_serve else None,
        "highest_approved": standing.highest_approved.version
        if standing.highest_approved
        else None,
        "settled": standing.settled,
        "stack": None
        if stack is None
        else {
            "name": stack.name,
            "status": stack.status,
            "since": iso(stack.since),
            "reason": stack.reason or None,
            "parameters": dict(stack.parameters),
        },
        "alarms": {
            label: {"name": a.name, "state": a.state, "since": iso(a.since), "reason": a.reason}
            for label, a in standing.alarms.items()
        },
        "queues": [
            {"queue": q.label, "dead_letters": q.dead, "waiting": q.waiting, "handled": q.in_flight}
            for q in standing.queues
        ],
        "schedules": [
            {
                "pipeline": s.pipeline,
                "expression": s.expression,
                "timezone": s.timezone,
                "on": s.on,
                "next": iso(s.next_time(now)),
            }
            for s in standing.schedules
        ],
        "last_run": None
        if last is None
        else {
            "id": last.run.id,
            "name": last.run.name,
            "status": last.run.status,
            "outcome": outcome(last),
            "started": last.run.started.isoformat(),
        },
        "refused": dict(standing.refused),
        "changed": None if standing.changed is None else list(standing.changed),
        "edits": {names.edits_of(name): why or None for name, why in standing.edits.items()},
        "explanations": explanations(standing),
    }
