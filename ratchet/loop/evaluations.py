"""The record of an evaluation of the champion: `evaluations/<version>/<execution>.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from ratchet.loop.names import TOO_FEW_ROWS
from ratchet.loop.problems import Better, better_of


@dataclass(frozen=True, kw_only=True)
class EvaluationRecord:
    """How a version did on labelled data since it was registered. The fields are the keys of the
    record's JSON."""

    evaluated: str
    """When, ISO 8601 UTC."""
    execution: str
    """Id of the pipeline execution."""
    package_arn: str
    version: int
    manifest: str
    """S3 URI of the manifest of the labelled data."""
    data: str
    """The folders of the manifest's objects, in short."""
    metric: str
    rows: int
    score: float | None
    """None: the version could not answer for these rows."""
    interval: Mapping[str, float] | None
    """`low`, `high`, `confidence` and `resamples` of a bootstrap."""
    floor: float | None
    """The worst score that meets the standards; None: there is no such limit."""
    max_regression: float
    registered: float | None
    """The score of the evaluation that it was registered by; None when the version has none."""
    served: bool
    """Whether it still was the champion when this was recorded."""
    outcome: str
    """COMPLETED | COMPLETED_WITH_VIOLATIONS | TOO_FEW_ROWS"""
    violations: Sequence[str]
    """Each standard that is not met, in words."""
    verdict: str
    better: Better
    """Which values of the metric are better."""

    @property
    def time(self) -> datetime:
        return datetime.fromisoformat(self.evaluated)

    @property
    def compared(self) -> bool:
        """Whether the violations say anything about what serves: too few rows do not, and what no
        longer serves raises no alarm and ends none."""
        return self.served and self.outcome != TOO_FEW_ROWS

    def to_json(self) -> bytes:
        return json.dumps(asdict(self), indent=1).encode()


def as_of_now(report: Mapping[str, Any]) -> dict[str, Any]:
    """An evaluate step's report in the shape that is written now: `candidate.score`,
    `candidate.metrics`, `better`. One of before it has each metric in the model's own part."""
    metric = report.get("metric", "")
    parts = {side: _scores(report.get(side), metric) for side in ("candidate", "champion")}
    return {"better": better_of(metric), **report, **parts}


def _scores(part: Any, metric: str) -> Any:
    if not isinstance(part, Mapping) or "metrics" in part:
        return part
    about = ("status", "reason")
    metrics = {name: value for name, value in part.items() if name not in about}
    return {**part, "score": part.get(metric), "metrics": metrics}


def parse(record: bytes) -> EvaluationRecord:
    """An evaluation from its record; keys that this version does not know are left alone.

    Raises:
        ValueError: it is no record of an evaluation.
    """
    keys = {field.name for field in fields(EvaluationRecord)}
    try:
        values: dict[str, Any] = json.loads(record)
        entries = {key: value for key, value in values.items() if key in keys}
        entries = {"better": better_of(entries["metric"]), **entries}
        return EvaluationRecord(**{**entries, "violations": tuple(entries["violations"])})
    except (TypeError, KeyError, AttributeError, ValueError) as problem:
        raise ValueError(f"no record of an evaluation: {record[:80]!r} ({problem})") from problem
