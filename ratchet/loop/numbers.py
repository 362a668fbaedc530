"""Scores, and how much better one is than another, as text."""

from __future__ import annotations

import math
from collections.abc import Mapping


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
    """`0.0451 better`, `1.800 worse`, `the same`: the same words whichever values are better.

    Args:
        regression: by how much it is worse.
        like: the score whose decimals the difference gets.
    """
    if not regression:
        return "the same"
    return f"{score_text(abs(regression), like=like)} {'better' if regression < 0 else 'worse'}"


def interval_text(interval: Mapping[str, float] | None, *, like: float | None = None) -> str:
    """`95 % within 0.0404 better to 0.0502 better`, from the worst end to the best; empty where
    there is none, or no draw made a difference. Of a report's interval of the regression."""
    if not interval or not {"low", "high", "confidence"} <= interval.keys():
        return ""
    if not interval["low"] and not interval["high"]:
        return ""
    worst, best = (difference_text(interval[end], like=like) for end in ("high", "low"))
    return f"{interval['confidence'] * 100:.0f} % within {worst} to {best}"
