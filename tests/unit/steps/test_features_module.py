from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import features

ROW = {
    "carrier": "UA",
    "origin": "EWR",
    "dest": "IAH",
    **dict.fromkeys(features.NUMBERS, 1.5),
    "year": 2013,
    "month": 3,
    "day": 31,
    "hour": 5,
    "minute": 15,
    "sched_arr_time": 819,
    "plane_year": 1999,
}
TABLES = {"carrier": ["B6", "UA"], "origin": ["EWR"], "dest": ["IAH"]}


def rows(*changes: dict[str, object]) -> pd.DataFrame:
    return pd.DataFrame([{**ROW, **change} for change in changes])


def test_times_weekday_and_age_come_from_the_schedule() -> None:
    made = features.features(rows({}), TABLES).iloc[0]
    assert made["departure"] == 5 * 60 + 15
    assert made["arrival"] == 8 * 60 + 19
    assert made["weekday"] == 6  # the last of March 2013 was a Sunday
    assert made["plane_age"] == 14


def test_category_tables_are_sorted_and_without_the_missing() -> None:
    tables = features.category_tables(rows({}, {"carrier": "AA"}, {"carrier": None}))
    assert tables == {"carrier": ["AA", "UA"], "origin": ["EWR"], "dest": ["IAH"]}


def test_a_category_has_the_code_of_its_table_and_an_unknown_one_is_missing() -> None:
    made = features.features(rows({}, {"carrier": "B6"}, {"carrier": "ZZ"}), TABLES)
    assert list(made["carrier"].cat.codes) == [1, 0, -1]


def test_a_row_has_the_same_features_alone_as_among_others() -> None:
    """Nothing is fitted when serving."""
    many = rows({}, {"carrier": "B6", "temp": 80}, {"carrier": "ZZ", "temp": None})
    together = features.features(many, TABLES)
    for i in range(len(many)):
        alone = features.features(many.iloc[[i]], TABLES)
        pd.testing.assert_frame_equal(alone, together.iloc[[i]])


def test_numbers_may_come_as_text_as_in_a_csv_request() -> None:
    as_text = rows({}).astype(str)
    pd.testing.assert_frame_equal(
        features.features(as_text, TABLES), features.features(rows({}), TABLES)
    )


def test_empty_cells_are_missing_features() -> None:
    made = features.features(rows({"temp": None, "plane_year": np.nan, "day": None}), TABLES)
    assert made[["temp", "plane_age", "weekday"]].isna().to_numpy().all()


def test_a_missing_column_is_named_with_those_expected() -> None:
    with pytest.raises(ValueError, match="no column temp, day; expected carrier, origin, dest, "):
        features.features(rows({}).drop(columns=["temp", "day"]), TABLES)


def test_text_where_a_number_is_expected_is_named() -> None:
    with pytest.raises(ValueError, match="column temp: expected numbers, got 'warm'"):
        features.features(rows({}, {"temp": "warm"}), TABLES)


def test_the_label_and_what_is_known_after_departure_are_not_asked_for() -> None:
    leaks = {"late", "dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"}
    assert leaks.isdisjoint(features.COLUMNS)
