"""The step scripts are no package: they import each other as plain modules, as in a container."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

STEPS = Path(__file__).resolve().parents[3] / "steps" / "flights"
if str(STEPS) not in sys.path:
    sys.path.insert(0, str(STEPS))

FLIGHT = {
    "year": 2013,
    "month": 1,
    "day": 1,
    "dep_time": 517,
    "sched_dep_time": 515,
    "dep_delay": 2,
    "arr_time": 830,
    "sched_arr_time": 819,
    "arr_delay": 11,
    "carrier": "UA",
    "flight": 1545,
    "tailnum": "N14228",
    "origin": "EWR",
    "dest": "IAH",
    "air_time": 227,
    "distance": 1400,
    "hour": 5,
    "minute": 15,
    "time_hour": "2013-01-01T10:00:00Z",
}
WEATHER = {
    "origin": "EWR",
    "year": 2013,
    "month": 1,
    "day": 1,
    "hour": 5,
    "temp": 39.02,
    "dewp": 28.04,
    "humid": 64.43,
    "wind_dir": 260,
    "wind_speed": 12.65858,
    "wind_gust": "NA",
    "precip": 0,
    "pressure": 1011.9,
    "visib": 10,
    "time_hour": "2013-01-01T10:00:00Z",
}
PLANE = {
    "tailnum": "N14228",
    "year": 1999,
    "type": "Fixed wing multi engine",
    "manufacturer": "BOEING",
    "model": "737-824",
    "engines": 2,
    "seats": 149,
    "speed": "NA",
    "engine": "Turbo-fan",
}
Row = dict[str, Any]
Drop = Callable[..., Path]
RunMain = Callable[..., None]


def _csv(rows: list[Row]) -> str:
    return "".join(
        ",".join(map(str, line)) + "\n" for line in [list(rows[0]), *map(dict.values, rows)]
    )


@pytest.fixture
def drop(tmp_path: Path) -> Drop:
    """`drop("2013-01", flights=[{"day": 2}], …)` lands rows that differ from one real flight."""

    def write(
        folder: str,
        *,
        flights: list[Row],
        weather: list[Row] | None = None,
        planes: list[Row] | None = None,
    ) -> Path:
        target = tmp_path / "raw" / folder
        target.mkdir(parents=True, exist_ok=True)
        for name, row, changes in (
            ("flights", FLIGHT, flights),
            ("weather", WEATHER, weather or [{}]),
            ("planes", PLANE, planes or [{}]),
        ):
            (target / f"{name}.csv").write_text(_csv([{**row, **change} for change in changes]))
        return tmp_path / "raw"

    return write


@pytest.fixture
def run_main(monkeypatch: pytest.MonkeyPatch) -> RunMain:
    """Run a step's main() in this process, with command-line arguments."""

    def run(step: ModuleType, *arguments: object) -> None:
        monkeypatch.setattr(sys, "argv", [f"{step.__name__}.py", *map(str, arguments)])
        step.main()

    return run


@pytest.fixture(scope="session")
def run_script() -> Callable[..., str]:
    """Run a step as a job does: `run_script("train.py", …, python=…)` → what it printed."""

    def run(script: str, *arguments: object, python: str = sys.executable) -> str:
        command = [python, str(STEPS / script), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
