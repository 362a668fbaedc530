"""Turn monthly drops of flights into a training set and an eval slice.

In:   <input>/**/flights*.csv, weather*.csv, planes*.csv   every month's drop, in any folders
Out:  <train>/train.parquet   the flights of all months but the newest
      <eval>/eval.csv         the flights of the newest month: what every model is judged on
      With --judge all every flight goes to <eval>, and there is no <train>: nothing is trained.

Rows stay raw: the label, then the columns as they were dropped, with the weather at departure and
the plane joined on. Features belong to the model's own code (features.py), so that they can
change from one model version to the next while the eval slice stays comparable.
"""

import argparse
from pathlib import Path

import pandas as pd

LATE_MINUTES = 15
NOTHING_FLOWN = "no flight that arrived: expected arr_delay, in minutes, in flights.csv"
EVAL_SHARE = 5  # with a single month, one day in five (its last ones) is the eval slice

# What each file must hold. Only these columns go on, so that nothing leaks in by accident:
# dep_time, dep_delay, arr_time and air_time are known only once the flight has left.
TABLES: dict[str, dict[str, type]] = {
    "flights": {
        "year": int, "month": int, "day": int, "hour": int, "minute": int,
        "sched_dep_time": int, "sched_arr_time": int, "carrier": str, "flight": int,
        "tailnum": str, "origin": str, "dest": str, "distance": float, "time_hour": str,
        "arr_delay": float,
    },
    "weather": {
        "origin": str, "time_hour": str, "temp": float, "dewp": float, "humid": float,
        "wind_dir": float, "wind_speed": float, "wind_gust": float, "precip": float,
        "pressure": float, "visib": float,
    },
    "planes": {
        "tailnum": str, "year": float, "type": str, "manufacturer": str, "model": str,
        "engines": float, "seats": float, "engine": str,
    },
}  # fmt: skip

# What makes two rows the same row. The one in the later path stands: a drop can correct another.
KEYS = {
    "flights": ["year", "month", "day", "origin", "carrier", "flight"],
    "weather": ["origin", "time_hour"],
    "planes": ["tailnum"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Drops of flights to training and eval rows.")
    parser.add_argument("--raw", type=Path, default="/opt/ml/processing/input/raw")
    parser.add_argument("--train", type=Path, default="/opt/ml/processing/output/train")
    parser.add_argument("--eval", type=Path, default="/opt/ml/processing/output/eval")
    parser.add_argument("--judge", choices=["newest", "all"], default="newest")
    args = parser.parse_args()

    flights, weather, planes = (read_table(args.raw, table) for table in TABLES)
    print(f"read: {len(flights):,} flights, {len(weather):,} weather, {len(planes):,} planes")

    flown = flights[flights["arr_delay"].notna()]
    print(f"dropped: {len(flights) - len(flown):,} flights that never arrived (cancelled)")

    rows = join(label(flown), weather, planes)
    day = rows["year"] * 10000 + rows["month"] * 100 + rows["day"]
    judged = day >= (0 if args.judge == "all" else eval_start(day.tolist()))
    if not judged.any():
        raise SystemExit(NOTHING_FLOWN)
    if args.judge == "newest":
        args.train.mkdir(parents=True, exist_ok=True)
        rows[~judged].to_parquet(args.train / "train.parquet", index=False)
        print(f"train: {summary(rows[~judged])}")
    args.eval.mkdir(parents=True, exist_ok=True)
    rows[judged].to_csv(args.eval / "eval.csv", index=False)
    print(f"eval: {summary(rows[judged])}")


def read_table(folder: Path, table: str) -> pd.DataFrame:
    """Every `<table>*.csv` below the folder as one frame, sorted, each row once."""
    paths = sorted(folder.rglob(f"{table}*.csv"))
    if not paths:
        raise SystemExit(
            f"no {table}.csv below {folder}: expected flights.csv, weather.csv and planes.csv"
        )
    rows = pd.concat([read_file(path, TABLES[table]) for path in paths])
    rows = rows.drop_duplicates(KEYS[table], keep="last")
    return rows.sort_values(KEYS[table], ignore_index=True)


def read_file(path: Path, columns: dict[str, type]) -> pd.DataFrame:
    """One CSV file with these columns, in this order, of these types."""
    text = {name: kind for name, kind in columns.items() if kind is str}
    try:
        rows = pd.read_csv(path, usecols=lambda name: name in columns, dtype=text)
    except ValueError as error:  # which is also how pandas refuses binary, empty and ragged files
        raise SystemExit(f"{path}: not a CSV file with a header: {error}") from None
    missing = [name for name in columns if name not in rows]
    if missing:
        raise SystemExit(f"{path}: no column {', '.join(missing)}; expected {', '.join(columns)}")
    for name, kind in columns.items():
        if kind is str:
            continue
        parsed = pd.to_numeric(rows[name], errors="coerce")
        bad = parsed.isna() & (rows[name].notna() | (kind is int))  # an int may not be missing
        if bad.any():
            raise SystemExit(
                f"{path}: column {name}: expected numbers, got '{rows[name][bad].iloc[0]}' "
                f"in data row {int(bad.to_numpy().argmax()) + 1}"
            )
        rows[name] = parsed.astype(kind)
    return rows[list(columns)]


def eval_start(days: list[int]) -> int:
    """The first day (yyyymmdd) of the newest month, or of the last fifth of a single month."""
    days = sorted(set(days))
    if not days:
        raise SystemExit(NOTHING_FLOWN)
    if len(days) == 1:
        raise SystemExit(f"all flights are of {days[0]}: expected two days or more, to split")
    newest_month = days[-1] // 100 * 100 + 1
    if days[0] < newest_month:
        return newest_month
    return days[-max(1, len(days) // EVAL_SHARE)]


def label(flights: pd.DataFrame) -> pd.DataFrame:
    """The flights with the label `late` (0 or 1) as first column, and without the delay itself."""
    late = (flights["arr_delay"] > LATE_MINUTES).astype(int)
    rows = flights.drop(columns="arr_delay")
    rows.insert(0, "late", late)
    return rows


def join(flights: pd.DataFrame, weather: pd.DataFrame, planes: pd.DataFrame) -> pd.DataFrame:
    """The flights, in their order and with their index, with weather and plane where known."""
    planes = planes.set_index("tailnum").add_prefix("plane_")
    weather = weather.set_index(["origin", "time_hour"])
    return flights.join(weather, on=["origin", "time_hour"]).join(planes, on="tailnum")


def summary(rows: pd.DataFrame) -> str:
    """Rows are sorted by date, so the first and the last one are the ends."""
    first, last = ("{}-{:02d}-{:02d}".format(*rows[KEYS["flights"][:3]].iloc[i]) for i in (0, -1))
    return f"{len(rows):,} rows, {first} to {last}, {rows['late'].mean():.1%} late"


if __name__ == "__main__":
    main()
