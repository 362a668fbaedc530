"""Rows of a file, cut into request bodies for an endpoint. Pure but for reading the file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from ratchet.deployment.errors import DeploymentError

CSV, JSON, LINES = "text/csv", "application/json", "application/jsonlines"
CONTENT_TYPES = {".csv": CSV, ".json": JSON, ".jsonl": LINES, ".ndjson": LINES, ".jsonlines": LINES}


@dataclass(frozen=True, kw_only=True)
class Batch:
    """One request: its body and the rows in it."""

    body: bytes
    content_type: str
    rows: tuple[Mapping[str, Any], ...]
    """Column → value, as sent. Without a header the columns are numbered from 1."""
    first: int
    """The first row's number in the file, from 1."""


def batches(
    path: Path, *, size: int, without: Collection[str] = (), header: bool = True
) -> Iterator[Batch]:
    """The file's rows, `size` to a request, in the file's own format.

    Args:
        path: a .csv, .json or .jsonl file.
        size: rows of a request; the last one may hold fewer.
        without: columns that are not sent; those that a row lacks do not matter.
        header: whether a CSV begins with the names of its columns. Each request repeats them.

    Raises:
        DeploymentError: no such file, another kind of file, or content that is not of its kind.
    """
    rows = rows_of(path, header=header)
    yield from _cut(rows, _kind(path), size, frozenset(without), header)


def rows_of(path: Path, *, header: bool = True) -> Iterator[Mapping[str, Any]]:
    """The file's rows: column → value. Without a header the columns are numbered from 1.

    Raises:
        DeploymentError: as `batches`.
    """
    kind = _kind(path)
    try:
        yield from _rows(path, kind, header)
    except UnicodeDecodeError as problem:
        raise DeploymentError(f"{path} is not UTF-8 text: {problem}") from None


def _kind(path: Path) -> str:
    kind = CONTENT_TYPES.get(path.suffix.lower())
    if not path.is_file():
        raise DeploymentError(f"no such file: {path} (in {Path.cwd()})")
    if kind is None:
        expected = ", ".join(CONTENT_TYPES)
        raise DeploymentError(f"{path} has an unknown format; expected {expected}")
    return kind


def _cut(
    rows: Iterable[Mapping[str, Any]], kind: str, size: int, without: frozenset[str], header: bool
) -> Iterator[Batch]:
    remaining = iter(rows)
    first = 1
    while chunk := tuple(
        {name: value for name, value in row.items() if name not in without}
        for row in islice(remaining, size)
    ):
        body = _body(chunk, kind, header).encode()
        yield Batch(body=body, content_type=kind, rows=chunk, first=first)
        first += len(chunk)


def _rows(path: Path, kind: str, header: bool) -> Iterator[Mapping[str, Any]]:
    if kind == CSV:
        yield from _csv_rows(path, header)
    elif kind == LINES:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _record(_json(line, f"{path}, line {number}"), f"{path}, line {number}")
    else:
        content = _json(path.read_text(encoding="utf-8"), str(path))
        if isinstance(content, Mapping) and isinstance(content.get("instances"), list):
            content = content["instances"]
        records = content if isinstance(content, list) else [content]
        for number, record in enumerate(records, 1):
            yield _record(record, f"{path}, record {number}")


def _csv_rows(path: Path, header: bool) -> Iterator[Mapping[str, Any]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(file)
        names = next(lines, None) if header else None
        for cells in lines:
            if not cells:
                continue
            if names is None:
                names = [str(number) for number in range(1, len(cells) + 1)]
            if len(cells) != len(names):
                raise DeploymentError(
                    f"{path}, line {lines.line_num}: {len(cells)} fields; expected {len(names)}"
                )
            yield dict(zip(names, cells, strict=True))


def _json(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as problem:
        raise DeploymentError(f"{where} is not valid JSON: {problem}") from None


def _record(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise DeploymentError(
            f'{where}: expected an object such as {{"age": 42, …}}, got {value!s:.40}'
        )
    return value


def _body(rows: Iterable[Mapping[str, Any]], kind: str, header: bool) -> str:
    listed = list(rows)
    if kind == JSON:
        return json.dumps(listed)
    if kind == LINES:
        return "".join(f"{json.dumps(row)}\n" for row in listed)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if header:
        writer.writerow(listed[0])
    writer.writerows(row.values() for row in listed)
    return text.getvalue()
