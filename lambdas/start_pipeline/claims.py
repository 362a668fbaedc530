"""The name of a run, and the reason for its start (pure)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from start_pipeline import run_names, snapshot
from start_pipeline.seen import Claim
from start_pipeline.snapshot import Snapshot

if TYPE_CHECKING:
    from start_pipeline.drift import Episode
    from start_pipeline.schedule import ScheduledTime


def for_content(
    content: Snapshot,
    *,
    digest: str,
    at: datetime,
    earlier: Snapshot | None,
    prefix: str,
    reasons: Iterable[str],
    left_out: int,
) -> Claim:
    """A run of content that was not run; `earlier` is what the newest run read."""
    difference = snapshot.difference(earlier, content)
    label = run_names.label_of(difference, content, prefix=prefix)
    return Claim(
        digest=digest,
        at=at,
        display_name=run_names.display_name(label, digest),
        description=run_names.description(
            difference,
            content,
            label=label,
            digest=digest,
            prefix=prefix,
            reasons=reasons,
            left_out=left_out,
        ),
    )


def for_drift(
    content: Snapshot, *, digest: str, at: datetime, episode: Episode, prefix: str
) -> Claim:
    """A run of content that was run before; its newest partition names it."""
    label = run_names.label_of(snapshot.SnapshotDifference(), content, prefix=prefix)
    return Claim(
        digest=digest,
        at=at,
        display_name=run_names.display_name(label, digest, asked_by=run_names.DRIFT),
        description=run_names.description_for_drift(
            content, alarms=episode.alarms, since=episode.id, digest=digest, prefix=prefix
        ),
        episode=episode.id,
    )


def for_schedule(
    content: Snapshot, *, digest: str, at: datetime, due: ScheduledTime, prefix: str
) -> Claim:
    """A run of content that was run before, because it is time; its newest partition names it."""
    label = run_names.label_of(snapshot.SnapshotDifference(), content, prefix=prefix)
    return Claim(
        digest=digest,
        at=at,
        display_name=run_names.display_name(label, digest, asked_by=run_names.scheduled(due.local)),
        description=run_names.description_for_schedule(
            content, at=due.local, timezone=due.timezone, digest=digest, prefix=prefix
        ),
        episode=due.id,
    )
