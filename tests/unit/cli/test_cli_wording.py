from datetime import UTC, datetime, timedelta

import pytest

from ratchet.cli.views.wording import count, duration, moment, number, shortened, size


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (125, "2 min 05 s"),
        (3599.7, "1 h 00 min"),
        (3720, "1 h 02 min"),
    ],
)
def test_a_duration_is_said_in_the_unit_a_person_would_use(
    seconds: float | None, words: str
) -> None:
    assert duration(seconds) == words


def test_a_moment_has_its_date_only_when_it_is_not_today() -> None:
    now = datetime(2013, 4, 2, 12, tzinfo=UTC)
    assert moment(now - timedelta(hours=1), now) == "11:00:00"
    assert moment(now - timedelta(days=1), now) == "01 Apr 12:00"
    assert moment(now - timedelta(days=400), now) == "27 Feb 2012"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "–"),
        (27004, "27,004"),
        (-3, "−3"),
        (-0.0182, "−0.0182"),
        (-0.0, "0.0000"),
        (0.70999999, "0.7100"),
        (True, "yes"),
        ("scored", "scored"),
    ],
)
def test_numbers_are_readable(value: object, words: str) -> None:
    assert number(value) == words


def test_counts_and_sizes_have_their_units() -> None:
    assert (count(1, "file"), count(1204, "file")) == ("1 file", "1,204 files")
    assert (size(812), size(1_440_000), size(999_600)) == ("812 B", "1.4 MB", "1.0 MB")


def test_a_long_text_is_cut_to_its_first_line() -> None:
    assert shortened("one two\nthree", 40) == "one two"
    assert shortened("abcdefgh", 5) == "abcd…"
