"""When a monitoring schedule runs, and which hours of traffic it looks at.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-schedule-expression.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ratchet.local_cloud.sagemaker.errors import invalid

HOUR = timedelta(hours=1)
_CRON = re.compile(
    r"cron\(0 (?:(?P<every>\*)|(?P<at>\d{1,2})(?:/(?P<step>\d{1,2}))?) \? \* \* \*\)"
)
# "-P7H", as the developer guide has it, and "-PT7H", as ISO 8601 does:
# https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-schedule.html
_OFFSET = re.compile(r"(-?)P(?:(\d+)D)?T?(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?")
_ISO = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, kw_only=True)
class Timetable:
    """The hours of a day (UTC) at which a schedule runs; ``interval`` is between two of them."""

    hours: tuple[int, ...]

    @property
    def interval(self) -> timedelta:
        """What one run covers: the time since the run before."""
        return timedelta(hours=24 // len(self.hours)) if self.hours else timedelta(hours=24)

    def due(self, now: datetime) -> datetime:
        """The last time at or before ``now`` that the schedule asks for."""
        hour = now.replace(minute=0, second=0, microsecond=0)
        while hour.hour not in self.hours:
            hour -= HOUR
        return hour


def timetable_of(expression: str) -> Timetable | None:
    """The timetable of a schedule expression; None for ``NOW``. Raises ``ApiError`` for others."""
    if expression == "NOW":
        return None
    match = _CRON.fullmatch(expression)
    first = int(match["at"] or 0) if match else 24
    step = int(match["step"] or 24) if match else 0
    if match is None or first > 23 or not 1 <= step <= 24:
        raise invalid(
            f"ScheduleExpression {expression!r} is none that Model Monitor takes: "
            "cron(0 * ? * * *), cron(0 [00-23] ? * * *), cron(0 [00-23]/[01-24] ? * * *) or NOW."
        )
    if match["every"]:
        return Timetable(hours=tuple(range(24)))
    return Timetable(hours=tuple(range(first, 24, step)))


@dataclass(frozen=True, kw_only=True)
class TrafficWindow:
    """Traffic from ``start`` until before ``end``, for the run scheduled at ``scheduled``."""

    start: datetime
    end: datetime
    scheduled: datetime

    @property
    def hours(self) -> Iterator[datetime]:
        """The hours that the window touches."""
        hour = self.start.replace(minute=0, second=0, microsecond=0)
        while hour < self.end:
            yield hour
            hour += HOUR

    def shifted(self, start_offset: str | None, end_offset: str | None) -> TrafficWindow:
        """The window of a job input that has offsets, both from the scheduled time."""
        start = self.scheduled + offset_of(start_offset) if start_offset else self.start
        end = self.scheduled + offset_of(end_offset) if end_offset else self.end
        return TrafficWindow(start=start, end=end, scheduled=self.scheduled)


def offset_of(text: str) -> timedelta:
    """``-P1DT2H`` and the like; raises ``ApiError``."""
    match = _OFFSET.fullmatch(text)
    if match is None or not any(match.groups()[1:]):
        raise invalid(f"{text!r} is no offset; expected one such as -PT1H or -P7D.")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:])
    offset = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    return -offset if match[1] else offset


def iso(moment: datetime) -> str:
    """As the container's environment has times."""
    return moment.astimezone(UTC).strftime(_ISO)


def folder_of(moment: datetime) -> str:
    """``yyyy/mm/dd/hh`` of captured data, ground truth and reports."""
    return moment.astimezone(UTC).strftime("%Y/%m/%d/%H")
