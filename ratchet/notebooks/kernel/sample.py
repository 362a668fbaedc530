"""The first rows of a step's input: small enough to be kept beside a test."""

from __future__ import annotations

import os
import shutil
from typing import Any

from .kinds import kind

ROWS = 2000
TEXT_SUFFIXES = (".csv", ".tsv", ".txt", ".data")
_TABLES = ("frame", "series", "array", "sparse", "index")


def rows(value: Any) -> int:
    """How many rows the value has; 0 when it cannot be cut by rows."""
    if kind(value) in _TABLES and getattr(value, "shape", None):
        return int(value.shape[0])
    return len(value) if type(value) is list else 0


def first_rows(values: dict[str, Any], limit: int = ROWS) -> dict[str, Any]:
    """The values with the first `limit` rows of each table.

    Tables of one length belong together, row by row, and so do lists of that length; a list of
    another length stays whole.
    """
    lengths = {rows(value) for value in values.values() if kind(value) in _TABLES}
    cut = {}
    for name, value in values.items():
        is_list = type(value) is list
        if rows(value) <= limit or (is_list and len(value) not in lengths):
            cut[name] = value
        elif kind(value) in ("frame", "series"):
            cut[name] = value.iloc[:limit].copy()
        elif kind(value) == "sparse":
            cut[name] = value.tocsr()[:limit].asformat(value.format)
        else:
            cut[name] = value[:limit]
    return cut


def copy_first_rows(source: str, target: str, limit: int = ROWS) -> None:
    """Copies a file; of a text file of rows only the header and the first `limit` rows.

    A row does not end within quotes.
    """
    os.makedirs(os.path.dirname(target) or ".", exist_ok=True)
    if not source.lower().endswith(TEXT_SUFFIXES):
        shutil.copyfile(source, target)
        return
    with open(source, "rb") as whole, open(target, "wb") as start:
        quoted, count = False, 0
        for line in whole:
            start.write(line)
            quoted ^= line.count(b'"') % 2 == 1
            count += not quoted
            if count > limit:
                break
