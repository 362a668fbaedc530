from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.monitoring.constraints import MonitoringConfig
from ratchet.monitoring.drift import (
    Drift,
    categorical_drift,
    chi_squared_p_value,
    corrected,
    numerical_drift,
    upper_gamma,
)
from ratchet.monitoring.profiles import Profile, Text
from ratchet.monitoring.sketch import Sketch

SIMPLE = MonitoringConfig.of({"distribution_constraints": {"comparison_method": "Simple"}})
CHI_SQUARED = MonitoringConfig.of(
    {
        "distribution_constraints": {
            "categorical_drift_method": "ChiSquared",
            "categorical_comparison_threshold": 0.05,
        }
    }
)


def sketch(values: list[float]) -> Sketch:
    return Sketch.of_sorted(np.sort(np.array(values, dtype=np.float64)))


def drift_of(
    profiled: Callable[..., Profile],
    current: list[str],
    base: dict[str, int],
    how: MonitoringConfig,
) -> Drift:
    (feature,) = profiled({"c": current}).features
    assert isinstance(feature, Text)
    return categorical_drift(feature, base, how)


def test_simple_is_the_largest_difference_of_the_distributions() -> None:
    # Up to 2 lie 2 of 4 rows there and 4 of 5 rows here.
    drift = numerical_drift("x", sketch([1, 1, 2, 2, 9]), sketch([1, 2, 3, 4]), SIMPLE)
    assert drift.distance == pytest.approx(0.8 - 0.5)
    assert drift.exceeds


def test_a_shift_of_a_constant_is_the_whole_distance() -> None:
    assert numerical_drift("x", sketch([4.9] * 9), sketch([5.0] * 9), SIMPLE).distance == 1.0


def test_robust_leaves_out_what_chance_explains() -> None:
    # 1.8 * sqrt((100 + 400) / (100 * 400)) = 1.8 * 0.1118
    assert corrected(0.5, 100, 400, "Robust") == pytest.approx(0.5 - 1.8 * math.sqrt(0.0125))
    assert corrected(0.2, 100, 400, "Robust") == 0.0
    assert corrected(0.2, 100, 400, "Simple") == 0.2


def test_categories_differ_by_the_largest_difference_of_their_shares(
    profiled: Callable[..., Profile],
) -> None:
    drift = drift_of(profiled, ["a"] * 6 + ["b"] * 4, {"a": 30, "b": 60, "c": 10}, SIMPLE)
    assert drift.distance == pytest.approx(0.3)  # a: 0.6 against 0.3


def test_a_category_the_baseline_does_not_know_counts(profiled: Callable[..., Profile]) -> None:
    drift = drift_of(profiled, ["a"] * 5 + ["new"] * 5, {"a": 50, "b": 50}, SIMPLE)
    assert drift.distance == pytest.approx(0.5)


def test_chi_squared_by_hand() -> None:
    # 60 of 200 against 50 of 200: 110 of 400 are expected to be 55 and 55 of the others 145.
    p_value = chi_squared_p_value(np.array([60.0, 140.0]), np.array([50.0, 150.0]))
    statistic = 2 * 25 / 55 + 2 * 25 / 145
    assert p_value == pytest.approx(math.erfc(math.sqrt(statistic / 2)))


def test_a_small_p_value_exceeds_and_a_large_one_does_not(
    profiled: Callable[..., Profile],
) -> None:
    base = {"a": 250, "b": 750}
    moved = drift_of(profiled, ["a"] * 36 + ["b"] * 64, base, CHI_SQUARED)
    still = drift_of(profiled, ["a"] * 26 + ["b"] * 74, base, CHI_SQUARED)
    assert moved.exceeds
    assert not still.exceeds
    assert moved.description.startswith("Chi-squared p-value: 0.01")
    assert "is below threshold: 0.05. c: 100 values here, 1,000 in the" in moved.description
    assert moved.at_level(0.05 / 2).exceeds
    assert not moved.at_level(0.01 / 50).exceeds


def test_small_categories_are_merged_before_the_test() -> None:
    # Expected 90, 6 and 4 of 100: a third below five is too many, so 6 and 4 become 10.
    observed, base = np.array([85.0, 10.0, 5.0]), np.array([95.0, 2.0, 3.0])
    merged = 2 * (85 - 90) ** 2 / 90 + 2 * (15 - 10) ** 2 / 10
    assert chi_squared_p_value(observed, base) == pytest.approx(math.erfc(math.sqrt(merged / 2)))
    assert chi_squared_p_value(base, observed) == chi_squared_p_value(observed, base)


def test_one_category_cannot_differ_from_itself() -> None:
    assert chi_squared_p_value(np.array([5.0]), np.array([50.0])) == 1.0
    assert chi_squared_p_value(np.array([5.0, 0.0]), np.array([50.0, 0.0])) == 1.0


def test_only_unknown_categories_are_the_smallest_p_value() -> None:
    assert chi_squared_p_value(np.array([0.0, 0.0]), np.array([50.0, 50.0])) == 0.0


@pytest.mark.parametrize(
    ("degrees", "statistic", "p_value"),
    # The 5 % and 0.1 % points of printed chi-squared tables.
    [(1, 3.841459, 0.05), (4, 9.487729, 0.05), (10, 18.307038, 0.05), (100, 149.449, 0.001)],
)
def test_the_tail_of_the_chi_squared_distribution(
    degrees: int, statistic: float, p_value: float
) -> None:
    assert upper_gamma(degrees / 2, statistic / 2) == pytest.approx(p_value, rel=1e-4)


@given(st.integers(1, 30), st.floats(0, 400))
def test_the_tail_of_even_degrees_is_a_poisson_sum(half: int, x: float) -> None:
    exact = math.exp(-x) * sum(x**i / math.factorial(i) for i in range(half))
    assert upper_gamma(half, x) == pytest.approx(exact, rel=1e-9, abs=1e-13)
