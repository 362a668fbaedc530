from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ratchet.monitoring.profiles import Numbers, Profile, profile_column

Profiled = Callable[..., Profile]

cells = st.one_of(
    st.none(),
    st.floats(width=64),
    st.sampled_from([0.0, -0.0, 1.0, 1e308, -1e308, 5e-324, float("nan"), float("inf")]),
)
texts = st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]), max_size=4))


def numerical(current: Profile, index: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = current.statistics()["features"][index]["numerical_statistics"]
    return found


def test_the_numbers_of_a_small_column_are_those_worked_out_by_hand(profiled: Profiled) -> None:
    statistics = numerical(profiled({"x": [4.0, None, 1.0, 3.0, float("nan"), 2.0, 10.0]}))
    assert statistics["common"] == {"num_present": 5, "num_missing": 2}
    assert (statistics["sum"], statistics["mean"]) == (20.0, 4.0)
    # Deviations 0, -3, -1, -2, 6: squares add up to 50, over five rows 10.
    assert statistics["std_dev"] == pytest.approx(math.sqrt(10))
    assert (statistics["min"], statistics["max"]) == (1.0, 10.0)
    buckets = statistics["distribution"]["kll"]["buckets"]
    assert [bucket["count"] for bucket in buckets] == [1, 1, 1, 1, 0, 0, 0, 0, 0, 1]
    assert [bucket["lower_bound"] for bucket in buckets][:3] == pytest.approx([1.0, 1.9, 2.8])
    assert buckets[-1]["upper_bound"] == 10.0
    assert statistics["distribution"]["kll"]["sketch"] == {
        "parameters": {"c": 0.64, "k": 2048.0},
        "data": [[1.0, 2.0, 3.0, 4.0, 10.0]],
    }


def test_text_is_counted_by_value_and_the_most_frequent_comes_first(profiled: Profiled) -> None:
    (feature,) = profiled({"c": ["b", None, "a", "b", "ü"]}).statistics()["features"]
    assert feature["inferred_type"] == "String"
    assert feature["string_statistics"] == {
        "common": {"num_present": 4, "num_missing": 1},
        "distinct_count": 3.0,
        "distribution": {
            "categorical": {
                "buckets": [
                    {"value": "b", "count": 2},
                    {"value": "a", "count": 1},
                    {"value": "ü", "count": 1},
                ]
            }
        },
    }


def test_statistics_have_the_fields_that_model_monitor_wrote(
    profiled: Profiled, real: Callable[[str], Any]
) -> None:
    message = "preproc-not-YET-supported-for-csv-json"
    assert profiled({"message": [message] * 418}).statistics() == real("statistics.json")


def test_numbers_agree_with_those_model_monitor_printed(
    profiled: Profiled, real: Callable[[str], Any]
) -> None:
    churn = real("churn.json")
    rows, churned = churn["rows"], churn["churned"]
    (feature,) = profiled({"Churn": [1] * churned + [0] * (rows - churned)}).statistics()[
        "features"
    ]
    statistics, expected = feature["numerical_statistics"], churn["statistics"]
    assert feature["inferred_type"] == expected["inferred_type"]
    for name in ("mean", "std_dev"):
        assert statistics[name] == pytest.approx(expected[name], abs=5e-7)
    for name in ("sum", "min", "max"):
        assert statistics[name] == expected[name]
    kll = statistics["distribution"]["kll"]
    first = {key: kll["buckets"][0][key] for key in ("lower_bound", "upper_bound")}
    assert first == expected["first_bucket"]
    assert kll["sketch"]["parameters"] == {"c": expected["c"], "k": expected["k"]}


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([1, 2, None], pa.int64(), "Integral"),
        ([1, 2], pa.uint8(), "Integral"),
        ([2**63, 2**64 - 1], pa.uint64(), "Integral"),
        ([1.0, 2.0], pa.float32(), "Fractional"),
        ([True, False, None], pa.bool_(), "String"),
        ([dt.date(2013, 1, 1), None], pa.date32(), "String"),
        ([dt.datetime(2013, 1, 1, 5)], pa.timestamp("us"), "String"),
        (["1", "2"], pa.string(), "String"),
        ([[1, 2], [3]], pa.list_(pa.int64()), "String"),
        ([None, None], pa.string(), "Unknown"),
        ([None, float("nan")], pa.float64(), "Unknown"),
        ([None], pa.null(), "Unknown"),
        ([], pa.int64(), "Unknown"),
    ],
)
def test_the_type_of_a_column(values: list[Any], kind: pa.DataType, expected: str) -> None:
    feature = profile_column("x", pa.chunked_array([pa.array(values, kind)]))
    assert feature.inferred_type == expected
    assert feature.present + feature.missing == len(values)
    json.dumps(feature.document(), allow_nan=False)


def test_a_decimal_is_a_fraction() -> None:
    column = pa.chunked_array([pa.array(["1.5", "2.5"]).cast(pa.decimal128(5, 2))])
    feature = profile_column("x", column)
    assert feature.inferred_type == "Fractional"
    assert feature.document()["numerical_statistics"]["sum"] == 4.0


def test_a_constant_column_has_all_rows_in_the_last_bucket(profiled: Profiled) -> None:
    buckets = numerical(profiled({"x": [7] * 30}))["distribution"]["kll"]["buckets"]
    assert [bucket["count"] for bucket in buckets] == [0] * 9 + [30]


def test_infinite_values_are_missing(profiled: Profiled) -> None:
    statistics = numerical(profiled({"x": [1.0, float("inf"), -float("inf"), 3.0]}))
    assert statistics["common"] == {"num_present": 2, "num_missing": 2}
    assert (statistics["mean"], statistics["max"]) == (2.0, 3.0)


def test_numbers_whose_baseline_is_text_are_counted_as_text(profiled: Profiled) -> None:
    (feature,) = profiled({"code": [9, 9, 4]}, expected={"code": "String"}).features
    assert feature.document()["string_statistics"]["distinct_count"] == 2.0


def test_too_many_distinct_values_are_no_categories(profiled: Profiled) -> None:
    many = profiled({"id": [f"{i}" for i in range(121)]}).statistics()["features"][0]
    assert many["string_statistics"]["distinct_count"] == 121.0
    assert "distribution" not in many["string_statistics"]


def test_dictionaries_of_several_chunks_are_one_column() -> None:
    chunks = [pa.array(part).dictionary_encode() for part in (["a", "b"], ["b", None, "c"])]
    feature = profile_column("c", pa.chunked_array(chunks))
    assert (
        feature.document()
        == profile_column("c", pa.chunked_array([["a", "b", "b", None, "c"]])).document()
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(cells, texts), max_size=60), st.randoms())
def test_the_order_of_rows_changes_nothing(
    profiled: Profiled, rows: list[tuple[float | None, str | None]], random: Any
) -> None:
    def statistics(given_rows: list[tuple[float | None, str | None]]) -> str:
        columns = list(zip(*given_rows, strict=True)) or [(), ()]
        table = pa.table(
            {"x": pa.array(columns[0], pa.float64()), "c": pa.array(columns[1], pa.string())}
        )
        return json.dumps(profiled(table).statistics(), allow_nan=False)

    shuffled = list(rows)
    random.shuffle(shuffled)
    assert statistics(shuffled).replace("-0.0", "0.0") == statistics(rows).replace("-0.0", "0.0")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(cells, min_size=1, max_size=80))
def test_buckets_hold_every_present_value_once(
    profiled: Profiled, values: list[float | None]
) -> None:
    (feature,) = profiled({"x": pa.array(values, pa.float64())}).statistics()["features"]
    if feature["inferred_type"] == "Unknown":
        return
    statistics = feature["numerical_statistics"]
    buckets = statistics["distribution"]["kll"]["buckets"]
    assert sum(bucket["count"] for bucket in buckets) == statistics["common"]["num_present"]
    bounds = [buckets[0]["lower_bound"], *(bucket["upper_bound"] for bucket in buckets)]
    assert bounds == sorted(bounds)
    assert (bounds[0], bounds[-1]) == (statistics["min"], statistics["max"])
    assert sum(statistics["common"].values()) == len(values)


def test_moments_agree_with_numpy_on_many_rows(profiled: Profiled) -> None:
    values = np.random.default_rng(0).lognormal(3, 2, 50_000)
    statistics = numerical(profiled({"x": values}))
    assert statistics["mean"] == pytest.approx(values.mean())
    assert statistics["std_dev"] == pytest.approx(values.std())
    counts, _ = np.histogram(values, bins=10)
    buckets = statistics["distribution"]["kll"]["buckets"]
    assert [bucket["count"] for bucket in buckets] == counts.tolist()


def test_numbers_in_quotes_are_numbers_where_the_baseline_has_numbers(profiled: Profiled) -> None:
    quoted = {"x": ["75.0", None, "80"], "y": ["75.0", "warm", None]}
    x, y = profiled(quoted, expected={"x": "Fractional", "y": "Fractional"}).features
    assert (x.inferred_type, y.inferred_type) == ("Fractional", "Fractional")
    assert (x.present, x.mistyped, x.missing) == (2, 0, 1)
    assert isinstance(y, Numbers)
    assert (y.present, y.mistyped, y.missing, y.mean) == (2, 1, 1, 75.0)
