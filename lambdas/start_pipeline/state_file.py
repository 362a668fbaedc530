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
    values = json.loads(text)
    if not isinstance(values, dict) or values.get("format") != _FORMAT:
        raise ValueError(f"not a state of format {_FORMAT}: {text[:80]!r}")
    try:
        return State(
            run=values["run"],
            pending=_pending(values["pending"]),
            claim=_claim(values["claim"]),
            started=_started(values["started"]),
            wake_at=_time(values["wake_at"]),
            scheduled=_time(values.get("scheduled")),
            on_time=_time(values.get("on_time")),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a state: {text[:80]!r}") from error


def _iso(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{value!r} has no place in a state")


def _time(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def _pending(values: Mapping[str, Any] | None) -> Pending | None:
    if values is None:
        return None
    return Pending(
        fingerprint=values["fingerprint"],
        since=datetime.fromisoformat(values["since"]),
        changed=datetime.fromisoformat(values["changed"]),
        reasons=tuple(values["reasons"]),
    )


def _claim(values: Mapping[str, Any] | None) -> Claim | None:
    return None if values is None else Claim(**{**values, "at": _time(values["at"])})


def _started(values: Mapping[str, Any] | None) -> Started | None:
    return None if values is None else Started(**{**values, "at": _time(values["at"])})
