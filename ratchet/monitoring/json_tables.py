"""Many small JSON texts as one table, quickly; and those that do not fit, one by one.

Arrow parses all texts at once and refuses them all when a single value has another type than the
others of its column. So a refused batch is halved until what is left of it is parsed, or is few
texts, which Python reads: the time grows with the texts that are odd.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json
from numpy.typing import NDArray

from ratchet.monitoring.columns import concatenated, differing, table_of, utf8

# A line may not be longer than a block; SageMaker captures requests of up to 6 MB and the answer.
JSON_BLOCK = 16 << 20

# Of fewer texts a quick try costs as much as Python takes for them. Where odd ones are everywhere,
# so many tries have been in vain that further ones would be, too.
_FEW = 64
_MOST_REFUSED = 128


@dataclass(frozen=True)
class Rows:
    """Rows, for each the index of the record it is from, and how many records hold none.

    `untyped` columns are text that may be numbers; see columns.py.
    """

    table: pa.Table
    record: NDArray[np.int64]
    unreadable: int = 0
    untyped: frozenset[str] = frozenset()

    @classmethod
    def none(cls, unreadable: int = 0) -> Rows:
        return cls(pa.table({}), np.empty(0, np.int64), unreadable)

    @classmethod
    def concatenated(cls, parts: Sequence[Rows]) -> Rows:
        """All rows, in the order of their records."""
        if not parts:
            return cls.none()
        if len(parts) == 1:
            return parts[0]
        filled = [part for part in parts if len(part.record)]
        record = np.concatenate([part.record for part in parts])
        table = concatenated([part.table for part in filled])
        if (np.diff(record) < 0).any():
            order = np.argsort(record, kind="stable")
            table, record = table.take(pa.array(order)), record[order]
        untyped = differing(part.table.schema for part in filled)
        untyped = untyped.union(*(part.untyped for part in parts))
        return cls(table, record, sum(part.unreadable for part in parts), untyped)

    def of_records(self, keep: NDArray[np.bool_]) -> Rows:
        mask = keep[self.record]
        if mask.all():
            return self
        table = self.table.filter(pa.array(mask))
        return Rows(table, self.record[mask], self.unreadable, self.untyped)


@dataclass(frozen=True)
class Lines:
    """The texts that are not blank, where they were, how many lines each has, and all as one."""

    text: pa.Array
    index: NDArray[np.int64]
    count: NDArray[np.int64]
    joined: pa.Buffer

    @classmethod
    def of(cls, text: pa.Array, index: NDArray[np.int64] | None = None) -> Lines:
        trimmed = pc.ascii_rtrim(text, "\r\n")
        index = np.arange(len(text)) if index is None else index
        filled = pc.greater(pc.binary_length(trimmed), 0)
        if not pc.all(filled).as_py():
            trimmed = trimmed.filter(filled)
            index = index[filled.to_numpy(zero_copy_only=False)]
        joined = _joined(trimmed)
        # Every text ends in a newline of ours; where there are no others, each is one line.
        if np.count_nonzero(np.frombuffer(joined, np.uint8) == ord("\n")) == len(index):
            return cls(trimmed, index, np.ones(len(index), np.int64), joined)
        count = pc.count_substring(trimmed, "\n").to_numpy(zero_copy_only=False)
        return cls(trimmed, index, count.astype(np.int64) + 1, joined)

    def __len__(self) -> int:
        return len(self.index)

    def part(self, start: int, stop: int) -> Lines:
        return Lines.of(self.text.slice(start, stop - start), self.index[start:stop])


def halved(
    lines: Lines, quick: Callable[[Lines], Rows | None], slow: Callable[[Lines], Rows]
) -> Rows:
    """What `quick` reads of the texts (None: it cannot), and of the few others what `slow` does."""
    parts: list[Rows] = []
    odd: list[Lines] = []
    waiting, refused = deque([lines] if len(lines) else []), 0
    while waiting:
        now = waiting.popleft()
        if (rows := quick(now)) is not None:
            parts.append(rows)
            continue
        refused += 1
        if len(now) <= _FEW or refused > _MOST_REFUSED:
            odd.append(now)
        else:
            middle = len(now) // 2
            waiting += [now.part(0, middle), now.part(middle, len(now))]
    if odd:
        text = pa.concat_arrays([part.text for part in odd])
        parts.append(slow(Lines.of(text, np.concatenate([part.index for part in odd]))))
    return Rows.concatenated(parts)


def json_lines(content: bytes, names: Collection[str] = ()) -> Rows:
    """One JSON object a line, each a row. Of `names` it is known that they hold no objects."""
    content = utf8(content)
    table = _parsed(content)
    flat = None if table is None else flattened(table, names)
    if flat is not None:
        return Rows(flat, np.arange(len(flat)))

    def quick(part: Lines) -> Rows | None:
        table = parsed(part)
        flat = None if table is None else flattened(table, names)
        return None if flat is None else Rows(flat, part.index)

    def slow(part: Lines) -> Rows:
        return one_by_one(part, _object, names)

    texts = pa.array([line for line in content.split(b"\n") if line.strip()], pa.large_binary())
    return halved(Lines.of(texts.cast(pa.large_string())), quick, slow)


def one_by_one(
    lines: Lines, rows_of: Callable[[str], list[dict[str, Any]]], names: Collection[str]
) -> Rows:
    """The rows that `rows_of` makes of each text; where it raises ValueError there are none."""
    rows: list[dict[str, Any]] = []
    record: list[int] = []
    unreadable = 0
    for index, payload in zip(lines.index.tolist(), lines.text.to_pylist(), strict=True):
        try:
            payload_rows = rows_of(payload)
        except (ValueError, RecursionError):
            unreadable += 1
            continue
        rows += payload_rows
        record += [index] * len(payload_rows)
    table, untyped = table_of(rows, names)
    if not table.num_columns:  # rows without a single value
        return Rows.none(len(lines))
    return Rows(table, np.array(record, dtype=np.int64), unreadable, untyped)


def parsed(lines: Lines) -> pa.Table | None:
    """A row a line, as Arrow reads it; None when a column has values of more than one type."""
    table = _parsed(lines.joined)
    return table if table is not None and len(table) == int(lines.count.sum()) else None


def _parsed(content: Any) -> pa.Table | None:
    try:
        table = _read(content, None)
        schema = pa.schema([field.with_type(_as_written(field.type)) for field in table.schema])
        return table if schema == table.schema else _read(content, schema)
    except pa.ArrowInvalid:
        return None


def flattened(table: pa.Table, names: Collection[str]) -> pa.Table | None:
    """Objects as columns with dots; None where one of `names` holds objects, for lists, and for
    names that are there twice then."""
    while any(pa.types.is_struct(field.type) for field in table.schema):
        if any(pa.types.is_struct(field.type) and field.name in names for field in table.schema):
            return None
        table = table.flatten()
    lists = any(pa.types.is_list(field.type) for field in table.schema)
    twice = len(set(table.column_names)) < table.num_columns
    return None if lists or twice else table


def _read(content: Any, schema: pa.Schema | None) -> pa.Table:
    return pyarrow.json.read_json(
        pa.BufferReader(content),
        read_options=pyarrow.json.ReadOptions(block_size=JSON_BLOCK),
        parse_options=pyarrow.json.ParseOptions(explicit_schema=schema),
    )


def _as_written(kind: pa.DataType) -> pa.DataType:
    """The type with text in the place of times, which Arrow would write in a format of its own."""
    if pa.types.is_temporal(kind):
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(_as_written(kind.value_type))
    if pa.types.is_struct(kind):
        fields = [kind.field(i) for i in range(kind.num_fields)]
        return pa.struct([field.with_type(_as_written(field.type)) for field in fields])
    return kind


def _object(line: str) -> list[dict[str, Any]]:
    row = json.loads(line)
    if not isinstance(row, dict):
        raise ValueError("expected a JSON object")
    return [row]


def _joined(text: pa.Array) -> pa.Buffer:
    """The texts as one, a line end after each: Arrow holds them so already, it is a slice."""
    kind = pa.large_string()  # a string array holds no more than 2 GiB
    end = (pa.scalar(part, kind) for part in ("", "\n"))
    joined = pc.binary_join_element_wise(text.cast(kind), *end)
    offsets = np.frombuffer(joined.buffers()[1], dtype=np.int64)[joined.offset :]
    start, stop = int(offsets[0]), int(offsets[len(joined)])
    return joined.buffers()[2].slice(start, stop - start)
