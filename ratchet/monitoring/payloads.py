"""Rows out of many small CSV or JSON payloads at once: what a captured request or answer holds."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ratchet.monitoring.columns import texts_of
from ratchet.monitoring.csv_tables import read_table
from ratchet.monitoring.datasets import TableDataset, numbered
from ratchet.monitoring.json_tables import Lines, Rows, flattened, halved, one_by_one, parsed

_WRAPPED = "rows"  # what a bare JSON array is wrapped in to make it an object

# As many texts say how many columns CSV without a header has: most of them.
_LOOKED_AT = 1_000


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
    untyped = frozenset[str]().union(*(side.untyped for side in sides))
    nameless = all(name.startswith("_c") for name, _ in columns)
    if nameless:
        fitting = names if len(names) == len(columns) else numbered(len(columns))
        untyped = frozenset(
            name for name, (old, _) in zip(fitting, columns, strict=True) if old in untyped
        )
        columns = [(name, column) for name, (_, column) in zip(fitting, columns, strict=True)]
    return TableDataset(pa.table(dict(columns)), unreadable, untyped)


def csv_rows(text: pa.Array, names: Sequence[str] = (), texts: Collection[str] = ()) -> Rows:
    """One CSV text a record, of one or more lines; a first line of known names is a header.

    `texts` are the columns that are text, whatever is in them.
    """
    header = _headers(text, names)
    if not header.any():
        return _nameless(text, np.arange(len(text)), names, texts)
    first = pc.list_element(pc.split_pattern(text, "\n", max_splits=1), 0)
    parts = []
    for line in [None, *pc.unique(first.filter(pa.array(header))).to_pylist()]:
        same = ~header if line is None else pc.equal(first, line).to_numpy(zero_copy_only=False)
        chosen = np.flatnonzero(same)
        if not len(chosen):
            continue
        body = text.take(pa.array(chosen))
        if line is not None:
            body = pc.utf8_slice_codeunits(body, len(line) + 1)
            cells = [cell.strip() for cell in _cells(line)]
            parts.append(_one_layout(body, chosen, cells, texts))
            continue
        part = _nameless(body, chosen, names, texts)
        if part.table.num_columns == len(names):
            untyped = {names[int(name[2:])] for name in part.untyped}
            table = part.table.rename_columns(list(names))
            part = replace(part, table=table, untyped=frozenset(untyped))
        parts.append(part)
    return Rows.concatenated(parts)


def json_rows(text: pa.Array, names: Collection[str] = ()) -> Rows:
    """One JSON text a record: an object, objects by line, an array, or {"instances": [ … ]}.

    Of `names` it is known that their values are no objects.
    """
    text = pc.ascii_trim_whitespace(text)
    bare = pc.starts_with(text, "[").to_numpy(zero_copy_only=False)
    parts = []
    for group in (np.flatnonzero(bare), np.flatnonzero(~bare)):
        chosen = text if len(group) == len(text) else text.take(pa.array(group))
        if len(group) and bare[group[0]]:
            chosen = pc.binary_join_element_wise(f'{{"{_WRAPPED}":', chosen, "}", "")
        lines = Lines.of(chosen, group)
        rows = halved(
            lines,
            lambda part: _quick(part, names),
            lambda part: one_by_one(part, _payload, names),
        )
        parts.append(replace(rows, unreadable=rows.unreadable + len(group) - len(lines)))
    return Rows.concatenated(parts)


def _quick(lines: Lines, names: Collection[str]) -> Rows | None:
    """The rows as Arrow reads them all at once; None when it cannot."""
    table = parsed(lines)
    if table is None:
        return None
    record = np.repeat(lines.index, lines.count)
    lists = [name for name in table.column_names if pa.types.is_list(table[name].type)]
    if lists:
        if table.num_columns > 1 or table[lists[0]].null_count:
            return None
        column = table[lists[0]].combine_chunks()
        record = np.repeat(record, pc.list_value_length(column).to_numpy(zero_copy_only=False))
        values = column.flatten()
        if not len(values):
            return Rows.none()
        if pa.types.is_struct(values.type):
            table = pa.Table.from_struct_array(values)
        else:
            table = pa.table({lists[0]: values})
    flat = flattened(table, names)
    return None if flat is None else Rows(flat, record)


def _payload(payload: str) -> list[dict[str, Any]]:
    """The rows of one text. Raises ValueError when it is not JSON."""
    try:
        values = [json.loads(payload)]
    except ValueError:  # a line may hold separators that str.splitlines takes for line ends
        values = [json.loads(line) for line in payload.split("\n") if line.strip()]
    rows = []
    for value in values:
        name, elements = "value", [value]
        if isinstance(value, dict) and len(value) == 1:
            (key, inner), *_ = value.items()
            name, elements = (key, inner) if isinstance(inner, list) else (name, elements)
        rows += [element if isinstance(element, dict) else {name: element} for element in elements]
    return rows


def _headers(text: pa.Array, names: Sequence[str]) -> NDArray[np.bool_]:
    """Which texts have a known name in their first line, and do not begin with a number. Not in
    its first cell only: that may be a column which the baseline leaves out."""
    if not names:
        return np.zeros(len(text), dtype=np.bool_)
    one_name = f'"?(?:{"|".join(map(re.escape, names))})"?(?:[,\r\n]|$)'
    pattern = f'^(?:{one_name}|"?[A-Za-z_][^\r\n]*?,{one_name})'
    headers: NDArray[np.bool_] = pc.match_substring_regex(text, pattern).to_numpy(
        zero_copy_only=False
    )
    return headers


def _cells(text: str) -> list[str]:
    """Of the first row; none where it is not CSV."""
    try:
        return next(csv.reader(io.StringIO(text)), [])
    except csv.Error:
        return []


def _nameless(
    text: pa.Array, index: NDArray[np.int64], names: Sequence[str], texts: Collection[str]
) -> Rows:
    """Texts without a header: as wide as most of them are, with numbers in the place of names."""
    step = max(1, len(text) // _LOOKED_AT)
    widths = Counter(len(cells) for line in text[::step].to_pylist() if (cells := _cells(line)))
    columns = numbered(widths.most_common(1)[0][0] if widths else 0)
    if len(columns) == len(names):
        pairs = zip(columns, names, strict=True)
        texts = {number for number, name in pairs if name in texts or number in texts}
    return _one_layout(text, index, columns, texts)


def _one_layout(
    text: pa.Array, index: NDArray[np.int64], columns: list[str], texts: Collection[str]
) -> Rows:
    """The rows of all texts of which every row has these columns."""
    if len(set(columns)) < len(columns) or not columns:
        return Rows.none(len(text))

    def quick(part: Lines) -> Rows | None:
        try:
            table, _ = read_table(part.joined, names=columns, texts=texts)
        except pa.ArrowInvalid:
            return None
        if table.num_rows != part.count.sum():  # line ends in quotes
            return None
        return Rows(table, np.repeat(part.index, part.count), 0, texts_of(table.schema))

    def slow(part: Lines) -> Rows:
        sound = _sound(part, len(columns))
        rows = quick(sound) if len(sound) else None
        rows = Rows.none() if rows is None else rows
        return replace(rows, unreadable=len(part) - len(np.unique(rows.record)))

    lines = Lines.of(text, index)
    rows = halved(lines, quick, slow)
    return replace(rows, unreadable=rows.unreadable + len(text) - len(lines))


def _sound(lines: Lines, width: int) -> Lines:
    """The texts of which all rows have this width, line ends within a cell as blanks."""
    texts, index = [], []
    for place, text in zip(lines.index.tolist(), lines.text.to_pylist(), strict=True):
        try:
            rows = list(csv.reader(io.StringIO(text), strict=True))
        except csv.Error:
            continue
        if {len(row) for row in rows} == {width}:
            texts.append(_csv_text(rows))
            index.append(place)
    return Lines.of(pa.array(texts, pa.string()), np.array(index, dtype=np.int64))


def _csv_text(rows: list[list[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([cell.replace("\n", " ") for cell in row] for row in rows)
    return text.getvalue().rstrip("\n")
