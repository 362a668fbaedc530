"""When a schedule runs: EventBridge Scheduler's expressions in a time zone.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html: `cron(…)` of minutes,
hours, day of month, month, day of week and year; `rate(…)`; `at(…)`. Where clocks go forward, a
time that does not exist is skipped; where they go back, a time that comes twice runs once.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from ratchet.settings.toml_reader import matching

RuleSchedule = Annotated[
    str,
    matching(
        r"rate\((1 (minute|hour|day)|([2-9]|[1-9]\d+) (minutes|hours|days))\)|cron\([^()]+\)",
        'an EventBridge schedule such as "rate(1 hour)" or "cron(0 6 * * ? *)"',
    ),
]
"""For an EventBridge rule, which knows only UTC; all else here is for EventBridge Scheduler."""

EXPECTED = (
    'a schedule such as "cron(0 6 ? * MON *)" (minute hour day month weekday year), '
    '"rate(12 hours)" or "at(2026-12-01T06:00:00)"'
)

_RATE = re.compile(r"rate\((?:1 (minute|hour|day)|([2-9]|[1-9]\d+) (minute|hour|day)s)\)")
_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
_CRON = re.compile(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)")
_ITEM = re.compile(r"(?:(\*)|(\w+)(?:-(\w+))?)(?:/(\d+))?")
_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_WEEKDAYS = {"SUN": 1, "MON": 2, "TUE": 3, "WED": 4, "THU": 5, "FRI": 6, "SAT": 7}
_YEARS = (1970, 2199)

_Days = Callable[[date], bool]


@dataclass(frozen=True, kw_only=True)
class Rate:
    """At regular intervals since the schedule was made, in hours of 60 minutes."""

    every: timedelta

    def next_after(self, moment: datetime, *, zone: ZoneInfo, made: datetime) -> datetime | None:
        del zone
        return made + max(1, (moment - made) // self.every + 1) * self.every


@dataclass(frozen=True, kw_only=True)
class At:
    """Once, at a local time."""

    local: datetime

    def next_after(self, moment: datetime, *, zone: ZoneInfo, made: datetime) -> datetime | None:
        del made
        at = _instant(self.local, zone)
        return at if at is not None and at > moment else None


@dataclass(frozen=True, kw_only=True)
class Cron:
    """At these minutes of these hours of the days that match."""

    times: tuple[time, ...]
    days: _Days
    years: frozenset[int]

    def next_after(self, moment: datetime, *, zone: ZoneInfo, made: datetime) -> datetime | None:
        del made
        for day in self._days_from(moment.astimezone(zone).date()):
            for at in self.times:
                instant = _instant(datetime.combine(day, at), zone)
                if instant is not None and instant > moment:
                    return instant
        return None

    def _days_from(self, first: date) -> Iterator[date]:
        for year in sorted(year for year in self.years if year >= first.year):
            day = max(first, date(year, 1, 1))
            while day.year == year:
                if self.days(day):
                    yield day
                day += timedelta(days=1)


Timetable = Rate | At | Cron
"""Each has `next_after(moment, zone=…, made=…)`: the first time after the moment, in UTC, or None
when there is none any more. `made`: when the schedule was made, which a rate counts from."""


def parse(expression: str) -> Timetable:
    """Parses an expression. Raises ValueError if EventBridge Scheduler would refuse it."""
    if rate := _RATE.fullmatch(expression):
        unit, count = rate[1] or rate[3], int(rate[2] or 1)
        return Rate(every=timedelta(**{f"{unit}s": count}))
    if at := _AT.fullmatch(expression):
        return At(local=datetime.fromisoformat(at[1]))
    cron = _CRON.fullmatch(expression)
    if cron is None:
        raise ValueError(f"{expression!r} is not a schedule; expected {EXPECTED}")
    return _cron(*cron.groups())


def expected_of(expression: str) -> str | None:
    """A description of valid expressions; None if this one is valid."""
    try:
        parse(expression)
    except ValueError:
        return EXPECTED
    return None


def expected_of_zone(name: str) -> str | None:
    """What is expected instead of this time zone; None when it is fine."""
    expected = 'a time zone of the IANA database such as "Europe/Berlin" or "UTC"'
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # no such key; a path; a folder such as "Europe"
        return expected
    return None if len(name) <= 50 else expected  # botocore, ScheduleExpressionTimezone


def _cron(minutes: str, hours: str, day: str, months: str, weekday: str, years: str) -> Cron:
    if (day == "?") == (weekday == "?"):
        raise ValueError("exactly one of day and weekday is '?'")
    in_months = _numbers(months, 1, 12, _MONTHS)
    in_day = _weekdays(weekday) if day == "?" else _month_days(day)
    return Cron(
        times=tuple(
            time(hour, minute)
            for hour in sorted(_numbers(hours, 0, 23))
            for minute in sorted(_numbers(minutes, 0, 59))
        ),
        days=lambda at: at.month in in_months and in_day(at),
        years=_numbers(years, *_YEARS),
    )


def _numbers(
    field: str, low: int, high: int, names: dict[str, int] | None = None
) -> frozenset[int]:
    """The numbers of a field such as `*`, `5`, `1-5`, `0/15` or `MON,WED`."""

    def number(text: str) -> int:
        value = (names or {}).get(text.upper(), -1) if text.isalpha() else int(text)
        if not low <= value <= high:
            raise ValueError(f"{text} is not from {low} to {high}")
        return value

    numbers: set[int] = set()
    for item in field.split(","):
        match = _ITEM.fullmatch(item)
        if match is None:
            raise ValueError(f"{item!r} is none of '*', '5', '1-5', '0/15'")
        everything, first, last, step = match.groups()
        start = low if everything else number(first)
        end = high if everything or (step and not last) else number(last or first)
        every = int(step or 1)
        if every < 1 or start > end:
            raise ValueError(f"{item!r} matches no time")
        numbers.update(range(start, end + 1, every))
    return frozenset(numbers)


def _month_days(field: str) -> _Days:
    """Days of a month: numbers, `L` for the last day, `15W` for the weekday nearest to the 15th."""
    if field == "L":
        return lambda at: at.day == _length(at)
    if near := re.fullmatch(r"(\d{1,2}|L)W", field):
        date_of_month = None if near[1] == "L" else int(near[1])
        if date_of_month is not None and not 1 <= date_of_month <= 31:
            raise ValueError(f"{date_of_month} is not from 1 to 31")
        return lambda at: at.day == _nearest_weekday(at, date_of_month or _length(at))
    days = _numbers(field, 1, 31)
    return lambda at: at.day in days


def _weekdays(field: str) -> _Days:
    """Days of a week: numbers from 1 (Sunday) or names, `FRIL` or `6L` for a month's last Friday,
    `2#1` for its first Monday."""
    if last := re.fullmatch(r"(\w+?)L", field):
        (number,) = _numbers(last[1], 1, 7, _WEEKDAYS)
        return lambda at: _weekday(at) == number and at.day > _length(at) - 7
    if nth := re.fullmatch(r"(\w+)#([1-5])", field):
        (number,), count = _numbers(nth[1], 1, 7, _WEEKDAYS), int(nth[2])
        return lambda at: _weekday(at) == number and (at.day - 1) // 7 + 1 == count
    if field == "L":
        return lambda at: _weekday(at) == _WEEKDAYS["SAT"]
    days = _numbers(field, 1, 7, _WEEKDAYS)
    return lambda at: _weekday(at) in days


def _weekday(day: date) -> int:
    return day.isoweekday() % 7 + 1


def _length(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _nearest_weekday(day: date, date_of_month: int) -> int | None:
    """The day of this month, without leaving it; None when the month has no such day."""
    if date_of_month > _length(day):
        return None
    at = day.replace(day=date_of_month)
    if at.isoweekday() == 6:  # Saturday
        return date_of_month - 1 if date_of_month > 1 else date_of_month + 2
    if at.isoweekday() == 7:
        return date_of_month + 1 if date_of_month < _length(day) else date_of_month - 2
    return date_of_month


def _instant(local: datetime, zone: ZoneInfo) -> datetime | None:
    """A local time as UTC: the first of two, and None where clocks jump over it."""
    instant = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    return instant if instant.astimezone(zone).replace(tzinfo=None) == local else None
