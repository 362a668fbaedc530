"""The files of a batch: records in, answers and a manifest out (pure).

https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-data.html
https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-results.html
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

FEWEST, MOST = 100, 50_000
"""Records of a job: Bedrock's default quotas, which differ between models."""


class UnfitInputError(Exception):
    """The input is not what a batch takes; the message is that of the failed job."""


@dataclass(frozen=True, kw_only=True)
class BatchRecord:
    """One line; ``record_id`` is Bedrock's own where the line has none."""

    record_id: str
    model_input: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class RecordOutcome:
    """What became of a record: an answer, or a code and a message."""

    record: BatchRecord
    output: dict[str, Any] | None = None
    error: tuple[int, str] | None = None
    sent: int = 0
    received: int = 0

    def line(self) -> str:
        """Of the file ``<input>.jsonl.out``."""
        content: dict[str, Any] = {
            "recordId": self.record.record_id,
            "modelInput": self.record.model_input,
        }
        if self.error is None:
            content["modelOutput"] = self.output
        else:
            content["error"] = {"errorCode": self.error[0], "errorMessage": self.error[1]}
        return json.dumps(content, ensure_ascii=False)


def read_records(name: str, text: str) -> Iterator[BatchRecord]:
    """The records of a file. Raises UnfitInputError for a line that is none."""
    lines = (line for line in text.split("\n") if line.strip())
    for number, line in enumerate(lines, start=1):
        try:
            content = json.loads(line)
        except ValueError:
            content = None
        if not isinstance(content, dict) or not isinstance(content.get("modelInput"), dict):
            raise UnfitInputError(
                f"Line {number} of {name} is no record: expected a JSON object with recordId and "
                "modelInput."
            )
        record_id = content.get("recordId") or f"{number:012d}"
        yield BatchRecord(record_id=str(record_id), model_input=content["modelInput"])


def check_count(count: int) -> None:
    """Raises UnfitInputError for too few and for too many records of a job."""
    if count < FEWEST:
        raise UnfitInputError(
            f"The batch inference job contains {count} records, fewer than the required minimum of "
            f"{FEWEST} (quota: Minimum number of records per batch inference job)."
        )
    if count > MOST:
        raise UnfitInputError(
            f"The batch inference job contains {count} records, more than the maximum of {MOST}."
        )


def counts(total: int, outcomes: Iterable[RecordOutcome]) -> dict[str, int]:
    """The numbers of records, as GetModelInvocationJob has them."""
    kinds = Counter(outcome.error is None for outcome in outcomes)
    return {
        "totalRecordCount": total,
        "processedRecordCount": kinds.total(),
        "successRecordCount": kinds[True],
        "errorRecordCount": kinds[False],
    }


def manifest(total: int, outcomes: list[RecordOutcome]) -> Mapping[str, int]:
    """The content of ``manifest.json.out``."""
    return {
        **counts(total, outcomes),
        "inputTokenCount": sum(outcome.sent for outcome in outcomes),
        "outputTokenCount": sum(outcome.received for outcome in outcomes),
    }
