"""`trigger/state.json`: the state as text, and back (pure). Times are ISO 8601 with their zone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from start_pipeline.seen import Claim, Pending, Started, State

_FORMAT = 1


def write(state: State) -> bytes:
    return json.dumps({"format": _FORMAT, **asdict(state)}, default=_iso, indent=1).encode()


def read(text: bytes) -> State:
    """ValueError when the text is no state of this format."""
    known = json.loads(text)
    if not isinstance(known, dict) or known.get("format") != _FORMAT:
        raise ValueError(f"not a state of format {_FORMAT}: {text[:80]!r}")
    try:
        return State(
            run=known["run"],
            pending=_pending(known["pending"]),
            claim=_claim(known["claim"]),
            started=_started(known["started"]),
            wake_at=_time(known["wake_at"]),
            scheduled=_time(known.get("scheduled")),
            on_time=_time(known.get("on_time")),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a state: {text[:80]!r}") from error


def _iso(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{value!r} has no place in a state")


def _time(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def _pending(known: Mapping[str, Any] | None) -> Pending | None:
    if known is None:
        return None
    return Pending(
        fingerprint=known["fingerprint"],
        since=datetime.fromisoformat(known["since"]),
        changed=datetime.fromisoformat(known["changed"]),
        reasons=tuple(known["reasons"]),
    )


def _claim(known: Mapping[str, Any] | None) -> Claim | None:
    return None if known is None else Claim(**{**known, "at": _time(known["at"])})


def _started(known: Mapping[str, Any] | None) -> Started | None:
    return None if known is None else Started(**{**known, "at": _time(known["at"])})
