"""Drift as a reason to run content that was run before (pure).

An episode of drift begins when an alarm goes off. The trigger ensures that at least one run has
started since. Data that lands starts runs of its own, which answer it too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from start_pipeline import run_names
from start_pipeline.rules import IN_PROGRESS, Nothing
from start_pipeline.seen import Execution, Registered

_NEWEST = 30
"""Runs that are looked back at: each that succeeded costs two requests."""


@dataclass(frozen=True, kw_only=True)
class Episode:
    """One stretch of drift: alarms that are on, and since when the last of them is."""

    since: datetime
    alarms: tuple[str, ...]

    @property
    def id(self) -> str:
        return self.since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, kw_only=True)
class Exhausted:
    """The limit of fruitless runs is reached: tell people, once in an episode."""

    why: str
    fruitless: int


def episode_of(alarms: Sequence[Mapping[str, Any]]) -> Episode | None:
    """From DescribeAlarms' MetricAlarms. None: no alarm is on."""
    on = [alarm for alarm in alarms if alarm["StateValue"] == "ALARM"]
    if not on:
        return None
    # The transition's time, where it is known: the other may move while the alarm stays on.
    times = [a.get("StateTransitionedTimestamp") or a["StateUpdatedTimestamp"] for a in on]
    return Episode(since=max(times), alarms=tuple(sorted(a["AlarmName"] for a in on)))


def answer(
    episode: Episode,
    executions: Sequence[Execution],
    *,
    now: datetime,
    cooldown_hours: int,
    fruitless_limit: int,
    registered: Callable[[str], Registered | None],
) -> Nothing | Exhausted | None:
    """Goes on when a run is to be started. `executions`: newest first; `registered`: by ARN, asked
    for few of them."""
    for execution in executions:
        if execution.started and execution.started >= episode.since:
            return Nothing(
                why=f"{execution.arn} answers the drift since {episode.id}: it started later"
            )
    for_drift = [e for e in executions if run_names.is_for_drift(e.display_name)]
    last = for_drift[0] if for_drift else None
    if last and last.started and now < last.started + timedelta(hours=cooldown_hours):
        return Nothing(
            why=f"drift since {episode.id}, and {last.arn} ran for drift less than "
            f"{cooldown_hours} h ago"
        )
    waiting = registered(last.arn) if last and last.status == "Succeeded" else None
    if waiting and waiting.better and waiting.waits:
        return Nothing(
            why=f"drift since {episode.id}, and version {waiting.version}, which the last run for "
            "drift registered, waits for approval"
        )
    fruitless = _fruitless(executions, registered, limit=fruitless_limit)
    if fruitless >= fruitless_limit:
        return Exhausted(
            why=f"drift since {episode.id}, and the last {fruitless} runs for drift brought no "
            "better model",
            fruitless=fruitless,
        )
    return None


def _fruitless(
    executions: Sequence[Execution], registered: Callable[[str], Registered | None], *, limit: int
) -> int:
    """Runs for drift without a better model, counted back to the last run that registered one:
    for drift, or on new data."""
    count = 0
    for execution in executions[:_NEWEST]:
        if count >= limit:
            break
        if execution.status in IN_PROGRESS:
            continue
        if execution.status == "Succeeded":
            version = registered(execution.arn)
            if version and version.better:
                break
        if run_names.is_for_drift(execution.display_name):
            count += 1
    return count
