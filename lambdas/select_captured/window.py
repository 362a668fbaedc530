"""Which stretch of time is analyzed (pure). Times are UTC, whole seconds, the end is exclusive."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

LAST, HOUR, NOW = "last", "hour", "now"

LOOK_BACK_HOURS = 24
"""How far a first window reaches back."""
LABEL_HOURS = 168
"""How much later than its answer a label may land."""


class WindowError(ValueError):
    """The event names no valid window; the message shows its value and what is expected."""


@dataclass(frozen=True, kw_only=True)
class CaptureWindow:
    start: datetime
    end: datetime


def end_of(text: str, *, now: datetime) -> datetime:
    if text == HOUR:
        return hour_of(now)
    if text == NOW:
        return now.replace(microsecond=0)
    return _time(text, expected=f'"{HOUR}", "{NOW}"', name="end")


def start_of(
    text: str, *, last: datetime | None, first: datetime | None, end: datetime
) -> datetime:
    """`last`: where the window before left off; `first`: hour of the oldest captured file within
    reach. Neither: an empty window."""
    if text != LAST:
        return _time(text, expected=f'"{LAST}"', name="start")
    return last or first or end


def quality_of(*, end: datetime, champion_since: datetime | None) -> CaptureWindow:
    """The answers that labels are compared with: of the last LABEL_HOURS and this champion."""
    start = end - timedelta(hours=LABEL_HOURS)
    if champion_since:
        start = max(start, champion_since.astimezone(UTC).replace(microsecond=0))
    return CaptureWindow(start=min(start, end), end=end)


def hour_of(time: datetime) -> datetime:
    return time.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def folder_of(time: datetime) -> str:
    """The folder of an hour, as SageMaker lays captured data out: "2013/08/02/13/"
    (https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html)."""
    return f"{hour_of(time):%Y/%m/%d/%H}/"


def hour_in(key: str, *, prefix: str) -> datetime | None:
    """The hour of the folder that a key is in; None when the key is laid out otherwise."""
    try:
        return datetime.strptime(key.removeprefix(prefix)[:14], "%Y/%m/%d/%H/").replace(tzinfo=UTC)
    except ValueError:
        return None


def text_of(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parsed(text: str) -> datetime:
    """The time in UTC. Raises ValueError if the text is not a time."""
    time = datetime.fromisoformat(text)
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)


def _time(text: str, *, expected: str, name: str) -> datetime:
    try:
        return parsed(text).replace(microsecond=0)
    except ValueError:
        raise WindowError(
            f"{name} is {text!r}; expected {expected} or a time such as 2013-08-02T13:00:00Z"
        ) from None
