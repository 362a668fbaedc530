"""A step's output as a table."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from ratchet.deployment.errors import DeploymentError

if TYPE_CHECKING:
    import pandas as pd

_CSV, _PARQUET = (".csv", ".csv.gz"), (".parquet",)
_READ = 200
"""Lines from which it is told whether a file has a header."""


def read(place: Path, *, header: bool | None = None) -> pd.DataFrame:
    """The rows of a CSV or Parquet file, or of all such files of a folder, sorted by path.

    Args:
        header: whether CSV files begin with the names of their columns; None: see `has_header`.

    Raises:
        DeploymentError: it is no table, or not all of its files are.
    """
    import pandas as pd

    files = [place] if place.is_file() else sorted(p for p in place.rglob("*") if p.is_file())
    kinds = {_kind(file) for file in files}
    if kinds == {"parquet"}:
        parts = [_parquet(file) for file in files]
    elif kinds == {"csv"}:
        filled = [file for file in files if _lines(file)]
        if header is None:
            header = has_header(_lines(filled[0])) if filled else False
        parts = [_csv(file, header=header) for file in filled] or [pd.DataFrame()]
    else:
        names = ", ".join(file.name for file in files[:5])
        raise DeploymentError(
            f"this output is no table: {names}{', …' if len(files) > 5 else ''}; expected CSV or "
            "Parquet files and nothing else. For its path add as_path=True"
        )
    return parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)


def has_header(lines: list[list[str]]) -> bool:
    """Whether the first of these lines names the columns: its cells are texts, each another one,
    and none of them is a value of its column."""
    first, *below = lines
    if any(not cell.strip() or _is_number(cell) for cell in first) or len(set(first)) < len(first):
        return False
    return not any(
        len(row) > place and row[place] == cell for row in below for place, cell in enumerate(first)
    )


def _kind(file: Path) -> str:
    name = file.name.lower()
    return "csv" if name.endswith(_CSV) else "parquet" if name.endswith(_PARQUET) else ""


def _lines(file: Path) -> list[list[str]]:
    """The first lines of a CSV file, without empty ones."""
    import gzip

    opened = gzip.open if file.name.lower().endswith(".gz") else open
    with opened(file, "rt", encoding="utf-8", errors="replace", newline="") as text:
        rows = csv.reader(text)
        return [row for row, _ in zip(rows, range(_READ), strict=False) if row]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _csv(file: Path, *, header: bool) -> pd.DataFrame:
    import pandas as pd

    try:
        return pd.read_csv(file, header=0 if header else None, low_memory=False)
    except (ValueError, pd.errors.ParserError) as problem:
        raise _unreadable(file, problem) from None


def _parquet(file: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        return pd.read_parquet(file)
    except (ValueError, OSError) as problem:  # pyarrow's errors are subclasses of these
        raise _unreadable(file, problem) from None


def _unreadable(file: Path, problem: Exception) -> DeploymentError:
    return DeploymentError(
        f"{file} cannot be read as a table: {problem}. For its path add as_path=True"
    )
