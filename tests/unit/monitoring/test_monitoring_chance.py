"""What chance does: the tests by themselves, and how often an analysis raises a false alarm."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.monitoring.baseline import Baseline
from ratchet.monitoring.chance import above, holm, more_often, odds, standard_error_of_auc
from ratchet.monitoring.comparison import DatasetComparison, compare
from ratchet.monitoring.constraints import suggest
from ratchet.monitoring.datasets import TableDataset
from ratchet.monitoring.profiles import Profile, profile

Profiled = Callable[..., Profile]
BaselineOf = Callable[[Profile], Baseline]


@given(st.integers(1, 60), st.integers(1, 60), st.data())
def test_the_tail_is_the_sum_of_the_hypergeometric_distribution(
    rows: int, rows_before: int, data: st.DataObject
) -> None:
    seen, before = data.draw(st.integers(0, rows)), data.draw(st.integers(0, rows_before))
    hits, total = seen + before, rows + rows_before
    exact = sum(
        math.comb(hits, k) * math.comb(total - hits, rows - k)
        for k in range(seen, min(hits, rows) + 1)
    ) / math.comb(total, rows)
    is_more = seen * rows_before > before * rows
    assert more_often(seen, rows, before, rows_before) == pytest.approx(exact if is_more else 1.0)


def test_the_tail_of_millions_of_rows_is_near_the_normal_one() -> None:
    p_value = more_often(501_500, 10**6, 500_000, 10**6)
    error = math.sqrt(0.25 * (1 / 10**6 + 1 / 10**6))
    assert p_value == pytest.approx(above(0.0015, error), rel=0.02)
    assert more_often(10**6, 10**6, 0, 10**6) == 0.0


@given(st.lists(st.floats(0, 1), max_size=30))
def test_holm_rejects_what_bonferroni_does_and_the_smallest_first(p_values: list[float]) -> None:
    significant = holm(p_values, 0.05)
    rejected = [p for p, is_so in zip(p_values, significant, strict=True) if is_so]
    others = [p for p, is_so in zip(p_values, significant, strict=True) if not is_so]
    assert all(p in rejected for p in p_values if p <= 0.05 / len(p_values))
    assert max(rejected, default=0.0) <= min(others, default=1.0)
    assert not any(holm([0.011] * 10, 0.05))


def test_odds_are_no_smaller_than_anybody_believes() -> None:
    assert odds(0.004) == "1 time in 250"
    assert odds(1e-7) == odds(0.0) == "less than 1 time in 1,000,000"


def test_a_perfect_auc_of_a_sample_has_an_error() -> None:
    assert 0 < standard_error_of_auc(1.0, 10, 90) < 0.05


def test_a_null_in_a_complete_column_of_many_rows_is_no_violation(
    profiled: Profiled, baseline_of: BaselineOf
) -> None:
    baseline = baseline_of(profiled({"x": np.arange(20_000.0)}))
    values = np.arange(20_000.0)
    values[7] = np.nan
    assert compare(profiled({"x": values}), baseline).violations == ()


def test_a_violation_names_the_column_the_shares_both_sizes_and_what_chance_does(
    profiled: Profiled, baseline_of: BaselineOf
) -> None:
    baseline = baseline_of(profiled({"temp": [None] * 12 + [1.0] * 9_988}))
    (violation,) = compare(profiled({"temp": [None] * 21 + [1.0] * 279}), baseline).violations
    assert violation.description == (
        "Value: 0.93 does not meet the constraint requirement! temp: 21 of 300 rows (7 %) have no "
        "value; in the baseline 12 of 10,000 rows (0.12 %). Without a change this happens less "
        "than 1 time in 1,000,000."
    )


def test_a_limit_of_completeness_that_was_edited_holds(
    profiled: Profiled, baseline_of: BaselineOf
) -> None:
    baseline = baseline_of(profiled({"x": [1.0] * 10_000}))
    current = profiled({"x": [None] * 200 + [1.0] * 800})

    def is_broken(completeness: float) -> bool:
        baseline.constraints["features"][0]["completeness"] = completeness
        return bool(compare(current, baseline).violations)

    assert [is_broken(limit) for limit in (0.0, 0.7, 0.79, 0.9, 1.0)] == [
        *(False, False, False),
        *(True, True),
    ]
    (violation,) = compare(current, baseline).violations
    assert "the limit is 0 of 10,000 rows" in violation.description


def test_a_column_that_a_few_rows_have_is_neither_missed_nor_extra(
    profiled: Profiled, baseline_of: BaselineOf
) -> None:
    still, stray = [1.0] * 1000, [2.0] * 3 + [None] * 997
    with_stray, without = {"x": still, "stray": stray}, {"x": still}
    for here, before in ((with_stray, without), (without, with_stray)):
        comparison = compare(profiled(here), baseline_of(profiled(before)))
        assert comparison.violations == ()
        assert "stray" in {share.feature for share in comparison.shares}


def month(random: np.random.Generator, rows: int, *, lost: float = 0.0) -> pa.Table:
    """Twelve columns, most of them incomplete; `lost` is missing from a complete one as well."""
    shares = [0.0, 0.0005, 0.002, 0.004, 0.01, 0.05, 0.16, 0.17, 0.3, 0.5, 0.8, 0.98]
    columns = {}
    for number, share in enumerate(shares):
        missing = random.random(rows) < (share or lost)
        columns[f"c{number}"] = np.where(missing, np.nan, random.random(rows))
    return pa.table(columns)


def analyses(
    random: np.random.Generator, rows: int, times: int, *, lost: float = 0.0
) -> Iterator[DatasetComparison]:
    for _ in range(times):
        described = profile(TableDataset(month(random, 4_000)))
        baseline = Baseline(described.statistics(), suggest(described))
        yield compare(profile(TableDataset(month(random, rows, lost=lost))), baseline)


@pytest.mark.parametrize("rows", [100, 300, 1000, 3000])
def test_incomplete_columns_raise_no_false_alarm(rows: int) -> None:
    """The lower end of the 95 % interval, as it stood, gave 50 to 80 alarms in 100."""
    random = np.random.default_rng(rows)
    alarms = sum(bool(comparison.violations) for comparison in analyses(random, rows, 40))
    assert alarms <= 2  # with 1 % it happens less than 1 time in 130 that there are more


@pytest.mark.parametrize(("rows", "lost"), [(300, 0.04), (1000, 0.02), (3000, 0.02)])
def test_a_complete_column_that_loses_values_is_seen(rows: int, lost: float) -> None:
    random = np.random.default_rng(rows)
    for comparison in analyses(random, rows, 10, lost=lost):
        assert [violation.feature for violation in comparison.violations] == ["c0"]
