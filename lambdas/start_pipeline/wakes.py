"""Why the function was woken: for the run's description, never to decide anything.

The exception is the time that a run is scheduled for: nobody else knows it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from ratchet.loop import names

LANDED = "landed"
DELETED = "deleted"
AFTER_A_RUN = "landed during the run before"
DRIFTED = names.DRIFT
SCHEDULED = "found by the schedule"

_RANKS = {LANDED: 1, DELETED: 1, AFTER_A_RUN: 2, SCHEDULED: 3}
"""Of several reasons the most telling ones are shown: a reason in words (0) before all of these."""

_LONGEST = 200
_MOST = 3


def reasons(bodies: Iterable[str]) -> tuple[str, ...]:
    """The distinct reasons in a batch of message bodies. A body that says nothing is fine."""
    named = (_reason(body) for body in bodies)
    return merged((), (reason for reason in named if reason))


def scheduled(bodies: Iterable[str]) -> datetime | None:
    """The latest time in a batch of message bodies for which EventBridge Scheduler was to start a
    run: `{"scheduled_time": "2026-11-30T05:00:00Z"}`. None: no message has one."""
    times = [time for time in map(_scheduled_time, bodies) if time]
    return max(times, default=None)


def _scheduled_time(body: str) -> datetime | None:
    message = _message(body)
    try:
        time = datetime.fromisoformat(message.get(names.SCHEDULED_TIME, ""))
    except (TypeError, ValueError):
        return None
    return time.replace(microsecond=0).astimezone(UTC) if time.tzinfo else None


def merged(earlier: Iterable[str], later: Iterable[str]) -> tuple[str, ...]:
    """Both, each reason once, the most telling first, so that a flood of wakes stays short."""
    distinct = dict.fromkeys((*earlier, *later))
    return tuple(sorted(distinct, key=_rank)[:_MOST])


def in_words(reasons: Iterable[str]) -> str:
    """The most telling reasons as words; empty when none is known."""
    ranked = sorted(reasons, key=_rank)
    return ", ".join(reason for reason in ranked if _rank(reason) == _rank(ranked[0]))


def _rank(reason: str) -> int:
    return _RANKS.get(reason, 0)


def _message(body: str) -> Mapping[str, Any]:
    try:
        message = json.loads(body)
    except ValueError:
        return {}
    return message if isinstance(message, Mapping) else {}


def _reason(body: str) -> str | None:
    message = _message(body)
    words = message.get(names.REASON)
    if isinstance(words, str) and words.strip():
        # One line: a description's pattern is ".*", which a line break does not match.
        return " ".join("".join(c if c.isprintable() else " " for c in words).split())[:_LONGEST]
    return _reason_of_event(message)


def _reason_of_event(event: Mapping[str, Any]) -> str | None:
    match event.get("source"), event.get("detail-type"):
        case "aws.s3", "Object Deleted":
            return DELETED
        case "aws.s3", _:
            return LANDED
        case "aws.sagemaker", _:
            return AFTER_A_RUN
        case "aws.cloudwatch", _:
            return DRIFTED
        case "aws.events" | "aws.scheduler", _:
            return SCHEDULED
    return None
