"""Recorded rows in columns."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
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
_READING = pyarrow.json.ReadOptions(block_size=4 << 20)
DAY = "day"
"""Of a step: when its run started (UTC), so that a run is in a period whole or not at all."""


def read(text: bytes, *, day: date) -> Any:
    """The rows of one object in columns, with the object's day beside them.

    Raises:
        ValueError: a line is no row.
    """
    if not text.strip():
        found = SCHEMA.empty_table()
    else:
        # One object is small: the reader's own threads would cost more than they bring.
        reading = pyarrow.json.ReadOptions(use_threads=False, block_size=max(1 << 20, len(text)))
        found = pyarrow.json.read_json(
            io.BytesIO(text), read_options=reading, parse_options=_OPTIONS
        )
    days = pa.repeat(pa.scalar(day, pa.date32()), found.num_rows)
    return found.append_column(DAY, days)


def read_all(objects: Sequence[tuple[bytes, date]]) -> Any:
    """One table of the rows of all objects: (text, day).

    They are read as one text, which takes half the time of reading each: a line is a row. Where
    that does not hold, each is read by itself, so that `read` says what is amiss.

    Raises:
        ValueError: a line is no row.
    """
    ended = [text if text.endswith(b"\n") or not text else text + b"\n" for text, _ in objects]
    counts = [text.count(b"\n") for text in ended]
    whole = b"".join(ended)
    try:
        found = pyarrow.json.read_json(io.BytesIO(whole), _READING, _OPTIONS) if whole else None
    except ValueError:
        found = None
    if found is None or found.num_rows != sum(counts):
        return joined(read(text, day=day) for text, day in objects)
    days = pa.chunked_array(
        [
            pa.repeat(pa.scalar(day, pa.date32()), amount)
            for (_, day), amount in zip(objects, counts, strict=True)
        ]
    )
    return _filled(found.append_column(DAY, days.combine_chunks()))


def joined(tables: Iterable[Any]) -> Any:
    """One table of all. Text that an older version did not write is empty."""
    empty = SCHEMA.append(pa.field(DAY, pa.date32())).empty_table()
    return _filled(pa.concat_tables([empty, *tables]))


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
