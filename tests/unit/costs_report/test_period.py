"""What --since and --until mean."""

from __future__ import annotations

from datetime import date

import pytest

from ratchet.costs_report import period
from ratchet.costs_report.period import Period

TODAY = date(2026, 11, 26)


@pytest.mark.parametrize(
    ("since", "until", "first", "last"),
    [
        (None, None, "2026-09-01", "2026-11-26"),
        ("30d", None, "2026-10-28", "2026-11-26"),
        ("1d", None, "2026-11-26", "2026-11-26"),
        ("2w", None, "2026-11-13", "2026-11-26"),
        ("1m", None, "2026-11-01", "2026-11-26"),
        ("12m", None, "2025-12-01", "2026-11-26"),
        ("2026-11-03", None, "2026-11-03", "2026-11-26"),
        ("2026-02", "2026-02", "2026-02-01", "2026-02-28"),
        (None, "2026-01", "2025-11-01", "2026-01-31"),
        ("7d", "2026-03-01", "2026-02-23", "2026-03-01"),
    ],
)
def test_a_period_is_read(since: str | None, until: str | None, first: str, last: str) -> None:
    found = period.read(since, until, today=TODAY)
    assert (str(found.first), str(found.last)) == (first, last)


@pytest.mark.parametrize("text", ["yesterday", "30", "0d", "2026-13", "2026-02-30", "30 d", "w8"])
def test_what_says_no_time_is_refused_with_what_is_expected(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected 30d, 8w or 6m"):
        period.read(text, None, today=TODAY)


def test_a_period_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="2027-01-01 is after 2026-11-26"):
        period.read("2027-01-01", None, today=TODAY)


@pytest.mark.parametrize(
    ("first", "last", "unit", "points"),
    [
        ("2026-11-26", "2026-11-26", "day", 1),
        ("2026-10-27", "2026-11-26", "day", 31),
        ("2026-10-26", "2026-11-26", "week", 5),
        ("2026-09-01", "2026-11-26", "week", 13),
        ("2024-05-10", "2026-11-26", "month", 31),
        ("1970-01-01", "2026-11-26", "year", 57),
    ],
)
def test_a_trend_has_the_finest_stretches_that_fit(
    first: str, last: str, unit: str, points: int
) -> None:
    asked = Period(first=date.fromisoformat(first), last=date.fromisoformat(last))
    cut = period.trend(asked)
    assert (cut.unit, len(cut.starts)) == (unit, points)
    assert cut.place(asked.first) == 0
    assert cut.place(asked.last) == points - 1
    assert all(cut.place(start) == place for place, start in enumerate(cut.starts))
