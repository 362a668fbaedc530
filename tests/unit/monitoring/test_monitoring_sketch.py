from __future__ import annotations

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ratchet.monitoring.sketch import Sketch, largest_gap

finite = st.floats(allow_nan=False, allow_infinity=False, width=32)
columns = st.lists(finite, min_size=1, max_size=400).map(lambda v: np.sort(np.array(v, float)))


def test_a_short_column_is_its_own_sketch() -> None:
    sketch = Sketch.of_sorted(np.array([1.0, 2.0, 2.0, 5.0]), k=4)
    assert [items.tolist() for items in sketch.levels] == [[1.0, 2.0, 2.0, 5.0]]


def test_runs_of_a_long_column_are_represented_by_their_middle() -> None:
    # Eleven rows, at most four items: runs of four, then what remains as a run of two and one.
    sketch = Sketch.of_sorted(np.arange(11.0), k=4)
    assert [items.tolist() for items in sketch.levels] == [[10.0], [8.0], [1.0, 5.0]]


@given(columns, st.integers(2, 16))
def test_the_weights_of_a_sketch_add_up_to_the_rows(values: np.ndarray, k: int) -> None:
    assert Sketch.of_sorted(values, k=k).rows == len(values)


@given(columns, st.integers(2, 16))
def test_no_rank_is_off_by_more_than_half_a_run(values: np.ndarray, k: int) -> None:
    sketch = Sketch.of_sorted(values, k=k)
    items, shares = sketch.distribution()
    run = 2 ** (len(sketch.levels) - 1)
    points = np.unique(values)
    estimated = np.concatenate(([0.0], shares))[np.searchsorted(items, points, side="right")]
    exact = np.searchsorted(values, points, side="right") / len(values)
    assert np.abs(estimated - exact).max() * len(values) <= run / 2 + 1e-9
    assert run / 2 <= max(0.5, len(values) / k)


@given(columns, columns)
def test_the_gap_of_whole_columns_is_the_kolmogorov_smirnov_statistic(
    one: np.ndarray, other: np.ndarray
) -> None:
    points = np.concatenate([one, other])
    exact = np.abs(
        np.searchsorted(one, points, side="right") / len(one)
        - np.searchsorted(other, points, side="right") / len(other)
    ).max()
    assert abs(largest_gap(Sketch.of_sorted(one), Sketch.of_sorted(other)) - exact) < 1e-12


@given(columns)
def test_a_sketch_survives_its_file(values: np.ndarray) -> None:
    sketch = Sketch.of_sorted(values, k=8)
    again = Sketch.from_document(json.loads(json.dumps(sketch.document())))
    assert largest_gap(sketch, again) == 0.0
    assert again.rows == sketch.rows


def test_the_gap_of_a_million_rows_is_found_within_a_thousandth() -> None:
    random = np.random.default_rng(3)
    one, other = np.sort(random.normal(0, 1, 1_000_000)), np.sort(random.normal(0.1, 1, 70_001))
    points = np.concatenate([one, other])
    exact = np.abs(
        np.searchsorted(one, points, side="right") / len(one)
        - np.searchsorted(other, points, side="right") / len(other)
    ).max()
    assert abs(largest_gap(Sketch.of_sorted(one), Sketch.of_sorted(other)) - exact) < 0.001


def test_a_sketch_that_streamed_is_read_by_its_weights() -> None:
    """Model Monitor's levels are not sorted and their sizes follow from chance."""
    document = {"parameters": {"c": 0.64, "k": 2048.0}, "data": [[3.0, 1.0], [], [2.0]]}
    values, shares = Sketch.from_document(document).distribution()
    assert values.tolist() == [1.0, 2.0, 3.0]
    assert shares.tolist() == [1 / 6, 5 / 6, 1.0]
