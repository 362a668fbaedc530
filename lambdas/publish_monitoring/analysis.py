"""A finished analysis and what is published of it (pure)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ratchet.loop import names

KINDS = (names.DATA_QUALITY, names.MODEL_QUALITY)

NAMESPACES: Mapping[str, str] = {
    names.DATA_QUALITY: names.DATA_NAMESPACE,
    names.MODEL_QUALITY: names.MODEL_NAMESPACE,
}
COUNTERS: Mapping[str, str] = {
    names.DATA_QUALITY: names.DRIFT_VIOLATIONS,
    names.MODEL_QUALITY: names.MODEL_QUALITY_VIOLATIONS,
}
"""Metrics of the loop's namespace that the alarms watch."""

# PutMetricData refuses a whole request for one datum beyond these:
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
_OLDEST, _NEWEST = timedelta(days=14), timedelta(hours=2)


class KindError(ValueError):
    """The event names no kind of analysis."""


@dataclass(frozen=True, kw_only=True)
class AnalysisRecord:
    """The part of an analysis that is recorded."""

    kind: str
    start: str
    end: str
    """The window, ISO 8601 UTC."""
    analysis: str
    """S3 folder, without a trailing slash."""
    outcome: str
    """Completed | CompletedWithViolations | TooFewRows"""
    violations: int
    package_arn: str
    execution: str
    """The pipeline execution's id, or the processing job's ARN."""

    @property
    def compared(self) -> bool:
        """Whether the violations count: too few rows neither raise nor end an alarm."""
        return self.outcome != names.TOO_FEW_ROWS

    def record(self) -> bytes:
        """`next` is where the next window starts: rows that were too few wait for more."""
        entries = {
            "start": self.start,
            "end": self.end,
            "next": self.end if self.compared else self.start,
            "analysis": self.analysis,
            "outcome": self.outcome,
            "violations": self.violations,
            "package_arn": self.package_arn,
            "execution": self.execution,
        }
        return json.dumps(entries, indent=1).encode()


def kind_of(text: object) -> str:
    if text not in KINDS:
        raise KindError(f"kind is {text!r}; expected {' or '.join(KINDS)}")
    return str(text)


def count_of(violations: bytes | None) -> int:
    """The number of violations in constraint_violations.json; a report of none may be absent."""
    return len(json.loads(violations)["violations"]) if violations else 0


def data_of(lines: bytes | None, *, now: datetime) -> list[dict[str, Any]]:
    """The data of cloudwatch_metrics.jsonl that CloudWatch takes: a window long past gives none."""
    data: Iterable[dict[str, Any]] = (
        json.loads(line) for line in (lines or b"").splitlines() if line.strip()
    )
    return [datum for datum in data if now - _OLDEST < _time_of(datum, now) < now + _NEWEST]


def _time_of(datum: Mapping[str, Any], now: datetime) -> datetime:
    text = datum.get("Timestamp")
    time = datetime.fromisoformat(text) if text else now
    return time if time.tzinfo else time.replace(tzinfo=UTC)
