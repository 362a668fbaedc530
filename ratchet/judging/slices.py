"""Where a candidate is worse than the champion: on the rows of one value of a column.

Many slices are many chances to be worse by chance. Of 20 slices of two equal models the worst is
nearly always worse by more than a small tolerance, so a slice is called worse by a test: one-sided,
paired, whether the candidate is worse by more than the tolerance, with the jackknife's standard
error of the difference; over all slices by Holm's procedure (Holm 1979, doi:10.2307/4615733), which
calls one of equal models worse in at most 5 % of the evaluations. It sees great harm in large
slices only. What each test alone would call worse is to be looked at, and decides nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ratchet.judging.answers import Answers, TrueLabels
from ratchet.judging.metrics import standard_error
from ratchet.loop.numbers import difference_text
from ratchet.loop.problems import BINARY

if TYPE_CHECKING:
    from ratchet.judging.comparison import Judging

Array = np.ndarray[Any, Any]

LEVEL = 0.05
"""In at most this share of evaluations of equal models any slice is called worse."""
FEWEST_ROWS = 100
FEWEST_OF_A_CLASS = 20
"""Of a binary problem. Of fewer the standard error says little."""
MOST_VALUES = 100
"""Of a column."""
_SHOWN_VALUE = 40


@dataclass(frozen=True, kw_only=True)
class Slices:
    """By which columns rows are taken apart, and what is no harm."""

    columns: Mapping[str, Array]
    """Name → the value of each row, a text."""
    tolerance: float = 0.0
    """How much worse is no harm, in the deciding metric's own unit."""


@dataclass(frozen=True, kw_only=True)
class ComparedSlice:
    """A candidate beside the champion on the rows of one value; the fields are the report's."""

    column: str
    value: str
    rows: int
    regression: float
    """By how much the candidate is worse, in the metric's own unit."""
    error: float
    """Its standard error."""
    p: float
    """How often chance alone gives such a regression where the true one is the tolerance."""
    worse: bool
    """Beyond chance, among all slices."""
    look_at: bool
    """Beyond chance if it were the only slice, and not `worse`."""

    @property
    def name(self) -> str:
        value = " ".join(self.value.split())[:_SHOWN_VALUE]
        return f"{self.column}={value or '(empty)'}"


def compared_slices(
    judging: Judging, labels: TrueLabels, candidate: Answers, champion: Answers, slices: Slices
) -> tuple[list[ComparedSlice], int]:
    """Both models on each slice, the smallest p first; and how many slices were left out, because
    they have too few rows, or their rows do not have the metric."""
    entries: list[dict[str, Any]] = []
    left_out = 0
    for column, values in slices.columns.items():
        for value in np.unique(values):
            rows = values == value
            part = labels.of(rows)
            difference = None
            if _is_large_enough(part):
                difference = _difference(judging, part, candidate.of(rows), champion.of(rows))
            if difference is None:
                left_out += 1
                continue
            regression, error = difference
            entries.append(
                {
                    "column": column,
                    "value": str(value),
                    "rows": part.rows,
                    "regression": regression,
                    "error": error,
                    "p": p_of(regression - slices.tolerance, error),
                }
            )
    entries.sort(key=lambda entry: entry["p"])
    worse = holm([entry["p"] for entry in entries])
    compared = [
        ComparedSlice(**entry, worse=rank < worse, look_at=rank >= worse and entry["p"] <= LEVEL)
        for rank, entry in enumerate(entries)
    ]
    return compared, left_out


def p_of(difference: float, error: float) -> float:
    """One-sided: how often a normal value of mean 0 is as large as the difference, or larger."""
    if error == 0:
        return 0.0 if difference > 0 else 1.0
    return 0.5 * math.erfc(difference / error / math.sqrt(2))


def holm(p: Sequence[float]) -> int:
    """How many of these, in ascending order, are beyond chance."""
    for rank, value in enumerate(p):
        if value > LEVEL / (len(p) - rank):
            return rank
    return len(p)


def slices_text(compared: Sequence[ComparedSlice], *, like: float) -> str:
    """`worse for region=EU (0.0312 worse) and 2 more slices`; empty where none is worse.

    Args:
        like: the score whose decimals the difference gets.
    """
    worse = [each for each in compared if each.worse]
    if not worse:
        return ""
    first = f"worse for {worse[0].name} ({difference_text(worse[0].regression, like=like)})"
    others = len(worse) - 1
    return first + (f" and {others:,} more slice{'s' if others > 1 else ''}" if others else "")


def as_report(compared: Sequence[ComparedSlice], left_out: int) -> dict[str, Any]:
    """The keys of the report."""
    return {
        "slices": [asdict(each) for each in compared],
        "worse_slices": sum(each.worse for each in compared),
        "slices_left_out": left_out,
    }


def _is_large_enough(labels: TrueLabels) -> bool:
    counted = labels if labels.weights is None else labels.of(labels.weights > 0)
    if counted.rows < FEWEST_ROWS:
        return False
    return labels.problem != BINARY or min(counted.counts.values()) >= FEWEST_OF_A_CLASS


def _difference(
    judging: Judging, labels: TrueLabels, candidate: Answers, champion: Answers
) -> tuple[float, float] | None:
    """The regression and its standard error; None where these rows have none."""
    both = (candidate, champion)
    if any(judging.trouble(labels, answers, judging.metric) for answers in both):
        return None
    ours, theirs = (judging.measure(labels, answers) for answers in both)
    regression = judging.deciding.worse_by(ours.value(), than=theirs.value())
    error = standard_error(ours, theirs)
    if error is None or not math.isfinite(regression):
        return None
    return regression, error
