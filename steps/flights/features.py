"""What the model sees of a flight: raw rows in, numbers and categories out.

Training and serving both call `features`, and the model carries a copy of this file, so the two
cannot drift apart. Nothing is fitted when serving: the category tables are made in training and
saved with the model.
"""

from typing import Any

import pandas as pd

CATEGORIES = ["carrier", "origin", "dest"]
NUMBERS = [
    "distance", "temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip",
    "pressure", "visib", "plane_seats",
]  # fmt: skip
DERIVED_FROM = ["year", "month", "day", "hour", "minute", "sched_arr_time", "plane_year"]
COLUMNS = [*CATEGORIES, *NUMBERS, *DERIVED_FROM]  # a request must have these, in any order


def category_tables(rows: pd.DataFrame) -> dict[str, list[str]]:
    """The values each categorical column takes, sorted; to be fitted on training rows only."""
    require_columns(rows)
    return {name: sorted(rows[name].dropna().unique()) for name in CATEGORIES}


def features(rows: pd.DataFrame, tables: dict[str, list[str]]) -> pd.DataFrame:
    """One row of features per raw row, in the same order.

    A category that is not in its table counts as missing, and so does an empty cell.
    Raises ValueError for a missing column and for text where a number is expected.
    """
    require_columns(rows)
    number = {name: numbers(rows[name]) for name in [*NUMBERS, *DERIVED_FROM]}
    made: dict[str, Any] = {name: number[name] for name in NUMBERS}
    for name in CATEGORIES:
        made[name] = pd.Categorical(rows[name], categories=tables[name])
    made["departure"] = number["hour"] * 60 + number["minute"]  # minutes after midnight
    made["arrival"] = number["sched_arr_time"] // 100 * 60 + number["sched_arr_time"] % 100
    made["weekday"] = weekday(number["year"], number["month"], number["day"])
    made["plane_age"] = number["year"] - number["plane_year"]
    return pd.DataFrame(made, index=rows.index)


def require_columns(rows: pd.DataFrame) -> None:
    missing = [name for name in COLUMNS if name not in rows]
    if missing:
        raise ValueError(f"no column {', '.join(missing)}; expected {', '.join(COLUMNS)}")


def numbers(values: pd.Series) -> pd.Series:
    """A column as floats; an empty cell is missing, anything else must be a number."""
    parsed = pd.to_numeric(values, errors="coerce")
    bad = parsed.isna() & values.notna()
    if bad.any():
        raise ValueError(f"column {values.name}: expected numbers, got {values[bad].iloc[0]!r}")
    return parsed.astype("float64")


def weekday(year: pd.Series, month: pd.Series, day: pd.Series) -> pd.Series:
    """0 for a Monday; missing where year, month and day make no date."""
    dates = pd.to_datetime({"year": year, "month": month, "day": day}, errors="coerce")
    return dates.dt.dayofweek.astype("float64")
