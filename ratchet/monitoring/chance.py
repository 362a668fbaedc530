"""What chance alone does between two samples of one distribution.

Shares: Fisher's exact test (R. A. Fisher, 1935), one-sided. AUC: the standard error of Hanley and
McNeil (1982), "The meaning and use of the area under a receiver operating characteristic curve".
Several tests at once: Holm (1979), "A simple sequentially rejective multiple test procedure".
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

ALPHA = 0.01
"""How many analyses of unchanged data may raise a false alarm, all tests of one together."""

_RAREST = 1_000_000


def more_often(seen: int, rows: int, seen_before: int, rows_before: int) -> float:
    """p-value: `seen` or more of `rows`, where `seen_before` of `rows_before` were of that kind.

    Both samples count as drawn from one distribution. The hypergeometric tail is summed from the
    logarithm of its first term and the ratios of neighbours, so counts may be in the millions.
    """
    if seen == 0 or rows == 0 or rows_before == 0 or seen * rows_before <= seen_before * rows:
        return 1.0
    hits, total = seen + seen_before, rows + rows_before
    first = _log_choose(hits, seen) + _log_choose(total - hits, rows - seen)
    first -= _log_choose(total, rows)
    share = hits / total
    spread = math.sqrt(rows * share * (1 - share))
    last = min(hits, rows, seen + int(40 * spread) + 200)
    at = np.arange(seen, last, dtype=np.float64)
    ratios = (hits - at) * (rows - at) / ((at + 1) * (total - hits - rows + at + 1))
    tail = 1.0 + float(np.cumprod(ratios).sum())
    return min(1.0, math.exp(first) * tail)


def above(value: float, standard_error: float) -> float:
    """p-value: a difference of `value` or more, normally distributed around nothing."""
    if not standard_error:
        return 0.0 if value > 0 else 1.0
    return 0.5 * math.erfc(value / standard_error / math.sqrt(2))


def holm(p_values: Sequence[float], alpha: float = ALPHA) -> list[bool]:
    """Which tests are significant when all are made; a single wrong one has at most `alpha`."""
    significant = [False] * len(p_values)
    for rank, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        if p_values[i] > alpha / (len(p_values) - rank):
            break
        significant[i] = True
    return significant


def standard_error_of_auc(area: float, positives: int, negatives: int) -> float:
    """Of an AUC (0 to 1) of so many rows of each class, at least one of each.

    No sample is so pure that the next one must be: an AUC of 1 counts as a little less.
    """
    area = min(area, 1 - 0.5 / (positives * negatives + 1))
    two_positives = area / (2 - area) - area**2
    two_negatives = 2 * area**2 / (1 + area) - area**2
    variance = area * (1 - area)
    variance += (positives - 1) * two_positives + (negatives - 1) * two_negatives
    return math.sqrt(variance / (positives * negatives))


def odds(p_value: float) -> str:
    """A p-value as people say it; nobody should believe more than one in a million."""
    if p_value * _RAREST < 1:
        return f"less than 1 time in {_RAREST:,}"
    return f"1 time in {round(1 / p_value):,}"


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
