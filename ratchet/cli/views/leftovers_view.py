"""Draws what trials have left, for `ratchet candidates down`. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich import box
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ratchet.candidates.leftovers import Leftover
from ratchet.cli.views.wording import duration

_WIDE = 110
Hourly = Mapping[tuple[str, str], str]
"""Kind and instance type → what an hour costs, in words."""


def document(
    listed: Sequence[Leftover], *, prices: Hourly, now: datetime, width: int
) -> Iterator[RenderableType]:
    """In a narrow terminal two lines for each: its name, and what is known of it."""
    if width < _WIDE:
        for each in listed:
            yield Text(f"{each.kind} {each.name}")
            facts = filter(None, [each.candidate, _time(each, now), _cost(each, prices)])
            yield Text.from_markup("  " + " · ".join(facts), overflow="fold")
        return
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for name in ("", "name", "candidate", "time", "cost"):
        drawn.add_column(name, overflow="fold")
    for each in listed:
        drawn.add_row(
            each.kind, each.name, escape(each.candidate), _time(each, now), _cost(each, prices)
        )
    yield drawn


def _time(leftover: Leftover, now: datetime) -> str:
    """`expired 12 min 00 s ago`, `expires in 40 min 00 s`."""
    if leftover.expires is None:
        return "[yellow]no time to live[/]"
    seconds = (leftover.expires - now).total_seconds()
    if seconds <= 0:
        return f"[yellow]expired {duration(-seconds)} ago[/]"
    return f"expires in {duration(seconds)}"


def _cost(leftover: Leftover, prices: Hourly) -> str:
    if not leftover.instance:
        return ""
    return f"{leftover.instance}, {prices[leftover.kind, leftover.instance]}"


def as_data(listed: Sequence[Leftover], *, prices: Hourly, now: datetime) -> list[dict[str, Any]]:
    """For `--json`."""
    return [
        {
            "kind": each.kind,
            "name": each.name,
            "arn": each.arn,
            "candidate": each.candidate or None,
            "created": each.created.isoformat(),
            "expires": each.expires.isoformat() if each.expires else None,
            "expired": each.expired(now),
            "instance": each.instance or None,
            "cost": prices[each.kind, each.instance] if each.instance else None,
        }
        for each in listed
    ]
