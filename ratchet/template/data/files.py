"""The files of a folder of data, and a sample of their rows as text.

A drop is what will land below the data prefix: files in any folders. What a job does not see is not
seen here either: hidden files, and names that begin with "_", which writers keep for themselves.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ratchet.template.data.errors import DataError

Format = Literal["csv", "parquet"]

_CSV, _PARQUET = (".csv", ".csv.gz"), (".parquet",)
_SEPARATORS = ",;\t|"
_READ_BYTES = 512 * 2**20
"""Of more than this, files are left out, evenly; the newest and the oldest stay."""
_SAMPLE_BYTES = 8 * 2**20
"""Of more than this, every n-th row is read."""
_ZIPPED = 5
"""About how much smaller a zipped CSV is."""
_BROKEN = (ValueError, OSError, EOFError, zlib.error, pa.ArrowException)


@dataclass(frozen=True, kw_only=True)
class DataFiles:
    """The data files of a folder."""

    root: Path
    paths: tuple[Path, ...]
    """Relative to the root, oldest partition first."""
    format: Format
    separator: str
    """Of the CSV files."""

    @property
    def partitions(self) -> tuple[str, ...]:
        """The folders of the files, oldest first; "" is the root itself."""
        return tuple(dict.fromkeys(partition_of(path) for path in self.paths))


def partition_of(path: Path) -> str:
    """The folder of a file, relative to the root of the data."""
    return "" if path.parent == Path() else path.parent.as_posix()


def find_files(folder: Path) -> DataFiles:
    """The CSV or Parquet files in and below a folder, or the one file that is named.

    Raises:
        DataError: there are none, of both kinds, or of different headers.
    """
    if folder.is_file():
        root, paths = folder.parent, [Path(folder.name)]
        if format_of(folder) is None:
            raise DataError(f"{folder} is no CSV or Parquet file; expected {_endings()}")
    elif folder.is_dir():
        root, paths = folder, _below(folder)
    else:
        raise DataError(
            f"{folder}: there is no such folder; name the one that holds your rows: --data FOLDER"
        )
    formats = {kind for path in paths if (kind := format_of(path))}
    if len(formats) > 1:
        raise DataError(
            f"{folder} holds CSV and Parquet files; expected one of both, for example a folder of "
            "each: --data FOLDER/csv"
        )
    (found,) = formats
    separator = _separator(root / paths[-1]) if found == "csv" else ","
    files = DataFiles(root=root, paths=tuple(paths), format=found, separator=separator)
    _same_headers(files)
    return files


def format_of(path: Path) -> Format | None:
    """By the ending of the name."""
    name = path.name.lower()
    if name.endswith(_CSV):
        return "csv"
    return "parquet" if name.endswith(_PARQUET) else None


def sample(files: DataFiles) -> dict[str, pd.DataFrame]:
    """Partition → rows of it, every cell a text or missing; rows evenly from all of a file.

    Raises:
        DataError: a file cannot be read.
    """
    sizes = [_size(files.root / path) for path in files.paths]
    every = max(1, -(-sum(sizes) // _READ_BYTES))
    chosen = [i for i in range(len(sizes)) if i % every == 0 or i == len(sizes) - 1]
    step = max(1, -(-sum(sizes[i] for i in chosen) // _SAMPLE_BYTES))
    parts: dict[str, list[pd.DataFrame]] = {}
    for i in chosen:
        path = files.paths[i]
        parts.setdefault(partition_of(path), []).append(_read(files, path, step))
    return {name: pd.concat(tables, ignore_index=True) for name, tables in parts.items()}


def _below(folder: Path) -> list[Path]:
    everything = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    seen = [path for path in everything if not any(part[0] in "._" for part in path.parts)]
    paths = [path for path in seen if format_of(path)]
    if paths:
        return sorted(paths, key=lambda path: (path.parent.parts, path.name))
    if not seen:
        raise DataError(f"{folder} is empty; expected {_endings()} in it or in folders below it")
    endings = sorted({"".join(path.suffixes[-2:]) or path.name for path in seen})
    raise DataError(
        f"{folder} holds {len(seen):,} files and none is CSV or Parquet (there are "
        f"{', '.join(endings[:5])}); expected {_endings()}"
    )


def _endings() -> str:
    return "files that end in .csv, .csv.gz or .parquet"


def _size(file: Path) -> int:
    return file.stat().st_size * (_ZIPPED if file.name.lower().endswith(".gz") else 1)


def _text(file: Path) -> IO[str]:
    if file.name.lower().endswith(".gz"):
        return gzip.open(file, "rt", encoding="utf-8-sig", newline="")
    return file.open(encoding="utf-8-sig", newline="")


def _separator(file: Path) -> str:
    """What stands between the cells: of those that occur in the header, the most frequent."""
    with suppress(*_BROKEN), _text(file) as text:  # what is wrong is said when it is read
        line = text.readline()
        return max(_SEPARATORS, key=line.count)
    return ","


def _header(files: DataFiles, path: Path) -> list[str]:
    file = files.root / path
    try:
        if files.format == "parquet":
            return [str(name) for name in pq.read_schema(file).names]
        with _text(file) as text:
            return next(csv.reader(text, delimiter=files.separator), [])
    except _BROKEN as error:
        raise _unreadable(file, files.format, error) from None


def _same_headers(files: DataFiles) -> None:
    expected = _header(files, files.paths[-1])
    newest = files.root / files.paths[-1]
    if not expected:
        raise DataError(f"{newest} is empty; expected a line with the names of the columns")
    if twice := sorted({name for name in expected if expected.count(name) > 1}):
        raise DataError(
            f"{newest}: the column {twice[0]!r} is there twice; rename one of "
            "them, or write a line with the names of the columns above the values"
        )
    for path in files.paths[:-1]:
        header = set(_header(files, path))
        if differ := header.symmetric_difference(expected):
            name = sorted(differ)[0]
            where, lacks = (path, newest) if name in header else (newest, files.root / path)
            raise DataError(
                f"{files.root / where} has a column {name!r} that {lacks} has not; expected the "
                "same columns in every file. Put other data into another folder"
            )


def _read(files: DataFiles, path: Path, step: int) -> pd.DataFrame:
    file = files.root / path
    try:
        if files.format == "parquet":
            return _read_parquet(file, step)
        rows = pd.read_csv(
            file,
            sep=files.separator,
            dtype=str,
            index_col=False,
            encoding="utf-8-sig",
            skiprows=(lambda i: i > 0 and (i - 1) % step > 0) if step > 1 else None,
        )
    except _BROKEN as error:
        raise _unreadable(file, files.format, error) from None
    return rows


def _read_parquet(file: Path, step: int) -> pd.DataFrame:
    parts, skip = [], 0
    for batch in pq.ParquetFile(file).iter_batches():
        part = pa.Table.from_batches([batch]).take(pa.array(range(skip, len(batch), step)))
        skip = (skip - len(batch)) % step
        parts.append(part)
    if not parts:
        return pd.DataFrame(columns=pq.read_schema(file).names, dtype=object)
    rows = pa.concat_tables(parts).to_pandas(ignore_metadata=True, integer_object_nulls=True)
    return as_texts(rows)


def as_texts(rows: pd.DataFrame) -> pd.DataFrame:
    """Every cell as a CSV file would hold it, or missing."""
    texts = {
        name: column.map(_cell, na_action="ignore").astype(object) for name, column in rows.items()
    }
    return pd.DataFrame(texts, index=rows.index, columns=rows.columns)


def _cell(value: object) -> str:
    return str(value)


def _unreadable(file: Path, kind: Format, error: Exception) -> DataError:
    if isinstance(error, UnicodeDecodeError):
        byte = error.object[error.start : error.start + 1].hex()
        return DataError(
            f"{file} is not UTF-8: it has the byte 0x{byte}. Write it anew as UTF-8: "
            f"iconv -f WINDOWS-1252 -t UTF-8 {file.name} > {file.stem}-utf8.csv"
        )
    why = " ".join(str(error).split())[:200]
    expected = "a CSV file with a header" if kind == "csv" else "a Parquet file"
    return DataError(f"{file} cannot be read as {expected}: {why}")
