"""Splits the objects of a transform job into requests, and assembles the answers.

API reference: TransformInput (SplitType), CreateTransformJob (BatchStrategy, MaxPayloadInMB),
TransformOutput (AssembleWith), DataProcessing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ratchet.runner.step_types import record_filters

_DEFAULT_PAYLOAD_MB = 6
_MEGABYTE = 1 << 20


@dataclass(frozen=True, kw_only=True)
class BatchPlan:
    """How a transform job's request says that payloads are made. `limit`: bytes, None for none."""

    split: bool
    single: bool
    limit: int | None
    assemble_lines: bool
    content_type: str
    accept: str
    input_filter: str
    output_filter: str
    join: bool

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> BatchPlan:
        """Read a CreateTransformJob request whose references are resolved."""
        source, target = arguments["TransformInput"], arguments["TransformOutput"]
        processing = arguments.get("DataProcessing") or {}
        megabytes = arguments.get("MaxPayloadInMB", _DEFAULT_PAYLOAD_MB)
        content_type = source.get("ContentType", "")
        return cls(
            split=source.get("SplitType", "None") == "Line",
            single=arguments.get("BatchStrategy", "MultiRecord") == "SingleRecord",
            limit=int(megabytes) * _MEGABYTE or None,
            assemble_lines=target.get("AssembleWith", "None") == "Line",
            content_type=content_type,
            accept=target.get("Accept", "") or (content_type if processing else ""),
            input_filter=processing.get("InputFilter", record_filters.WHOLE),
            output_filter=processing.get("OutputFilter", record_filters.WHOLE),
            join=processing.get("JoinSource", "None") == "Input",
        )

    @property
    def reads_records(self) -> bool:
        """Whether records are looked into, not only handed on."""
        whole = record_filters.WHOLE
        return self.join or (self.input_filter, self.output_filter) != (whole, whole)

    def payloads(self, content: bytes) -> Iterator[bytes]:
        """The parts of an object that go into one request each.

        ValueError when a record is larger than a payload may be.
        """
        if not self.split:
            self._check_size(content)
            yield content
            return
        batch: list[bytes] = []
        size = 0
        for line in content.splitlines(keepends=True):
            if not line.strip():
                continue
            self._check_size(line)
            full = self.limit is not None and size + len(line) > self.limit
            if batch and (self.single or full):
                yield b"".join(batch)
                batch, size = [], 0
            batch.append(line)
            size += len(line)
        if batch:
            yield b"".join(batch)

    def _check_size(self, content: bytes) -> None:
        if self.limit is not None and len(content) > self.limit:
            what = "a line" if self.split else "an object without SplitType"
            raise ValueError(
                f"{what} has {len(content)} bytes, more than MaxPayloadInMB "
                f"({self.limit // _MEGABYTE}) allows"
            )

    def request(self, payload: bytes) -> bytes:
        """What the model gets of a payload: InputFilter applied to each record."""
        if self.input_filter == record_filters.WHOLE:
            return payload
        chosen = [record_filters.select(self.input_filter, r) for r in self._records(payload)]
        lines = [record_filters.write(record, self.content_type) for record in chosen]
        return ("\n".join(lines) + "\n" * self.split).encode()

    def result(self, payload: bytes, answer: bytes) -> bytes:
        """What goes into the output of one answer: joined, filtered, with its line's end."""
        if self.reads_records:
            text = "\n".join(self._joined(payload, answer.decode()))
            return (text + "\n" * (self.assemble_lines or self.split)).encode()
        if self.assemble_lines and answer and not answer.endswith(b"\n"):
            return answer + b"\n"
        return answer

    def _records(self, payload: bytes) -> list[Any]:
        return record_filters.records(payload.decode(), self.content_type, lines=self.split)

    def _joined(self, payload: bytes, answer: str) -> Iterator[str]:
        sent = self._records(payload)
        answered = record_filters.predictions(answer, self.accept, count=len(sent))
        if self.join and len(sent) != len(answered):
            raise ValueError(
                f"{len(sent)} records were sent and {len(answered)} predictions came back, so "
                "they cannot be joined: the model must answer each record"
            )
        for index, prediction in enumerate(answered):
            record = prediction
            if self.join and record_filters.is_csv(self.content_type):
                record = record_filters.join_rows(sent[index], prediction)
            elif self.join:
                record = record_filters.join(sent[index], prediction)
            chosen = record_filters.select(self.output_filter, record)
            yield record_filters.write(chosen, self.accept)
