"""Holds a table of the API against what the command of the same name prints with `--json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

COST = {"cost": "cost.cost", "saved": "cost.saved", "unknown_costs": "cost.unknown"}
SCORE = {
    "metric": "score.metric",
    "score": "score.value",
    "better": "score.better",
    "failed": "failed_deployment.time",
    "failure": "failed_deployment.reason",
}
INTERVAL = {"low": "interval.low", "high": "interval.high"}
NONE: Mapping[str, str] = {}


def differences(
    table: pd.DataFrame,
    lines: Sequence[Mapping[str, Any]],
    paths: Mapping[str, str] = NONE,
    *,
    without: Sequence[str] = (),
) -> list[str]:
    """Each value of the table that is not the one that was printed.

    Args:
        paths: of columns whose value does not stand at their name.
        without: columns that count up to now.
    """
    if len(table) != len(lines):
        return [f"{len(table)} rows, printed {len(lines)}"]
    return [
        f"row {place}, {column}: {value!r}, printed {printed!r}"
        for place, line in enumerate(lines)
        for column in table.columns
        if column not in without
        for value in [table[column].iloc[place]]
        for printed in [_at(line, paths.get(column, column))]
        if not _same(value, printed)
    ]


def _at(line: Any, path: str) -> Any:
    for key in path.split("."):
        if line is None:
            return None
        line = line[key]
    return line


def _same(value: Any, printed: Any) -> bool:
    if isinstance(value, list | dict):
        return bool(value == printed)
    if pd.isna(value):
        return printed is None
    if printed is None:
        return False
    if isinstance(value, pd.Timestamp):
        return value.tzinfo is not None and value == pd.to_datetime(printed, utc=True)
    if isinstance(value, float):
        return value == float(printed)
    return bool(value == printed) and isinstance(printed, bool) == isinstance(value, bool | _BOOL)


_BOOL = type(pd.Series([True]).iloc[0])
