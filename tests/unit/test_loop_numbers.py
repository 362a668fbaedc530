"""Scores have the decimals that their size needs, and differences say which side is better."""

from __future__ import annotations

import pytest

from ratchet.loop.numbers import beats_text, difference_text, interval_text, score_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.712, "0.7120"),
        (0.05, "0.0500"),
        (0.00034, "0.0003400"),
        (5.5, "5.5000"),
        (43.2, "43.200"),
        (450.25, "450.25"),
        (12345.67, "12,346"),
        (0.0, "0.0000"),
        (-0.0, "0.0000"),
        (-0.25, "-0.2500"),
    ],
)
def test_a_score_has_the_decimals_that_its_size_needs(value: float, text: str) -> None:
    assert score_text(value) == text


def test_a_difference_has_the_decimals_of_its_sides() -> None:
    assert score_text(0.012345, like=450) == "0.01"


@pytest.mark.parametrize(
    ("regression", "text"),
    [
        (-1.8, "1.8000 better"),
        (1.8, "1.8000 worse"),
        (0.0, "the same"),
        (0.0001, "0.0001000 worse"),
    ],
)
def test_a_difference_says_which_side_is_better(regression: float, text: str) -> None:
    assert difference_text(regression) == text


@pytest.mark.parametrize(
    ("regression", "like", "text", "verb"),
    [
        (-0.00004, 0.7, "less than 0.0001 better", "ties with"),
        (0.00004, 0.7, "less than 0.0001 worse", "ties with"),
        (0.0, 0.7, "the same", "ties with"),
        (-0.00006, 0.7, "0.0001 better", "beats"),
        (0.00006, 0.7, "0.0001 worse", "is worse than"),
        (-0.4, 12345.6, "less than 1 better", "ties with"),
        (-0.6, 12345.6, "1 better", "beats"),
        (0.004, 450.0, "less than 0.01 worse", "ties with"),
    ],
)
def test_a_model_beats_another_only_by_what_is_shown(
    regression: float, like: float, text: str, verb: str
) -> None:
    assert difference_text(regression, like=like) == text
    assert beats_text(regression, like=like) == verb


def test_an_end_of_an_interval_that_is_no_difference_is_the_same() -> None:
    interval = {"low": -0.02, "high": 0.00001, "confidence": 0.95, "resamples": 1000}
    assert interval_text(interval, like=0.7) == "95 % within the same to 0.0200 better"


def test_an_interval_goes_from_the_worst_to_the_best() -> None:
    interval = {"low": -0.02, "high": 0.011, "confidence": 0.95, "resamples": 1000}
    assert interval_text(interval) == "95 % within 0.0110 worse to 0.0200 better"
    assert interval_text(None) == ""
    assert interval_text({"low": 0.0, "high": 0.0, "confidence": 0.95}) == ""
