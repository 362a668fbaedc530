from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import prepare

Drop = Callable[..., Path]
RunMain = Callable[..., None]
Prepare = Callable[[Path], tuple[pd.DataFrame, pd.DataFrame]]


@pytest.fixture
def prepared(run_main: RunMain, tmp_path: Path) -> Prepare:
    """Run prepare on the drops and read back the training rows and the eval slice."""

    def run(raw: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
        train, eval_ = tmp_path / "train", tmp_path / "eval"
        run_main(prepare, "--raw", raw, "--train", train, "--eval", eval_)
        return pd.read_parquet(train / "train.parquet"), pd.read_csv(eval_ / "eval.csv")

    return run


def days(month: int, count: int = 10, **changes: object) -> list[dict[str, object]]:
    return [{"month": month, "day": day, **changes} for day in range(1, count + 1)]


def test_the_eval_slice_is_exactly_the_newest_month(drop: Drop, prepared: Prepare) -> None:
    for month in (1, 3, 2):
        raw = drop(f"2013-{month:02d}", flights=days(month))
    train, eval_ = prepared(raw)
    assert sorted(train["month"].unique()) == [1, 2]
    assert list(eval_["day"]) == list(range(1, 11))
    assert set(eval_["month"]) == {3}


def test_january_is_newer_than_the_december_before(drop: Drop, prepared: Prepare) -> None:
    drop("2012-12", flights=days(12, year=2012))
    train, eval_ = prepared(drop("2013-01", flights=days(1)))
    assert set(train["month"]) == {12}
    assert set(eval_["month"]) == {1}


def test_of_a_single_month_the_last_fifth_of_its_days_is_the_eval_slice(
    drop: Drop, prepared: Prepare
) -> None:
    train, eval_ = prepared(drop("2013-01", flights=days(1, 31)))
    assert list(eval_["day"]) == [26, 27, 28, 29, 30, 31]
    assert train["day"].max() == 25


def test_flights_of_one_day_cannot_be_split(drop: Drop, prepared: Prepare) -> None:
    with pytest.raises(SystemExit, match="all flights are of 20130101: expected two days"):
        prepared(drop("2013-01", flights=[{}]))


def test_sixteen_minutes_are_late_and_fifteen_are_not(drop: Drop, prepared: Prepare) -> None:
    delays = [{"flight": n, "arr_delay": delay} for n, delay in enumerate((-20, 15, 16, 90))]
    train, _ = prepared(drop("2013-01", flights=[*delays, {"day": 2}]))
    assert list(train["late"]) == [0, 0, 1, 1]


def test_cancelled_flights_are_dropped_and_counted(
    drop: Drop, prepared: Prepare, capsys: pytest.CaptureFixture[str]
) -> None:
    cancelled = [{"flight": 7, "arr_delay": "NA"}, {"flight": 8, "arr_delay": "NA"}]
    train, eval_ = prepared(drop("2013-01", flights=[*days(1), *cancelled]))
    assert len(train) + len(eval_) == 10
    output = capsys.readouterr().out
    assert "read: 12 flights, 1 weather, 1 planes" in output
    assert "dropped: 2 flights that never arrived" in output
    assert "train: 8 rows, 2013-01-01 to 2013-01-08, 0.0% late" in output


def test_nothing_known_only_after_departure_goes_on(drop: Drop, prepared: Prepare) -> None:
    train, eval_ = prepared(drop("2013-01", flights=days(1)))
    leaks = {"dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"}
    assert leaks.isdisjoint(train.columns)
    assert list(train.columns) == list(eval_.columns)
    assert train.columns[0] == "late"


def test_a_flight_gets_the_weather_at_its_departure_and_its_plane(
    drop: Drop, prepared: Prepare
) -> None:
    later = {"time_hour": "2013-01-01T11:00:00Z"}
    raw = drop(
        "2013-01",
        flights=[{"flight": 1}, {"flight": 2, **later, "tailnum": "N0"}, {"day": 2}],
        weather=[{"temp": 30.5}, {"temp": 41.5, **later}, {"temp": 99, "origin": "JFK"}],
    )
    train, _ = prepared(raw)
    assert list(train["temp"]) == [30.5, 41.5]
    assert list(train["plane_year"].fillna(0)) == [1999, 0]
    assert list(train["year"]) == [2013, 2013]


def test_a_flight_that_landed_twice_counts_once_and_the_later_drop_stands(
    drop: Drop, prepared: Prepare
) -> None:
    drop("2013-01", flights=days(1, arr_delay=0))
    train, eval_ = prepared(drop("2013-01-corrected", flights=days(1, arr_delay=60)))
    assert len(train) + len(eval_) == 10
    assert set(train["late"]) == {1}


def test_the_same_drops_give_the_same_bytes(drop: Drop, prepared: Prepare, tmp_path: Path) -> None:
    drop("2013-01", flights=days(1))
    raw = drop("2013-02", flights=days(2, arr_delay=30))
    files = [tmp_path / "train" / "train.parquet", tmp_path / "eval" / "eval.csv"]
    prepared(raw)
    first = [path.read_bytes() for path in files]
    (raw / "2013-01").rename(raw / "renamed")
    prepared(raw)
    assert [path.read_bytes() for path in files] == first


def test_a_month_may_come_in_parts_and_in_any_folder(
    drop: Drop, prepared: Prepare, tmp_path: Path
) -> None:
    raw = drop("a/b/2013-01", flights=days(1))
    drop("2013-02", flights=days(2))
    (raw / "2013-02" / "flights.csv").rename(raw / "2013-02" / "flights-0001.csv")
    drop("2013-02", flights=days(2, flight=9))
    _, eval_ = prepared(raw)
    assert len(eval_) == 20


@pytest.mark.parametrize("table", ["flights", "weather", "planes"])
def test_a_missing_table_is_named(drop: Drop, prepared: Prepare, table: str) -> None:
    raw = drop("2013-01", flights=days(1))
    (raw / "2013-01" / f"{table}.csv").unlink()
    with pytest.raises(SystemExit, match=rf"no {table}\.csv below .*raw: expected flights\.csv"):
        prepared(raw)


def test_a_missing_column_is_named_with_its_file_and_what_is_expected(
    drop: Drop, prepared: Prepare
) -> None:
    raw = drop("2013-01", flights=days(1))
    path = raw / "2013-01" / "weather.csv"
    path.write_text(path.read_text().replace("dewp", "dew").replace("visib", "view"))
    with pytest.raises(
        SystemExit, match=r"2013-01/weather\.csv: no column dewp, visib; expected origin, time_"
    ):
        prepared(raw)


@pytest.mark.parametrize(
    "content", [b"", b"\x89PNG\r\n\x1a\n\xff\xfe\x00", b'a,b\n"open', b"a,b\n1,2,3\n1,2,3,4\n"]
)
def test_a_file_that_is_not_csv_is_named(drop: Drop, prepared: Prepare, content: bytes) -> None:
    raw = drop("2013-01", flights=days(1))
    (raw / "2013-01" / "planes.csv").write_bytes(content)
    with pytest.raises(SystemExit, match=r"planes\.csv: (not a CSV file|no column)"):
        prepared(raw)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"distance": "far"}, "column distance: expected numbers, got 'far' in data row 2"),
        ({"day": "NA"}, "column day: expected numbers, got 'nan' in data row 2"),
    ],
)
def test_a_value_that_is_no_number_is_named_with_its_row(
    drop: Drop, prepared: Prepare, change: dict[str, object], complaint: str
) -> None:
    with pytest.raises(SystemExit, match=rf"flights\.csv: {complaint}"):
        prepared(drop("2013-01", flights=[{}, {"flight": 2, **change}, {"day": 2}]))


def test_only_cancelled_flights_are_refused(drop: Drop, prepared: Prepare) -> None:
    with pytest.raises(SystemExit, match="no flight that arrived"):
        prepared(drop("2013-01", flights=days(1, arr_delay="NA")))


def test_judge_all_makes_every_row_an_eval_row_and_leaves_nothing_to_train_on(
    drop: Drop, run_main: RunMain, tmp_path: Path
) -> None:
    drop("2013-01", flights=days(1))
    raw = drop("2013-02", flights=days(2))
    run_main(prepare, "--raw", raw, "--eval", tmp_path / "eval", "--judge", "all")
    assert set(pd.read_csv(tmp_path / "eval/eval.csv")["month"]) == {1, 2}
    assert not list(tmp_path.rglob("train.parquet"))


def test_judge_all_takes_a_single_day(drop: Drop, run_main: RunMain, tmp_path: Path) -> None:
    raw = drop("2013-01", flights=[{}])
    run_main(prepare, "--raw", raw, "--eval", tmp_path / "eval", "--judge", "all")
    assert len(pd.read_csv(tmp_path / "eval/eval.csv")) == 1
