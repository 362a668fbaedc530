"""The name and description of a run in SageMaker's list: which data, and why (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from start_pipeline import wakes
from start_pipeline.snapshot import Snapshot, SnapshotDifference
from start_pipeline.window import in_order, partition_of

_LONGEST_NAME = 82  # and [a-zA-Z0-9](-*[a-zA-Z0-9]){0,81}: botocore, PipelineExecutionName
_LONGEST_LABEL = 200
DRIFT = "drift-"
_UNITS = ("B", "kB", "MB", "GB", "TB")


def mark_of(digest: str) -> str:
    """The part of a digest that stands in names."""
    return digest[:12]


def display_name(label: str, digest: str, *, asked_by: str = "") -> str:
    """Such as `2013-03-9f86d081884c`, or `2013-03-drift-9f86d081884c` where something other than
    the content asks for the run: DRIFT, or `scheduled(…)`. Other characters become hyphens."""
    mark = f"{asked_by}{mark_of(digest)}"
    slug = re.sub(r"[^A-Za-z0-9]+", "-", label)[: _LONGEST_NAME - len(mark) - 1].strip("-")
    return f"{slug or 'data'}-{mark}"


def is_for_drift(name: str) -> bool:
    """Whether `display_name` made this name for drift."""
    return re.fullmatch(rf".+-{DRIFT}[0-9a-f]{{12}}", name) is not None


def scheduled(at: datetime) -> str:
    """What a scheduled run has in its name, such as `scheduled-2026-11-30-0600-`."""
    return f"{at:scheduled-%Y-%m-%d-%H%M-}"


def label_of(difference: SnapshotDifference, snapshot: Snapshot, *, prefix: str) -> str:
    """The partitions that differ: "2013-03", or "2013-01 to 2013-03". What left the window names
    the run only when nothing came."""
    keys = (*difference.new, *difference.changed) or difference.removed
    return _span(keys or [row.key for row in snapshot.objects[-1:]], prefix=prefix)


def description(
    difference: SnapshotDifference,
    snapshot: Snapshot,
    *,
    label: str,
    digest: str,
    prefix: str,
    reasons: Iterable[str],
    left_out: int,
) -> str:
    """Such as "2013-03: 3 new objects, landed. Window: 9 objects of 2013-01 to 2013-03, 12.3 MB.
    Snapshot 9f86d081884c." """
    counts = _counts(difference)
    why = wakes.in_words(reasons) or "found changed"
    size = _size(sum(row.size for row in snapshot.objects))
    span = _span([row.key for row in snapshot.objects], prefix=prefix)
    unread = f" Not readable and left out: {_objects(left_out)}." if left_out else ""
    return (
        f"{label}: {counts}, {why}. Window: {_objects(len(snapshot.objects))} of {span}, {size}."
        f"{unread} Snapshot {mark_of(digest)}."
    )


def description_for_drift(
    snapshot: Snapshot, *, alarms: Sequence[str], since: str, digest: str, prefix: str
) -> str:
    """Such as "drift: shop-dev-drift since 2013-07-02T10:00:00Z. The data is as before. Window:
    9 objects of 2013-01 to 2013-03, 12.3 MB. Snapshot 9f86d081884c." """
    why = f"drift: {', '.join(alarms)} since {since}"
    return _run_once_more(snapshot, why=why, digest=digest, prefix=prefix)


def description_for_schedule(
    snapshot: Snapshot, *, at: datetime, timezone: str, digest: str, prefix: str
) -> str:
    """Such as "scheduled 2026-11-30 06:00 Europe/Berlin. The data is as before. Window: …"."""
    why = f"scheduled {at:%Y-%m-%d %H:%M} {timezone}"
    return _run_once_more(snapshot, why=why, digest=digest, prefix=prefix)


def _run_once_more(snapshot: Snapshot, *, why: str, digest: str, prefix: str) -> str:
    size = _size(sum(row.size for row in snapshot.objects))
    span = _span([row.key for row in snapshot.objects], prefix=prefix)
    return (
        f"{why}. The data is as before. Window: {_objects(len(snapshot.objects))} of {span}, "
        f"{size}. Snapshot {mark_of(digest)}."
    )


def _span(keys: Iterable[str], *, prefix: str) -> str:
    partitions = in_order(partition_of(key, prefix=prefix) for key in keys)
    named = (part or prefix or "top level" for part in (partitions[0], partitions[-1]))
    ends = dict.fromkeys(named)
    return " to ".join(ends)[:_LONGEST_LABEL]


def _counts(difference: SnapshotDifference) -> str:
    def count(keys: Sequence[str], what: str) -> list[str]:
        return [f"{len(keys)} {what}"] if keys else []

    parts = [
        *count(difference.new, "new"),
        *count(difference.changed, "changed"),
        *count(difference.removed, "removed"),
    ]
    if not parts:
        return "the same objects, read anew"
    total = len(difference.new) + len(difference.changed) + len(difference.removed)
    return f"{', '.join(parts)} object{'s' if total != 1 else ''}"


def _objects(count: int) -> str:
    return f"{count} object{'s' if count != 1 else ''}"


def _size(size: float) -> str:
    for unit in _UNITS:
        if size < 1000 or unit == _UNITS[-1]:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError("unreachable")
