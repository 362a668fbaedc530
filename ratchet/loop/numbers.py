"""Scores, and how much better one is than another, as text."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ratchet.loop.problems import Better


def score_text(value: float, *, like: float | None = None) -> str:
    """A score with the decimals that its size needs: 0.7120, 43.200, 12,345.7, 0.000340.

    Args:
        like: the score whose decimals it gets, so that a difference is written like its two sides.
    """
    size = abs(value if like is None else like)
    exponent = math.floor(math.log10(size)) if size > 0 and math.isfinite(size) else 0
    decimals = 4 if -2 <= exponent <= 0 else max(0, 4 - exponent if exponent > 0 else 3 - exponent)
    return f"{value + 0.0:,.{decimals}f}"


def difference_text(regression: float, *, like: float | None = None) -> str:
    """`0.0451 better`, `1.800 worse`, `less than 0.0001 better`, `the same`: the same words
    whichever values are better.

    Args:
        regression: by how much it is worse.
        like: the score whose decimals the difference gets.
    """
    if not regression:
        return "the same"
    word = "better" if regression < 0 else "worse"
    if shows(regression, like=like):
        return f"{score_text(abs(regression), like=like)} {word}"
    last_digit = score_text(0, like=regression if like is None else like)[:-1] + "1"
    return f"less than {last_digit} {word}"


def shows(regression: float, *, like: float | None = None) -> bool:
    """Whether two scores that differ by so much differ as they are written, too. If not, no model
    is said to beat another."""
    return any(digit in "123456789" for digit in score_text(abs(regression), like=like))


def beats_text(regression: float, *, like: float | None = None) -> str:
    """`beats`, `is worse than` or `ties with`, which another model's name follows."""
    if not shows(regression, like=like):
        return "ties with"
    return "beats" if regression < 0 else "is worse than"


def interval_text(interval: Mapping[str, float] | None, *, like: float | None = None) -> str:
    """`95 % within 0.0404 better to 0.0502 better`, from the worst end to the best; empty where
    there is none, or no draw made a difference. Of a report's interval of the regression."""
    if not interval or not {"low", "high", "confidence"} <= interval.keys():
        return ""
    if not interval["low"] and not interval["high"]:
        return ""
    worst, best = (
        difference_text(interval[end], like=like) if shows(interval[end], like=like) else "the same"
        for end in ("high", "low")
    )
    return f"{interval['confidence'] * 100:.0f} % within {worst} to {best}"


LIMITS: Mapping[Better, tuple[str, str]] = {
    "higher": ("floor", "below"),
    "lower": ("ceiling", "above"),
}
"""Which values are better → what the worst score that passes is called, where worse ones lie."""
