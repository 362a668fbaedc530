"""From when to when a report goes, and the stretches that its trend is cut into. Days are UTC."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

MONTHS = 3
"""Calendar months that a report covers by itself, this one among them."""

Unit = Literal["day", "week", "month", "year"]
_MOST_POINTS = 31
_SPAN = re.compile(r"([1-9]\d{0,3})([dwm])")
_MONTH = re.compile(r"\d{4}-\d\d")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
EXPECTED = "30d, 8w or 6m (days, weeks, calendar months), a date such as 2026-11-01, or a month"


@dataclass(frozen=True, kw_only=True)
class Period:
    """Both days are in it."""

    first: date
    last: date

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


@dataclass(frozen=True, kw_only=True)
class Trend:
    """Equal stretches of a period, the oldest first."""

    unit: Unit
    starts: tuple[date, ...]

    def place(self, day: date) -> int:
        """The stretch that a day is in."""
        return _PLACES[self.unit](self.starts[0], day)


def read(since: str | None, until: str | None, *, today: date) -> Period:
    """The period that was asked for; by itself, the last MONTHS calendar months.

    Raises:
        ValueError: a text says no day; the message says what is expected.
    """
    last = _until(until) if until else today
    first = _since(since, last) if since else months_before(last, MONTHS - 1)
    if first > last:
        raise ValueError(f"{since or first} is after {until or last}")
    return Period(first=first, last=last)


def _since(text: str, last: date) -> date:
    if span := _SPAN.fullmatch(text):
        amount = int(span[1])
        if span[2] == "m":
            return months_before(last, amount - 1)
        return last - timedelta(days=amount * (7 if span[2] == "w" else 1) - 1)
    if _MONTH.fullmatch(text):
        return _day(f"{text}-01", text)
    return _day(text, text)


def _until(text: str) -> date:
    if _MONTH.fullmatch(text):
        first = _day(f"{text}-01", text)
        return first.replace(day=monthrange(first.year, first.month)[1])
    return _day(text, text)


def _day(text: str, typed: str) -> date:
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise ValueError(f"{typed!r} is no time; expected {EXPECTED}")


def months_before(day: date, months: int) -> date:
    """The first day of the month so many before that of `day`; not before the year 1."""
    whole = max(12, day.year * 12 + day.month - 1 - months)
    return date(whole // 12, whole % 12 + 1, 1)


def trend(period: Period) -> Trend:
    """Days, weeks (from Monday), months or years: the finest of which a line can show them all."""
    units: tuple[Unit, ...] = ("day", "week", "month", "year")
    for unit in units:
        first = _start(period.first, unit)
        amount = _PLACES[unit](first, period.last) + 1
        if amount <= _MOST_POINTS or unit == "year":
            return Trend(unit=unit, starts=tuple(_later(first, unit, n) for n in range(amount)))
    raise AssertionError


def _start(day: date, unit: Unit) -> date:
    if unit == "week":
        return day - timedelta(days=day.weekday())
    if unit == "month":
        return day.replace(day=1)
    return day.replace(month=1, day=1) if unit == "year" else day


def _later(first: date, unit: Unit, amount: int) -> date:
    if unit == "month":
        return months_before(first, -amount)
    if unit == "year":
        return first.replace(year=first.year + amount)
    return first + timedelta(days=amount * (7 if unit == "week" else 1))


_PLACES: Mapping[Unit, Callable[[date, date], int]] = {
    "day": lambda first, day: (day - first).days,
    "week": lambda first, day: (day - first).days // 7,
    "month": lambda first, day: (day.year - first.year) * 12 + day.month - first.month,
    "year": lambda first, day: day.year - first.year,
}
