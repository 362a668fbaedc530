from __future__ import annotations

import csv
from pathlib import Path

import pytest

from demo.flights import DemoDataError, write_month


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_drop_holds_the_month_its_weather_and_its_planes(tmp_path: Path) -> None:
    paths = write_month(2, tmp_path)
    folder = tmp_path / "2013-02"
    assert paths == [folder / name for name in ("flights.csv", "weather.csv", "planes.csv")]
    flights, weather, planes = (table(path) for path in paths)
    assert (len(flights), len(weather)) == (24_951, 2_010)
    assert {row["month"] for row in flights} == {row["month"] for row in weather} == {"2"}
    assert {row["tailnum"] for row in planes} < {row["tailnum"] for row in flights}


def test_the_twelve_months_are_all_the_flights_of_the_year(tmp_path: Path) -> None:
    flights = [write_month(month, tmp_path)[0] for month in range(1, 13)]
    assert sum(path.read_bytes().count(b"\n") - 1 for path in flights) == 336_776
    assert [path.parent.name for path in flights][::11] == ["2013-01", "2013-12"]


def test_the_same_month_is_the_same_bytes(tmp_path: Path) -> None:
    first = [path.read_bytes() for path in write_month(1, tmp_path / "a")]
    assert [path.read_bytes() for path in write_month(1, tmp_path / "b")] == first


@pytest.mark.parametrize("month", [0, 13])
def test_a_month_outside_the_year_is_refused(tmp_path: Path, month: int) -> None:
    with pytest.raises(DemoDataError, match=f"month {month} is not in the data; expected 1 to 12"):
        write_month(month, tmp_path)
