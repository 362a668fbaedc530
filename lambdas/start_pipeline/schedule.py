"""The schedule as a reason to run content that was run before (pure).

The trigger ensures that at least one run has started since the last scheduled time. Whatever starts
it answers: data that landed, drift, a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from start_pipeline.seen import Execution


@dataclass(frozen=True, kw_only=True)
class ScheduledTime:
    """One time of the schedule; an episode as that of drift is."""

    since: datetime
    local: datetime
    timezone: str
    """Of `local`."""

    @property
    def id(self) -> str:
        return self.since.astimezone(UTC).strftime("scheduled %Y-%m-%dT%H:%M:%SZ")

    @property
    def words(self) -> str:
        return f"{self.local:%Y-%m-%d %H:%M} {self.timezone}"


def of(since: datetime, *, timezone: str) -> ScheduledTime:
    """In words of the time zone, or of UTC where the function has no data about the zone."""
    zone: tzinfo = UTC
    try:
        zone = ZoneInfo(timezone)
    except ZoneInfoNotFoundError:
        timezone = "UTC"
    return ScheduledTime(since=since, local=since.astimezone(zone), timezone=timezone)


def answered_by(due: ScheduledTime, executions: Sequence[Execution]) -> Execution | None:
    """The run that has started since. `executions`: newest first."""
    for execution in executions:
        if execution.started and execution.started >= due.since:
            return execution
    return None
