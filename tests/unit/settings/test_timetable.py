"""When schedules run: EventBridge Scheduler's expressions, in time zones with summer time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ratchet.settings import timetable

BERLIN = ZoneInfo("Europe/Berlin")
MADE = datetime(2026, 11, 26, 9, 30, 15, tzinfo=UTC)  # a Thursday


def times(expression: str, count: int, *, after: datetime, zone: ZoneInfo = BERLIN) -> list[str]:
    """The next times of a schedule, as people in the zone read them."""
    table, found = timetable.parse(expression), []
    for _ in range(count):
        at = table.next_after(after, zone=zone, made=MADE)
        if at is None:
            break
        found.append(at.astimezone(zone).strftime("%a %Y-%m-%d %H:%M %z"))
        after = at
    return found


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("cron(0 6 ? * MON *)", ["Mon 2026-11-30 06:00", "Mon 2026-12-07 06:00"]),
        ("cron(30 9 * * ? *)", ["Fri 2026-11-27 09:30", "Sat 2026-11-28 09:30"]),
        ("cron(0/30 22-23 ? * 2-6 *)", ["Thu 2026-11-26 22:00", "Thu 2026-11-26 22:30"]),
        ("cron(0 6 L * ? *)", ["Mon 2026-11-30 06:00", "Thu 2026-12-31 06:00"]),
        ("cron(0 6 1W * ? *)", ["Tue 2026-12-01 06:00", "Fri 2027-01-01 06:00"]),
        ("cron(0 6 30W * ? *)", ["Mon 2026-11-30 06:00", "Wed 2026-12-30 06:00"]),
        ("cron(0 6 LW * ? *)", ["Mon 2026-11-30 06:00", "Thu 2026-12-31 06:00"]),
        ("cron(0 6 ? * FRIL *)", ["Fri 2026-11-27 06:00", "Fri 2026-12-25 06:00"]),
        ("cron(0 6 ? * 2#1 *)", ["Mon 2026-12-07 06:00", "Mon 2027-01-04 06:00"]),
        ("cron(0 6 29 FEB ? *)", ["Tue 2028-02-29 06:00", "Sun 2032-02-29 06:00"]),
        ("cron(0 6 1 1,JUL ? 2027)", ["Fri 2027-01-01 06:00", "Thu 2027-07-01 06:00"]),
        ("rate(1 hour)", ["Thu 2026-11-26 13:30", "Thu 2026-11-26 14:30"]),
        ("at(2026-12-24T18:00:00)", ["Thu 2026-12-24 18:00"]),
        ("cron(0 6 30 2 ? *)", []),
    ],
)
def test_a_schedule_runs_at_its_times(expression: str, expected: list[str]) -> None:
    noon = datetime(2026, 11, 26, 12, tzinfo=UTC)
    assert [at[:20] for at in times(expression, 2, after=noon)] == expected


def test_a_schedule_keeps_its_local_time_when_summer_time_begins_and_ends() -> None:
    spring = datetime(2027, 3, 27, tzinfo=UTC)
    assert times("cron(0 6 * * ? *)", 2, after=spring) == [
        "Sat 2027-03-27 06:00 +0100",
        "Sun 2027-03-28 06:00 +0200",
    ]


def test_a_time_that_clocks_jump_over_is_skipped() -> None:
    after = datetime(2027, 3, 27, 12, tzinfo=UTC)
    assert times("cron(30 2 * * ? *)", 1, after=after) == ["Mon 2027-03-29 02:30 +0200"]
    assert times("at(2027-03-28T02:30:00)", 1, after=after) == []


def test_a_time_that_comes_twice_runs_once() -> None:
    after = datetime(2027, 10, 30, 12, tzinfo=UTC)
    assert times("cron(30 2 * * ? *)", 2, after=after) == [
        "Sun 2027-10-31 02:30 +0200",
        "Mon 2027-11-01 02:30 +0100",
    ]


def test_a_rate_counts_hours_on_the_clock_and_not_days_of_the_calendar() -> None:
    after = datetime(2027, 3, 27, 12, tzinfo=UTC)
    first, second = times("rate(1 day)", 2, after=after)
    assert (first[15:20], second[15:20]) == ("11:30", "11:30")
    made = datetime(2027, 3, 27, 8, tzinfo=UTC)
    table = timetable.parse("rate(1 day)")
    assert table.next_after(made, zone=BERLIN, made=made) == made + timedelta(hours=24)


@pytest.mark.parametrize(
    "expression",
    [
        *("", "hourly", "rate(1 hours)", "rate(0 minutes)", "rate(2 hour)", "cron(0 6 * * *)"),
        *("cron(0 6 * * * *)", "cron(0 6 ? * ? *)", "cron(60 6 * * ? *)", "cron(0 24 * * ? *)"),
        *("cron(0 6 0 * ? *)", "cron(0 6 32W * ? *)", "cron(0 6 ? * MOON *)", "cron(0 6 ? * 8 *)"),
        *("cron(0 6 ? * 2#6 *)", "cron(0 9-6 * * ? *)", "cron(0 0/0 * * ? *)", "at(2026-13-01)"),
        *("at(2026-02-30T00:00:00)", "cron(0 6 * FOO ? *)", "cron(0 6 * * ? 1969)"),
    ],
)
def test_what_is_no_schedule_is_refused(expression: str) -> None:
    assert timetable.expected_of(expression) == timetable.EXPECTED
