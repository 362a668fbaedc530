"""Reading what an endpoint captured: SageMaker's JSON lines of requests and answers.

    {"captureData": {"endpointInput": {"data": "1,2\\n", "encoding": "CSV", …},
                     "endpointOutput": {…}},
     "eventMetadata": {"eventId": "…", "inferenceId": "…", "inferenceTime": "…"}, …}

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html

Arrow parses all lines at once, then the payloads, joined, as one CSV or JSON text. So no Python
runs per record, except for base64 and for records that the quick way cannot read.

Columns come as Model Monitor has them: the answer's before the request's. A payload without names
(CSV without a header) takes the baseline's, by position, when their number agrees.
"""

from __future__ import annotations

import base64
import json
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from ratchet.monitoring.columns import concatenated, differing, utf8
from ratchet.monitoring.datasets import TableDataset, UnreadableDatasetError
from ratchet.monitoring.json_tables import JSON_BLOCK, Rows
from ratchet.monitoring.payloads import csv_rows, join_sides, json_rows

INPUT, OUTPUT = "endpointInput", "endpointOutput"
SIDES = (OUTPUT, INPUT)  # Model Monitor's order of columns

METADATA = ("eventId", "inferenceId", "inferenceTime")
GROUND_TRUTH = "groundTruthData"

_BATCH = 32 << 20


@dataclass(frozen=True)
class CapturedRecords:
    """Lines of capture (or ground truth) files; `unreadable` lines are not among them."""

    table: pa.Table
    unreadable: int = 0

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def field(self, *path: str) -> pa.Array:
        return pc.struct_field(self.table.column(path[0]), list(path[1:])).combine_chunks()

    @property
    def ids(self) -> pa.Array:
        """What ground truth refers to: the caller's inferenceId, else the generated eventId."""
        return pc.coalesce(
            self.field("eventMetadata", "inferenceId"), self.field("eventMetadata", "eventId")
        )

    def between(self, start: str, end: str) -> CapturedRecords:
        """Records with start <= inferenceTime < end (ISO 8601, UTC): AWS may hand over more."""
        if not (start or end):
            return self
        second = pc.utf8_slice_codeunits(self.field("eventMetadata", "inferenceTime"), 0, 19)
        keep = pc.is_valid(second)
        if start:
            keep = pc.and_(keep, pc.greater_equal(second, _second(start)))
        if end:
            keep = pc.and_(keep, pc.less(second, _second(end)))
        return CapturedRecords(self.table.filter(keep), self.unreadable)


def read_records(
    paths: Sequence[Path], *, sides: Sequence[str] = SIDES, metadata: Sequence[str] = METADATA
) -> CapturedRecords:
    """All lines of the files, as far as asked for: what is not, is not kept while parsing.

    `sides` may name GROUND_TRUTH to read labels. Raises UnreadableDatasetError when not one line
    can be read.
    """
    schema = _schema(sides, metadata)
    parts = [_records(content, schema) for content in _batches(paths)]
    unreadable = sum(part.unreadable for part in parts)
    table = pa.concat_tables([part.table for part in parts] or [schema.empty_table()])
    _refuse_nothing(table.num_rows, unreadable, paths)
    return CapturedRecords(table, unreadable)


def captured_dataset(
    paths: Sequence[Path],
    *,
    sides: Sequence[str] = SIDES,
    names: Sequence[str] = (),
    texts: Collection[str] = (),
    start: str = "",
    end: str = "",
) -> TableDataset:
    """The rows of requests, answers or both, captured from `start` until before `end`.

    `names` are the baseline's features in order, `texts` those of text. Of a batch of lines only
    the columns are kept, so memory grows with the rows, not with the JSON around them.
    """
    schema = _schema(sides, ("inferenceTime",) if start or end else ())

    def rows(content: bytes) -> TableDataset:
        records = _records(content, schema).between(start, end)
        sides_of_records = [
            side_rows(records, side, names, texts) for side in SIDES if side in sides
        ]
        joined = join_sides(sides_of_records, names)
        return replace(joined, unreadable=joined.unreadable + records.unreadable)

    parts = list(_ahead(rows, _batches(paths)))
    unreadable = sum(part.unreadable for part in parts)
    filled = [part.table for part in parts if part.rows]
    _refuse_nothing(sum(map(len, filled)), unreadable, paths)
    further = differing(table.schema for table in filled)
    untyped = further.union(*(part.untyped for part in parts))
    further -= {*names, *texts}
    if further:  # numbers in one batch, codes in another: again, as they are written
        texts = [*texts, *further]
        return captured_dataset(paths, sides=sides, names=names, texts=texts, start=start, end=end)
    return TableDataset(concatenated(filled), unreadable, untyped)


def _refuse_nothing(rows: int, unreadable: int, paths: Sequence[Path]) -> None:
    if unreadable and not rows:
        names = ", ".join(str(path) for path in paths[:3])
        message = f"none of the {unreadable} lines of {names} is a captured record that holds rows"
        raise UnreadableDatasetError(message)


def _ahead(
    work: Callable[[bytes], TableDataset], batches: Iterator[bytes]
) -> Iterator[TableDataset]:
    """Results in order, two batches at work at a time and no more in memory."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        waiting: deque[Future[TableDataset]] = deque()
        for batch in batches:
            waiting.append(pool.submit(work, batch))
            if len(waiting) == 2:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _records(content: bytes, schema: pa.Schema) -> CapturedRecords:
    content = utf8(content)
    try:
        return CapturedRecords(_parse(content, schema))
    except pa.ArrowInvalid:
        sound, broken = _sound_lines(content, schema)
        return CapturedRecords(_parse(sound, schema) if sound else schema.empty_table(), broken)


def _schema(sides: Sequence[str], metadata: Sequence[str]) -> pa.Schema:
    def texts(names: Sequence[str]) -> pa.DataType:
        return pa.struct([(name, pa.string()) for name in names])

    payload = texts(("data", "encoding"))
    captured = [(side, payload) for side in sides if side != GROUND_TRUTH]
    fields = [("captureData", pa.struct(captured))] if captured else []
    if GROUND_TRUTH in sides:
        fields.append((GROUND_TRUTH, payload))
    if metadata:
        fields.append(("eventMetadata", texts(metadata)))
    return pa.schema(fields)


def side_rows(
    records: CapturedRecords, side: str, names: Sequence[str] = (), texts: Collection[str] = ()
) -> Rows:
    """The rows of one side, each with the index of its record."""
    data = records.field("captureData", side, "data")
    encoding = records.field("captureData", side, "encoding")
    if "BASE64" in pc.unique(encoding).to_pylist():
        encoded = pc.equal(encoding, "BASE64")
        data = _decoded(data, encoded)
        # What was not declared as CSV or JSON is captured so, whatever it is.
        looks_json = pc.match_substring_regex(data, r"^\s*[\[{]")
        encoding = pc.if_else(encoded, pc.if_else(looks_json, "JSON", "CSV"), encoding)
    is_json = pc.fill_null(pc.equal(encoding, "JSON"), False)
    readers: list[tuple[pa.Array, Callable[[pa.Array], Rows]]] = [
        (pc.invert(is_json), lambda text: csv_rows(text, names, texts)),
        (is_json, lambda text: json_rows(text, names)),
    ]
    parts = []
    for mask, read in readers:
        chosen = np.flatnonzero(pc.and_(mask, pc.is_valid(data)).to_numpy(zero_copy_only=False))
        if len(chosen):
            part = read(data.take(pa.array(chosen)) if len(chosen) < len(data) else data)
            parts.append(replace(part, record=chosen[part.record]))
    return Rows.concatenated(parts)


def _batches(paths: Sequence[Path]) -> Iterator[bytes]:
    """Whole lines, 32 MiB at a time: of many small files together, or of a part of a large one."""
    parts: list[bytes] = []
    size = 0
    for path in paths:
        with path.open("rb") as file:
            while content := file.read(_BATCH):
                line = content if content.endswith(b"\n") else file.readline()
                parts += [content] if line is content else [content, line]
                parts += [] if line.endswith(b"\n") else [b"\n"]
                size += len(content)
                if size >= _BATCH:
                    yield b"".join(parts)
                    parts, size = [], 0
    if joined := b"".join(parts).strip():
        yield joined


def _parse(content: bytes, schema: pa.Schema) -> pa.Table:
    return pyarrow.json.read_json(
        pa.BufferReader(content),
        read_options=pyarrow.json.ReadOptions(block_size=JSON_BLOCK),
        parse_options=pyarrow.json.ParseOptions(
            explicit_schema=schema, unexpected_field_behavior="ignore"
        ),
    )


def _sound_lines(content: bytes, schema: pa.Schema) -> tuple[bytes, int]:
    """The lines that hold a record, rewritten for Arrow to read, and the number of the others."""
    sound: list[str] = []
    broken = 0
    for line in filter(None, (line.strip() for line in content.splitlines())):
        try:
            record = json.loads(line)
            sound.append(json.dumps(_strings(record, schema)))
        except (ValueError, TypeError, AttributeError):
            broken += 1
    return "".join(f"{line}\n" for line in sound).encode(), broken


def _strings(value: dict[str, Any], fields: Any) -> dict[str, Any]:
    """The fields of the schema alone, leaves as text: a payload may have been left as JSON."""
    strings: dict[str, Any] = {}
    for field in fields:
        inner = value.get(field.name)
        if inner is None:
            continue
        if pa.types.is_struct(field.type):
            strings[field.name] = _strings(inner, list(field.type))
        else:
            strings[field.name] = inner if isinstance(inner, str) else json.dumps(inner)
    return strings


def _decoded(data: pa.Array, encoded: pa.Array) -> pa.Array:
    def decode(text: str | None, is_encoded: bool) -> str | None:
        if text is None or not is_encoded:
            return text
        try:
            return base64.b64decode(text, validate=True).decode("utf-8")
        except ValueError:  # bytes of an image, say: not rows
            return ""

    pairs = zip(data.to_pylist(), encoded.to_pylist(), strict=True)
    return pa.array([decode(text, flag) for text, flag in pairs], pa.string())


def _second(time: str) -> str:
    """AWS's page shows "2019-12-01T16: 20: 00Z", blanks included."""
    return time.replace(" ", "")[:19]
