"""The result of a step that succeeded, as JSON, for a later run that goes on from it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ratchet.runner.records import StepRecord

_MEMBERS = (
    "name",
    "type",
    "attempt",
    "cache_hit_source",
    "cache_explanation",
    "job_name",
    "arguments",
    "properties",
    "outcome",
    "output_parameters",
    "reused_from",
)


def dumped(record: StepRecord) -> dict[str, Any]:
    """What `loaded` takes: plain JSON, times in epoch seconds."""
    assert record.end_time is not None, record.name
    return {
        **{key: getattr(record, key) for key in _MEMBERS},
        "start_time": record.start_time.timestamp(),
        "end_time": record.end_time.timestamp(),
    }


def loaded(body: dict[str, Any]) -> StepRecord:
    """The record of a step that succeeded."""
    members: dict[str, Any] = {key: body[key] for key in _MEMBERS}
    for key in ("start_time", "end_time"):
        members[key] = datetime.fromtimestamp(body[key], UTC)
    return StepRecord(status="Succeeded", **members)
