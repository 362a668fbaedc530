"""Recorded rows in columns."""

from __future__ import annotations

import io
from array import array
from collections.abc import Iterable
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from ratchet.costs import rows

_TYPES = {
    "string": pa.string(),
    "int": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "decimal(18,9)": pa.decimal128(18, 9),
}
_USED = (
    "kind",
    "run",
    "run_name",
    "run_status",
    "experiment",
    "step",
    "resource",
    "component",
    "instance_type",
    "started",
    "units",
    "price_source",
    "price_date",
    "cost",
    "saved_by_spot",
    "cache_hit",
    "saved_by_cache",
    "model_version",
)
"""A report reads these; the others stay in the object."""

_ATHENA = rows.columns()
SCHEMA: Any = pa.schema(
    [("pipeline", pa.string()), *((name, _TYPES[_ATHENA[name]]) for name in _USED)]
)
_OPTIONS = pyarrow.json.ParseOptions(
    explicit_schema=SCHEMA, newlines_in_values=False, unexpected_field_behavior="ignore"
)
_EPOCH = date(1970, 1, 1)
DAY = "day"
"""Of a step: when its run started (UTC), so that a run is in a period whole or not at all."""


def read(body: bytes, *, day: date) -> Any:
    """The rows of one object in columns, with the object's day beside them.

    Raises:
        ValueError: a line is no row.
    """
    return read_all([(body, day)])


def read_all(objects: Iterable[tuple[bytes, date]]) -> Any:
    """The rows of several objects, each with its day.

    All of them are parsed at once: a call for each takes twice as long.

    Raises:
        ValueError: a line is no row.
    """
    found = [(_whole_lines(rows.unpacked(body)), day) for body, day in objects]
    text = b"".join(lines for lines, _ in found)
    if not text:
        return _none()
    rows_of_all = pyarrow.json.read_json(io.BytesIO(text), parse_options=_OPTIONS)
    days = array("i")  # as Arrow keeps them: since 1970
    for lines, day in found:
        days.extend([(day - _EPOCH).days] * lines.count(b"\n"))
    if len(days) != rows_of_all.num_rows:
        raise ValueError("a line holds no row, or more than one")
    column = pa.Array.from_buffers(pa.date32(), len(days), [None, pa.py_buffer(days)])
    return rows_of_all.append_column(DAY, column)


def _none() -> Any:
    return SCHEMA.append(pa.field(DAY, pa.date32())).empty_table()


def _whole_lines(text: bytes) -> bytes:
    """With an end of line after each, and none that is empty."""
    if text.endswith(b"\n") and b"\n\n" not in text and not text.startswith(b"\n"):
        return text
    return b"".join(line + b"\n" for line in text.splitlines() if line.strip())


def joined(tables: Iterable[Any]) -> Any:
    """One table of all. Text that an older version did not write is empty."""
    return _filled(pa.concat_tables([_none(), *tables]))


def _filled(table: Any) -> Any:
    for place, field in enumerate(table.schema):
        column = table.column(place)
        if not column.null_count or field.name in {"cost", "units", "saved_by_cache"}:
            continue  # there, nothing means: not known
        if pa.types.is_string(field.type):
            table = table.set_column(place, field, pc.fill_null(column, ""))
        elif pa.types.is_boolean(field.type):
            table = table.set_column(place, field, pc.fill_null(column, False))
    return _without_empty_times(table)


def _without_empty_times(table: Any) -> Any:
    """A step that did not begin has no time: it must not be the earliest of its run."""
    place = table.schema.get_field_index("started")
    begun = pc.not_equal(table["started"], "")
    times = pc.if_else(begun, table["started"], pa.scalar(None, pa.string()))
    return table.set_column(place, table.schema.field(place), times)


def kept(table: Any, *, experiment: str = "") -> Any:
    """The rows of an experiment; all of them when none is named."""
    return table.filter(pc.field("experiment") == experiment) if experiment else table
