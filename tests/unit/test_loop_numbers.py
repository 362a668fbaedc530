"""Scores have the decimals that their size needs, and differences say which side is better."""

from __future__ import annotations

import pytest

from ratchet.loop.numbers import difference_text, interval_text, score_text


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
    ("regression", "text"), [(-1.8, "1.8000 better"), (1.8, "1.8000 worse"), (0.0, "the same")]
)
def test_a_difference_says_which_side_is_better(regression: float, text: str) -> None:
    assert difference_text(regression) == text


def test_an_interval_goes_from_the_worst_to_the_best() -> None:
    interval = {"low": -0.02, "high": 0.011, "confidence": 0.95, "resamples": 1000}
    assert interval_text(interval) == "95 % within 0.0110 worse to 0.0200 better"
    assert interval_text(None) == ""
    assert interval_text({"low": 0.0, "high": 0.0, "confidence": 0.95}) == ""
