"""Rows out of many small CSV or JSON payloads at once: what a captured request or answer holds."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ratchet.monitoring.datasets import (
    TableDataset,
    UnreadableDatasetError,
    concatenated,
    numbered,
    parse_csv,
    parse_json_lines,
    table_of,
)

_WRAPPED = "rows"  # what a bare JSON array is wrapped in to make it an object


@dataclass(frozen=True)
class Rows:
    """Rows, for each the index of the record it is from, and how many records hold none."""

    table: pa.Table
    record: NDArray[np.int64]
    unreadable: int = 0

    @classmethod
    def concatenated(cls, parts: Sequence[Rows]) -> Rows:
        """All rows, in the order of their records."""
        if not parts:
            return cls(pa.table({}), np.empty(0, np.int64))
        record = np.concatenate([part.record for part in parts])
        table = concatenated([part.table for part in parts])
        if len(parts) > 1:
            order = np.argsort(record, kind="stable")
            table, record = table.take(pa.array(order)), record[order]
        return cls(table, record, sum(part.unreadable for part in parts))

    def of_records(self, keep: NDArray[np.bool_]) -> Rows:
        mask = keep[self.record]
        if mask.all():
            return self
        return Rows(self.table.filter(pa.array(mask)), self.record[mask], self.unreadable)


def join_sides(sides: Sequence[Rows], names: Sequence[str]) -> TableDataset:
    """The sides' columns next to each other, for the records that have as many rows on each."""
    unreadable = sum(side.unreadable for side in sides)
    if len(sides) > 1:
        records = 1 + max(int(side.record.max(initial=-1)) for side in sides)
        counts = [np.bincount(side.record, minlength=records) for side in sides]
        agree = np.logical_and.reduce([count == counts[0] for count in counts])
        unreadable += int((~agree).sum())
        sides = [side.of_records(agree) for side in sides]
    columns = [(name, side.table[name]) for side in sides for name in side.table.column_names]
    nameless = all(name.startswith("_c") for name, _ in columns)
    if nameless:
        fitting = names if len(names) == len(columns) else numbered(len(columns))
        columns = [(name, column) for name, (_, column) in zip(fitting, columns, strict=True)]
    return TableDataset(pa.table(dict(columns)), unreadable)


def csv_rows(text: pa.Array, names: Sequence[str] = ()) -> Rows:
    """One CSV text a record, of one or more lines; a first line of known names is a header."""
    header = _headers(text, names)
    if not header.any():
        return _one_layout(text, np.arange(len(text)), None)
    first = pc.list_element(pc.split_pattern(text, "\n", max_splits=1), 0)
    parts = []
    for line in [None, *pc.unique(first.filter(pa.array(header))).to_pylist()]:
        same = ~header if line is None else pc.equal(first, line).to_numpy(zero_copy_only=False)
        chosen = np.flatnonzero(same)
        if len(chosen):
            body = text.take(pa.array(chosen))
            if line is not None:
                body = pc.utf8_slice_codeunits(body, len(line) + 1)
            part = _one_layout(body, chosen, line)
            if line is None and part.table.num_columns == len(names):
                part = replace(part, table=part.table.rename_columns(list(names)))
            parts.append(part)
    return Rows.concatenated(parts)


def json_rows(text: pa.Array) -> Rows:
    """One JSON text a record: an object, objects by line, an array, or {"instances": [ … ]}."""
    text = pc.ascii_trim_whitespace(text)
    bare = pc.starts_with(text, "[")
    if pc.any(bare).as_py():
        wrapped = pc.binary_join_element_wise(f'{{"{_WRAPPED}":', text, "}", "")
        text = pc.if_else(bare, wrapped, text)
    lines = _Lines.of(text)
    blank = len(text) - len(lines.index)
    if not len(lines.index):
        return Rows(pa.table({}), np.empty(0, np.int64), blank)
    try:
        table = parse_json_lines(lines.joined, "captured data")
    except UnreadableDatasetError:
        return _json_one_by_one(text)
    if table.num_rows != lines.count.sum():
        return _json_one_by_one(text)
    record = np.repeat(lines.index, lines.count)
    lists = [name for name in table.column_names if pa.types.is_list(table[name].type)]
    if not lists:
        return Rows(table, record, blank)
    if table.num_columns > 1 or table[lists[0]].null_count:
        return _json_one_by_one(text)
    column = table[lists[0]].combine_chunks()
    record = np.repeat(record, pc.list_value_length(column).to_numpy(zero_copy_only=False))
    values = column.flatten()
    if pa.types.is_list(values.type):
        return _json_one_by_one(text)
    inner = pa.Table.from_struct_array(values) if pa.types.is_struct(values.type) else None
    rows = inner if inner is not None else pa.table({lists[0]: values})
    return Rows(rows, record, blank)


@dataclass(frozen=True)
class _Lines:
    """The texts that are not blank, where they were, how many lines each has, and all as one."""

    text: pa.Array
    index: NDArray[np.int64]
    count: NDArray[np.int64]
    joined: pa.Buffer

    @classmethod
    def of(cls, text: pa.Array, index: NDArray[np.int64] | None = None) -> _Lines:
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


def _joined(text: pa.Array) -> pa.Buffer:
    """The texts as one, a line end after each: Arrow holds them so already, it is a slice."""
    kind = pa.large_string()  # a string array holds no more than 2 GiB
    end = (pa.scalar(part, kind) for part in ("", "\n"))
    joined = pc.binary_join_element_wise(text.cast(kind), *end)
    offsets = np.frombuffer(joined.buffers()[1], dtype=np.int64)[joined.offset :]
    start, stop = int(offsets[0]), int(offsets[len(joined)])
    return joined.buffers()[2].slice(start, stop - start)


def _headers(text: pa.Array, names: Sequence[str]) -> NDArray[np.bool_]:
    """Which texts have a known name in their first line, and do not begin with a number. Not in
    its first cell only: that may be a column which the baseline leaves out."""
    if not names:
        return np.zeros(len(text), dtype=np.bool_)
    known = f'"?(?:{"|".join(map(re.escape, names))})"?(?:[,\r\n]|$)'
    pattern = f'^(?:{known}|"?[A-Za-z_][^\r\n]*?,{known})'
    found: NDArray[np.bool_] = pc.match_substring_regex(text, pattern).to_numpy(
        zero_copy_only=False
    )
    return found


def _one_layout(text: pa.Array, index: NDArray[np.int64], header: str | None) -> Rows:
    lines = _Lines.of(text)
    blank = len(text) - len(lines.index)
    if not len(lines.index):
        return Rows(pa.table({}), np.empty(0, np.int64), blank)
    first = header if header is not None else str(lines.text[0]).split("\n", 1)[0]
    cells = [cell.strip() for cell in next(csv.reader([first]))]
    columns = cells if header is not None else numbered(len(cells))
    table = None
    with contextlib.suppress(UnreadableDatasetError):
        table = parse_csv(pa.BufferReader(lines.joined), names=columns)
    if table is None or table.num_rows != lines.count.sum():  # ragged, or line ends in quotes
        lines, width = _sound(lines, None if header is None else len(cells))
        columns = cells if header is not None else numbered(width)
        table = parse_csv(pa.BufferReader(lines.joined), names=columns)
    record = np.repeat(index[lines.index], lines.count)
    return Rows(table, record, len(text) - len(lines.index))


def _sound(lines: _Lines, width: int | None) -> tuple[_Lines, int]:
    """The records whose rows all have the width of the header, or else the most common width."""
    rows = [list(csv.reader(io.StringIO(text))) for text in lines.text.to_pylist()]
    widths = [{len(row) for row in record} for record in rows]
    common = Counter(next(iter(found)) for found in widths if len(found) == 1)
    width = width or (common.most_common(1)[0][0] if common else 0)
    sound = [i for i, found in enumerate(widths) if found == {width}]
    texts = pa.array([_csv_text(rows[i]) for i in sound], pa.string())
    return _Lines.of(texts, lines.index[sound]), width


def _csv_text(rows: list[list[str]]) -> str:
    """The rows again, line ends within a cell as blanks."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([cell.replace("\n", " ") for cell in row] for row in rows)
    return text.getvalue().rstrip("\n")


def _json_one_by_one(text: pa.Array) -> Rows:
    rows: list[dict[str, Any]] = []
    record: list[int] = []
    unreadable = 0
    for index, payload in enumerate(text.to_pylist()):
        try:
            found = _json_payload(payload)
        except ValueError:
            unreadable += 1
            continue
        rows += found
        record += [index] * len(found)
    return Rows(table_of(rows), np.array(record, dtype=np.int64), unreadable)


def _json_payload(payload: str) -> list[dict[str, Any]]:
    try:
        values = [json.loads(payload)]
    except ValueError:
        values = [json.loads(line) for line in payload.splitlines() if line.strip()]
    rows = []
    for value in values:
        name, elements = "value", [value]
        if isinstance(value, dict) and len(value) == 1:
            (key, inner), *_ = value.items()
            name, elements = (key, inner) if isinstance(inner, list) else (name, elements)
        rows += [element if isinstance(element, dict) else {name: element} for element in elements]
    return rows
