"""Reading the rows to analyze: CSV, JSON lines and Parquet, from one file or a folder of them.

Rows are flat. In a CSV file an empty field, NA, N/A, NaN, nan, null and NULL are missing values,
in text columns too, so that a column means the same whatever its other values are.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet

# Of CSV, where they stand for no value in every column.
MISSING = ["", "NA", "N/A", "NaN", "nan", "null", "NULL"]

CONVERSION = pyarrow.csv.ConvertOptions(
    null_values=MISSING,
    strings_can_be_null=True,
    auto_dict_encode=True,
    auto_dict_max_cardinality=1024,
)

# A line may not be longer than a block; SageMaker captures requests of up to 6 MB and the answer.
JSON_BLOCK = 16 << 20


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


def read_csv(paths: Sequence[Path], *, header: bool = True) -> TableDataset:
    """Files with one header line each; without one, columns are _c0, _c1, … as in Spark."""
    tables = [
        parse_csv(path, names=None if header else numbered(_width(path)))
        for path in paths
        if path.stat().st_size
    ]
    return TableDataset(_checked(concatenated(tables)))


def read_json(paths: Sequence[Path], *, lines: bool = True) -> TableDataset:
    """Files of one JSON object a line, or (`lines=False`) of one array of objects."""
    tables = []
    for path in paths:
        content = path.read_bytes()
        if not content.strip():
            continue
        tables.append(parse_json_lines(content, str(path)) if lines else _whole(path, content))
    return TableDataset(_checked(concatenated(tables)))


def parse_csv(source: Any, *, names: Sequence[str] | None) -> pa.Table:
    """A path or a buffer of CSV. Raises UnreadableDatasetError for ragged lines."""
    try:
        return pyarrow.csv.read_csv(
            source,
            read_options=pyarrow.csv.ReadOptions(column_names=names, block_size=4 << 20),
            convert_options=CONVERSION,
        )
    except pa.ArrowInvalid as error:
        where = source if isinstance(source, Path) else "captured data"
        raise UnreadableDatasetError(f"{where} is not CSV with one width: {error}") from None


def parse_json_lines(content: Any, name: str) -> pa.Table:
    """Bytes or a buffer of JSON lines. Raises UnreadableDatasetError, naming the line."""
    try:
        table = pyarrow.json.read_json(
            pa.BufferReader(content),
            read_options=pyarrow.json.ReadOptions(block_size=JSON_BLOCK),
        )
    except pa.ArrowInvalid:  # a column of more than one type, which Arrow does not read
        return table_of(_objects(bytes(content), name))
    while any(pa.types.is_struct(field.type) for field in table.schema):
        table = table.flatten()
    return table


def table_of(rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Rows as columns; where the types of a column disagree, its values as text."""
    rows = list(rows)
    columns: dict[str, pa.Array] = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        values = [row.get(name) for row in rows]
        try:
            columns[name] = pa.array(values)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
            columns[name] = pa.array([_text(value) for value in values], pa.string())
    return pa.table(columns)


def concatenated(tables: Sequence[pa.Table]) -> pa.Table:
    """One table; a column whose type differs between them becomes the wider number, or text."""
    if len(tables) == 1:
        return tables[0]
    if not tables:
        return pa.table({})
    names = dict.fromkeys(name for table in tables for name in table.column_names)
    return pa.table({name: _column(tables, name) for name in names})


def _column(tables: Sequence[pa.Table], name: str) -> pa.ChunkedArray:
    parts = [
        table.column(name)
        if name in table.column_names
        else pa.chunked_array([pa.nulls(len(table))])
        for table in tables
    ]
    types = {part.type for part in parts if not pa.types.is_null(part.type)}
    if len(types) > 1:
        number = all(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in types)
        types = {pa.float64() if number else pa.string()}
    kind = types.pop() if types else pa.null()
    chunks = [chunk for part in parts for chunk in part.cast(kind, safe=False).chunks]
    return pa.chunked_array(chunks, kind)


def differing(schemas: Iterable[pa.Schema]) -> frozenset[str]:
    """Columns that are text in some of the parts and something else in others."""
    kinds: dict[str, set[bool]] = {}
    for schema in schemas:
        for column in schema:
            if not pa.types.is_null(column.type):
                kinds.setdefault(column.name, set()).add(is_text(column.type))
    return frozenset(name for name, found in kinds.items() if len(found) > 1)


def is_text(kind: pa.DataType) -> bool:
    """Text, or a dictionary of texts."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def numbered(width: int) -> list[str]:
    """Spark's names of columns that have none."""
    return [f"_c{i}" for i in range(width)]


def _width(path: Path) -> int:
    with path.open("rb") as file:
        first = pyarrow.csv.read_csv(
            io.BytesIO(file.readline()),
            read_options=pyarrow.csv.ReadOptions(autogenerate_column_names=True),
        )
    return int(first.num_columns)


def _whole(path: Path, content: bytes) -> pa.Table:
    try:
        document = json.loads(content)
    except ValueError as error:
        raise UnreadableDatasetError(f"{path} is not JSON: {error}") from None
    if not isinstance(document, list) or not all(isinstance(row, dict) for row in document):
        raise UnreadableDatasetError(f"{path} is not an array of JSON objects")
    return table_of(document)


def _objects(content: bytes, name: str) -> list[dict[str, Any]]:
    rows = []
    for number, line in enumerate(content.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise UnreadableDatasetError(f"{name}, line {number}: not JSON: {error}") from None
        if not isinstance(row, dict):
            raise UnreadableDatasetError(f"{name}, line {number}: expected a JSON object")
        rows.append(row)
    return rows


def _text(value: Any) -> str | None:
    return None if value is None else value if isinstance(value, str) else json.dumps(value)


def _checked(table: pa.Table) -> pa.Table:
    _unique(table.column_names)
    return table


def _unique(names: list[str]) -> list[str]:
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise UnreadableDatasetError(f"columns that appear more than once: {', '.join(twice)}")
    return names
