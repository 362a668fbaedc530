"""CSV as a table: each column's values as they are written, and rows of another width left out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv

from ratchet.monitoring.columns import MISSING, is_bytes, is_number, is_text, text_of

_BLOCK = 4 << 20


def read_table(
    source: Any,
    *,
    names: Sequence[str] | None,
    texts: Collection[str] = (),
    skip_ragged: bool = False,
) -> tuple[pa.Table, int]:
    """A path or a buffer of CSV, and how many rows of another width were left out.

    Without `names` the first line has them. `texts` are columns of text, whatever is in them.
    Raises pa.ArrowInvalid for a row of another width, unless they are to be skipped.
    """
    ragged: list[str] = []

    def skip(row: Any) -> str:
        ragged.append(row.text)
        return "skip"

    def read(convert: pyarrow.csv.ConvertOptions) -> pa.Table:
        return pyarrow.csv.read_csv(
            source if isinstance(source, Path) else pa.BufferReader(source),
            read_options=pyarrow.csv.ReadOptions(column_names=names, block_size=_BLOCK),
            parse_options=pyarrow.csv.ParseOptions(
                # Slower, so only at the second try: a row may be of several lines.
                newlines_in_values=skip_ragged,
                invalid_row_handler=skip if skip_ragged else None,
            ),
            convert_options=convert,
        )

    table = read(_conversion())
    left_out = len(ragged)
    rewritten = [
        column.name
        for column in table.schema
        if not pa.types.is_null(column.type)
        and not is_text(column.type)
        and not is_bytes(column.type)
        and not (is_number(column.type) and column.name not in texts)
    ]
    unique = len(set(table.column_names)) == table.num_columns
    if rewritten and unique:  # dates, times, booleans, codes of digits: again, as they are written
        as_written = read(_conversion(rewritten))
        for name in rewritten:
            place = table.column_names.index(name)
            table = table.set_column(place, name, as_written.column(name))
    for place, column in enumerate(table.schema):
        if is_bytes(column.type):
            table = table.set_column(place, column.name, text_of(table.column(place)))
    return table, left_out


def _conversion(texts: Sequence[str] = ()) -> pyarrow.csv.ConvertOptions:
    kind = pa.dictionary(pa.int32(), pa.string())
    return pyarrow.csv.ConvertOptions(
        null_values=MISSING,
        strings_can_be_null=True,
        auto_dict_encode=True,
        auto_dict_max_cardinality=1024,
        column_types=dict.fromkeys(texts, kind),
        include_columns=list(texts),
    )
