"""Columns out of values and parts that need not agree on a type.

Numbers and text in one column become text here, which loses nothing: a profile reads the numbers
out of it again, one by one. `untyped` columns are those of which the text may be numbers.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Floats = NDArray[np.float64]

STRING = "String"
"""The type of a column of text, in Model Monitor's files."""

# Of CSV, where they stand for no value in every column.
MISSING = ["", "NA", "N/A", "NaN", "nan", "null", "NULL"]


def concatenated(tables: Sequence[pa.Table]) -> pa.Table:
    """One table; a column whose type differs between them becomes the wider number, or text."""
    if len(tables) == 1:
        return tables[0]
    if not tables:
        return pa.table({})
    names = dict.fromkeys(name for table in tables for name in table.column_names)
    return pa.table({name: _column(tables, name) for name in names})


def differing(schemas: Iterable[pa.Schema]) -> frozenset[str]:
    """Columns that are text in some of the parts and something else in others."""
    kinds: dict[str, set[bool]] = {}
    for schema in schemas:
        for column in schema:
            if not pa.types.is_null(column.type):
                kinds.setdefault(column.name, set()).add(is_text(column.type))
    return frozenset(name for name, types in kinds.items() if len(types) > 1)


def texts_of(schema: pa.Schema) -> frozenset[str]:
    return frozenset(column.name for column in schema if is_text(column.type))


def is_text(kind: pa.DataType) -> bool:
    """Text, or a dictionary of texts."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def is_number(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )


def is_bytes(kind: pa.DataType) -> bool:
    """Bytes, or a dictionary of them: what Arrow makes of text that is not UTF-8."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def utf8(content: bytes) -> bytes:
    """The content with U+FFFD for what is not UTF-8: Arrow does not check the text in JSON."""
    if content.isascii():
        return content
    return content.decode("utf-8", "replace").encode()


def table_of(
    rows: Sequence[Mapping[str, Any]], names: Collection[str] = ()
) -> tuple[pa.Table, frozenset[str]]:
    """Rows of JSON as columns, and which of them are untyped: values of more than one type.

    Objects within a row are flattened, with dots, except in a column that is among `names`: there
    an object is a value of another type, as a list is anywhere.
    """
    columns: dict[str, list[Any]] = {}
    for number, row in enumerate(rows):
        for name, value in _flat(row, names):
            values = columns.setdefault(name, [])
            values.extend([None] * (number - len(values)))
            if len(values) == number:  # of a name that a row has twice the first value counts
                values.append(value)
    arrays, untyped = {}, set()
    for name, values in columns.items():
        values.extend([None] * (len(rows) - len(values)))
        kinds = {type(value) for value in values if value is not None}
        if len(kinds) > 1 and not kinds <= {int, float}:
            untyped.add(name)
        arrays[name] = _array(values, kinds)
    return pa.table(arrays), frozenset(untyped)


def text_of(values: pa.ChunkedArray | pa.Array) -> Any:
    """Values as text: numbers and booleans as JSON has them, what is nested as JSON, bytes as far
    as they are UTF-8."""
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_nested(values.type) or is_bytes(values.type):
        return pa.array([_text(value) for value in values.to_pylist()], pa.string())
    return values.cast(pa.string())


def _flat(row: Mapping[str, Any], names: Collection[str], path: str = "") -> Iterator[Any]:
    for key, value in row.items():
        name = f"{path}{key}"
        if isinstance(value, dict) and name not in names:
            yield from _flat(value, names, f"{name}.")
        else:
            yield name, value


def _array(values: list[Any], kinds: set[type]) -> pa.Array:
    try:
        if kinds <= {int, float} or kinds == {bool}:
            return pa.array(values)
        fractions = pa.array([v if type(v) is float else None for v in values], pa.float64())
        written = fractions.cast(pa.string()).to_pylist()
        texts = [_text(v) if f is None else f for v, f in zip(values, written, strict=True)]
        return pa.array(texts, pa.string())
    except OverflowError:  # a whole number of more than 64 bits
        return pa.array([_double(value) for value in values], pa.float64())


def _double(value: float | None) -> float | None:
    try:
        return None if value is None else float(value)
    except OverflowError:
        return float("inf")


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text.encode("utf-8", "replace").decode()  # half of a surrogate pair is no text


def _column(tables: Sequence[pa.Table], name: str) -> pa.ChunkedArray:
    parts = [
        table.column(name)
        if name in table.column_names
        else pa.chunked_array([pa.nulls(len(table))])
        for table in tables
    ]
    types = {part.type for part in parts if not pa.types.is_null(part.type)}
    if len(types) > 1:
        if all(is_number(kind) for kind in types):
            types = {pa.float64()}
        else:
            types, parts = {pa.string()}, [text_of(part) for part in parts]
    kind = types.pop() if types else pa.null()
    chunks = [chunk for part in parts for chunk in _chunks(part.cast(kind, safe=False))]
    return pa.chunked_array(chunks, kind)


def _chunks(part: pa.ChunkedArray | pa.Array) -> list[pa.Array]:
    return list(part.chunks) if isinstance(part, pa.ChunkedArray) else [part]
