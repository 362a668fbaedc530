"""Which rows are asked about."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.candidates.eval_rows import (
    EvalRows,
    check_columns,
    labelled,
    question_of,
    rows_digest,
    too_few,
)
from ratchet.candidates.sampling import allocation, row_digests, sample
from ratchet.deployment.errors import DeploymentError
from ratchet.settings.schema import ModelSettings

MODEL = ModelSettings(problem="binary", label="late")


def slice_of(rows: int, *, late_every: int = 5) -> EvalRows:
    late = [str(int(row % late_every == 0)) for row in range(rows)]
    hours = [str(row % 24) for row in range(rows)]
    note = [f"row {row}" for row in range(rows)]
    return labelled(pd.DataFrame({"late": late, "hour": hours, "note": note}), MODEL)


def test_the_same_content_gives_the_same_rows_in_whatever_order_it_is_listed() -> None:
    rows = slice_of(1000)
    shuffled = rows.cells.sample(frac=1, random_state=3)[["note", "late", "hour"]]
    again = sample(labelled(shuffled.reset_index(drop=True), MODEL), 100)
    first = sample(rows, 100)
    assert again.cells["note"].tolist() == first.cells["note"].tolist()
    assert first.cells["note"].tolist() != rows.cells["note"].tolist()[:100]


def test_each_class_has_its_share_of_the_sample() -> None:
    assert sample(slice_of(1000), 100).labels.counts == {"0": 80, "1": 20}


def test_a_larger_sample_has_all_rows_of_a_smaller_one() -> None:
    rows = slice_of(1000)
    few, many = (set(sample(rows, size).cells["note"]) for size in (50, 400))
    assert few < many


def test_labels_stay_with_their_rows() -> None:
    rows = sample(slice_of(1000), 137)
    assert rows.labels.values.tolist() == rows.cells["late"].astype(int).tolist()


def test_the_order_says_nothing_of_the_label_so_that_a_stop_leaves_a_fair_sample() -> None:
    late = sample(slice_of(4000), 2000).labels.values
    assert 0.15 < late[:500].mean() < 0.25


def test_all_rows_are_asked_where_there_are_fewer_than_were_to_be() -> None:
    assert sample(slice_of(30), 200).labels.rows == 30


def test_equal_rows_are_rows_of_their_own() -> None:
    cells = pd.DataFrame({"a": ["1", "1", "2"], "b": ["x", "x", "x"]})
    assert len(set(row_digests(cells))) == 3


def test_values_that_touch_are_not_taken_for_each_other() -> None:
    left = pd.DataFrame({"a": ["12"], "b": ["3"]})
    right = pd.DataFrame({"a": ["1"], "b": ["23"]})
    assert row_digests(left) != row_digests(right)


@given(
    sizes=st.dictionaries(st.integers(0, 20), st.integers(1, 1000), min_size=1, max_size=12),
    data=st.data(),
)
def test_a_sample_has_its_size_and_no_class_more_rows_than_there_are(
    sizes: dict[int, int], data: st.DataObject
) -> None:
    total = data.draw(st.integers(1, sum(sizes.values())))
    shares = allocation(sizes, total)
    assert sum(shares.values()) == total
    assert all(0 <= shares[each] <= sizes[each] for each in sizes)
    if total >= len(sizes):
        assert all(shares.values())


def test_rows_whose_labels_nobody_understands_are_left_out_as_evaluate_does() -> None:
    cells = slice_of(1000).cells
    cells.loc[7, "late"] = "perhaps"
    rows = labelled(cells, MODEL)
    assert rows.labels.rows == len(rows.cells) == 999
    cells.loc[: 1000 // 50, "late"] = "perhaps"
    with pytest.raises(DeploymentError, match="perhaps"):
        labelled(cells, MODEL)


def test_weights_are_read_and_are_no_column_of_a_prompt() -> None:
    cells = slice_of(100).cells.assign(w="2.5")
    model = replace(MODEL, weights="w")
    rows = labelled(cells, model)
    assert rows.labels.weights is not None
    assert set(rows.labels.weights) == {2.5}
    with pytest.raises(DeploymentError, match="is the weights of"):
        check_columns(["hour", "w"], cells, model)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ([], '[candidates] columns = ["hour", "note"]'),
        (["huor"], "no column 'huor'; did you mean hour? There are hour, note"),
        (["hour", "late"], "'late' is the label of [model], which no model may see"),
    ],
)
def test_columns_that_may_not_or_cannot_be_sent_are_refused_with_the_way_out(
    columns: list[str], message: str
) -> None:
    with pytest.raises(DeploymentError) as refused:
        check_columns(columns, slice_of(10).cells, MODEL)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("rows", "late_every", "message"),
    [
        (1000, 5, ""),
        (60, 2, "only 60 rows; below 100 an interval says little"),
        (190, 10, "only 19 of 190 rows are '1'; below 20 of a class an interval says little"),
    ],
)
def test_too_few_rows_for_an_interval_are_called_so(
    rows: int, late_every: int, message: str
) -> None:
    assert too_few(slice_of(rows, late_every=late_every).labels) == message


def test_the_digest_of_the_data_is_of_what_leaves_and_of_its_order() -> None:
    cells = slice_of(10).cells
    digest = rows_digest(cells, ["hour"])
    assert digest == rows_digest(cells.assign(note="other"), ["hour"])
    assert digest != rows_digest(cells, ["hour", "note"])
    assert digest != rows_digest(cells.iloc[::-1], ["hour"])


def test_the_classes_of_a_question_are_those_of_the_whole_slice() -> None:
    model = ModelSettings(problem="multiclass", label="late")
    rows = labelled(pd.DataFrame({"late": [*"abc", *["a"] * 97], "hour": "1"}), model)
    few = rows.at(np.array([5, 6]))
    assert question_of(model, few.labels).classes == ("a", "b", "c")
    assert Counter(few.cells["late"]) == {"a": 2}
