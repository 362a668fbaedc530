"""How far a feature has moved from its baseline.

Model Monitor names the methods and refers to the two-sample Kolmogorov-Smirnov test
(https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-constraints.html); the formulas
are those of the library inside its container (awslabs/deequ, analyzers/Distance.scala):

    Simple    D = sup |F(x) - G(x)|, or over categories max |p - q|
    Robust    max(0, D - 1.8 * sqrt((n + m) / (n * m))): what is left of D after the largest
              difference two samples of these sizes show by chance (at a level of 0.003)
    ChiSquared  the p-value of Pearson's test that both samples come from the same shares. (Deequ
              takes the baseline's shares as exact, which they are not: false alarms.)

Everything is computed from what statistics.json keeps, so the baseline's rows are not needed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ratchet.monitoring.chance import odds
from ratchet.monitoring.constraints import CHI_SQUARED, ROBUST, MonitoringConfig
from ratchet.monitoring.profiles import Text
from ratchet.monitoring.sketch import Sketch, largest_gap

# c(alpha) of the Kolmogorov-Smirnov test at alpha = 0.003 (Knuth, TAOCP volume 2, 3.3.1, eq. 15).
_C_ALPHA = 1.8

# When Pearson's approximation holds: Cochran (1952) for two categories; for more, Yates, Moore &
# McCabe, The Practice of Statistics (1999), p. 734.
_LEAST_EXPECTED_OF_TWO = 10
_LEAST_EXPECTED = 5
_MOST_BELOW = 0.2


@dataclass(frozen=True)
class Drift:
    """`distance` is 0 to 1 and drifts above `threshold`; with a p-value it is 1 - p."""

    feature: str
    method: str
    distance: float
    threshold: float
    rows: int
    rows_before: int
    p_value: float | None = None

    @property
    def exceeds(self) -> bool:
        return self.distance > self.threshold

    @property
    def description(self) -> str:
        """The sentence that is known of Model Monitor, then what was compared."""
        samples = f"{self.feature}: {self.rows:,} values here, {self.rows_before:,} in the baseline"
        if self.p_value is not None:
            level = 1 - self.threshold
            return (
                f"Chi-squared p-value: {self.p_value} is below threshold: {level:g}. "
                f"{samples}. Without a change this happens {odds(self.p_value)}."
            )
        sentence = f"Baseline drift distance: {self.distance} exceeds threshold: {self.threshold}"
        chance = 0.0 if self.method != ROBUST else allowance(self.rows, self.rows_before)
        beyond = f", beyond the {chance:.3f} that chance makes" if chance else ""
        return f"{sentence}. {samples}; their shares differ by {self.distance:.3f}{beyond}."

    def at_level(self, alpha: float) -> Drift:
        """With a p-value: at this level at most, as one of several tests."""
        if self.p_value is None:
            return self
        return replace(self, threshold=max(self.threshold, 1 - alpha))


def numerical_drift(
    feature: str, current: Sketch, baseline: Sketch, settings: MonitoringConfig
) -> Drift:
    gap = largest_gap(current, baseline)
    distance = corrected(gap, current.rows, baseline.rows, settings.method)
    threshold = settings.numerical_threshold
    return Drift(feature, settings.method, distance, threshold, current.rows, baseline.rows)


def categorical_drift(
    current: Text, baseline: Mapping[str, int], settings: MonitoringConfig
) -> Drift:
    """Drift of a text feature against the rows the baseline had of each value."""
    values = list(baseline)
    expected = np.array(list(baseline.values()), dtype=np.float64)
    position = pc.index_in(current.values, value_set=pa.array(values, current.values.type))
    rank = pc.fill_null(position, -1).to_numpy(zero_copy_only=False)
    seen = rank >= 0
    observed = np.zeros(len(values))
    observed[rank[seen]] = current.counts[seen]
    threshold = settings.categorical_threshold
    n, m = current.present, int(expected.sum())
    if settings.categorical_method == CHI_SQUARED:
        p_value = chi_squared_p_value(observed, expected)
        return Drift(current.name, CHI_SQUARED, 1 - p_value, 1 - threshold, n, m, p_value)
    unseen = current.counts[~seen].max(initial=0) / n
    gap = max(float(np.abs(observed / n - expected / m).max()), float(unseen))
    distance = corrected(gap, n, m, settings.method)
    return Drift(current.name, settings.method, distance, threshold, n, m)


def corrected(gap: float, n: int, m: int, method: str) -> float:
    """The distance of two samples of n and m rows by `comparison_method`."""
    if method != ROBUST:
        return gap
    return max(0.0, gap - allowance(n, m))


def allowance(n: int, m: int) -> float:
    """The largest difference that two samples of n and m rows show by chance."""
    return _C_ALPHA * math.sqrt((n + m) / (n * m))


def chi_squared_p_value(observed: NDArray[np.float64], baseline: NDArray[np.float64]) -> float:
    """p-value of Pearson's test of two samples, small categories merged; 1.0 when one remains.

    Categories the baseline does not know are left out, as in Deequ: `categorical_values_check`
    speaks of them.
    """
    n, m = observed.sum(), baseline.sum()
    if n == 0:
        return 0.0
    if n > m:  # the smaller one decides which categories are small
        observed, baseline, n, m = baseline, observed, m, n
    pooled = (observed + baseline) / (n + m)
    order = np.argsort(-pooled, kind="stable")
    order = order[pooled[order] > 0]
    seen, expected = _merged(list(observed[order]), list(pooled[order] * n))
    if len(expected) < 2:
        return 1.0
    statistic = sum((o - e) ** 2 / e for o, e in zip(seen, expected, strict=True))
    # With the other sample's part, whose differences are the same in the other direction.
    return upper_gamma((len(expected) - 1) / 2, statistic * (1 + n / m) / 2)


def _merged(observed: list[float], expected: list[float]) -> tuple[list[float], list[float]]:
    """Add the smallest category to the next one until the expected counts are large enough."""
    while len(expected) > 1:
        two = len(expected) == 2
        least = _LEAST_EXPECTED_OF_TWO if two else _LEAST_EXPECTED
        allowed = 0 if two else int(_MOST_BELOW * len(expected))
        if sum(count < least for count in expected) <= allowed:
            break
        smallest, small_seen = expected.pop(), observed.pop()
        expected[-1] += smallest
        observed[-1] += small_seen
        pairs = sorted(zip(expected, observed, strict=True), key=lambda pair: -pair[0])
        expected, observed = [e for e, _ in pairs], [o for _, o in pairs]
    return observed, expected


def upper_gamma(a: float, x: float) -> float:
    """Q(a, x), the regularized upper incomplete gamma function, for a > 0 and x >= 0.

    The series below a + 1 and the continued fraction (modified Lentz) above it; see Numerical
    Recipes, 6.2. The tail of the chi-squared distribution is Q(degrees / 2, statistic / 2).
    """
    if x <= 0:
        return 1.0
    scale = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1:
        term = total = 1 / a
        n = a
        while abs(term) > abs(total) * 1e-16:
            n += 1
            term *= x / n
            total += term
        return max(0.0, 1 - total * scale)
    tiny = 1e-300
    b = x + 1 - a
    c, d = 1 / tiny, 1 / b
    fraction = d
    for i in range(1, 10_000):
        step = -i * (i - a)
        b += 2
        d = 1 / (step * d + b or tiny)
        c = b + step / c or tiny
        fraction *= d * c
        if abs(d * c - 1) < 1e-15:
            break
    return min(1.0, scale * fraction)
