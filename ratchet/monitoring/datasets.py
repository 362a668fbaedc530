"""Reading the rows to analyze: CSV, JSON lines and Parquet, from one file or a folder of them.

Rows are flat. In a CSV file an empty field, NA, N/A, NaN, nan, null and NULL are missing values,
in text columns too. A row that cannot be read is left out and counted, as long as most can be.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from ratchet.monitoring.columns import concatenated, differing, table_of, texts_of
from ratchet.monitoring.csv_tables import read_table
from ratchet.monitoring.json_tables import json_lines


class UnreadableDatasetError(ValueError):
    """Data that cannot be read in the format it is said to have."""


@dataclass(frozen=True)
class TableDataset:
    """Rows held in memory; `unreadable` records (lines, requests) were left out of them.

    `untyped` columns are text that may be numbers: CSV, or values of more than one type.
    """

    table: pa.Table
    unreadable: int = 0
    untyped: frozenset[str] = frozenset()

    @property
    def names(self) -> list[str]:
        return list(self.table.column_names)

    @property
    def rows(self) -> int:
        return int(self.table.num_rows)

    def column(self, name: str) -> pa.ChunkedArray:
        return self.table.column(name)


@dataclass(frozen=True)
class ParquetDataset:
    """Rows in Parquet files, read a column at a time."""

    paths: tuple[Path, ...]
    unreadable: int = 0

    @cached_property
    def _metadata(self) -> list[Any]:
        try:
            return [pyarrow.parquet.read_metadata(path) for path in self.paths]
        except pa.ArrowInvalid as error:
            message = f"{', '.join(map(str, self.paths))}: not Parquet: {error}"
            raise UnreadableDatasetError(message) from None

    @cached_property
    def _schemas(self) -> list[pa.Schema]:
        return [metadata.schema.to_arrow_schema() for metadata in self._metadata]

    @property
    def names(self) -> list[str]:
        return _unique(
            list(dict.fromkeys(name for schema in self._schemas for name in schema.names))
        )

    @property
    def rows(self) -> int:
        return sum(int(metadata.num_rows) for metadata in self._metadata)

    @cached_property
    def untyped(self) -> frozenset[str]:
        return differing(self._schemas)

    def column(self, name: str) -> pa.ChunkedArray:
        parts = []
        for path, metadata, schema in zip(self.paths, self._metadata, self._schemas, strict=True):
            if name not in schema.names:
                parts.append(pa.table({name: pa.nulls(metadata.num_rows)}))
                continue
            text = [name] if pa.types.is_string(schema.field(name).type) else []
            with pyarrow.parquet.ParquetFile(path, metadata=metadata, read_dictionary=text) as file:
                parts.append(file.read(columns=[name], use_threads=False))
        return concatenated(parts).column(name)


def files_below(source: Path) -> list[Path]:
    """The file itself, or every file below the folder but hidden ones and markers (_SUCCESS).

    An empty folder has none: an hour without a request. Raises UnreadableDatasetError when there is
    no such file or folder.
    """
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise UnreadableDatasetError(f"there is no {source}; expected the dataset to analyze")
    return [
        path
        for path in sorted(source.rglob("*"))
        if path.is_file() and not path.name.startswith((".", "_"))
    ]


def read_parquet(paths: Sequence[Path]) -> ParquetDataset:
    dataset = ParquetDataset(tuple(paths))
    _unique(dataset.names)
    return dataset


def read_csv(
    paths: Sequence[Path], *, header: bool = True, texts: Collection[str] = ()
) -> TableDataset:
    """Files with one header line each; without one, columns are _c0, _c1, … as in Spark.

    `texts` are columns of text, whatever is in them. A row of another width is left out. Raises
    UnreadableDatasetError when half of a file's rows are.
    """
    filled = [path for path in paths if path.stat().st_size]
    parts = [_csv(path, header=header, texts=texts) for path in filled]
    schemas = [part.table.schema for part in parts]
    if further := differing(schemas) - set(texts):  # numbers in one file, codes in another
        return read_csv(paths, header=header, texts=[*texts, *further])
    untyped = frozenset[str]().union(*map(texts_of, schemas))
    return _dataset(parts, untyped)


def read_json(
    paths: Sequence[Path], *, lines: bool = True, names: Collection[str] = ()
) -> TableDataset:
    """Files of one JSON object a line, or (`lines=False`) of one array of objects.

    Of `names` it is known that their values are no objects. What is no object is left out. Raises
    UnreadableDatasetError when that is half of a file.
    """
    read = _json_lines if lines else _json_array
    filled = [path for path in paths if path.stat().st_size]
    return _dataset([read(path, names) for path in filled])


def numbered(width: int) -> list[str]:
    """Spark's names of columns that have none."""
    return [f"_c{i}" for i in range(width)]


def _dataset(parts: Sequence[TableDataset], untyped: frozenset[str] = frozenset()) -> TableDataset:
    """All parts as one; of JSON, columns that are text in some of them may be numbers."""
    tables = [part.table for part in parts if part.rows]
    untyped = untyped.union(*(part.untyped for part in parts))
    untyped |= differing(table.schema for table in tables)
    table = concatenated(tables or [part.table for part in parts[:1]])
    return TableDataset(table, sum(part.unreadable for part in parts), untyped)


def _csv(path: Path, *, header: bool, texts: Collection[str]) -> TableDataset:
    names = None if header else numbered(_width(path))
    ragged = 0
    try:
        try:
            table, _ = read_table(path, names=names, texts=texts)
        except pa.ArrowInvalid:  # a row of another width, or a line end within quotes
            table, ragged = read_table(path, names=names, texts=texts, skip_ragged=True)
    except pa.ArrowInvalid as error:
        raise UnreadableDatasetError(f"{path} is not CSV: {error}") from None
    _unique(table.column_names)
    if ragged and ragged >= len(table):
        columns = f"{table.num_columns} columns of its first line"
        raise UnreadableDatasetError(
            f"{path} is not CSV with one width: {ragged} of {ragged + len(table)} rows have "
            f"other than the {columns}"
        )
    return TableDataset(table, ragged)


def _json_lines(path: Path, names: Collection[str]) -> TableDataset:
    content = path.read_bytes()
    rows = json_lines(content, names)
    if rows.unreadable and rows.unreadable >= len(rows.record):
        raise UnreadableDatasetError(f"{path}, {_first_unreadable(content)}")
    return TableDataset(rows.table, rows.unreadable, rows.untyped)


def _first_unreadable(content: bytes) -> str:
    for number, line in enumerate(content.split(b"\n"), start=1):
        try:
            if line.strip() and not isinstance(json.loads(line), dict):
                return f"line {number}: expected a JSON object"
        except ValueError as error:
            return f"line {number}: not JSON: {error}"
    return "half of the lines or more are not JSON objects"


def _json_array(path: Path, names: Collection[str]) -> TableDataset:
    try:
        document = json.loads(path.read_bytes())
    except ValueError as error:
        raise UnreadableDatasetError(f"{path} is not JSON: {error}") from None
    rows = [row for row in document if isinstance(row, dict)] if isinstance(document, list) else []
    if not isinstance(document, list) or (document and len(rows) <= len(document) / 2):
        raise UnreadableDatasetError(f"{path} is not an array of JSON objects")
    table, untyped = table_of(rows, names)
    return TableDataset(table, len(document) - len(rows), untyped)


def _width(path: Path) -> int:
    with path.open("rb") as file:
        first = pyarrow.csv.read_csv(
            pa.BufferReader(file.readline()),
            read_options=pyarrow.csv.ReadOptions(autogenerate_column_names=True),
        )
    return int(first.num_columns)


def _unique(names: list[str]) -> list[str]:
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise UnreadableDatasetError(f"columns that appear more than once: {', '.join(twice)}")
    return names
