"""Numbers, times and amounts in words. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any


def duration(seconds: float | None) -> str:
    """`0.4 s`, `12 s`, `2 min 05 s`, `1 h 02 min`; empty when it is not known."""
    if seconds is None:
        return ""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def moment(time: datetime, now: datetime) -> str:
    """A time of day for today, with the date for any other day, in `now`'s time zone."""
    local = time.astimezone(now.tzinfo)
    if local.date() == now.date():
        return f"{local:%H:%M:%S}"
    return f"{local:%d %b %H:%M}" if local.year == now.year else f"{local:%d %b %Y}"


def number(value: Any) -> str:
    """Whole numbers with thousands separators, others with four decimals, text as it is.

    A true minus sign, and a dash for nothing.
    """
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) or (
        isinstance(value, float) and value.is_integer() and abs(value) >= 1
    ):
        return f"{int(value):,}".replace("-", "−")
    if isinstance(value, float):
        return f"{value + 0.0:.4f}".replace("-", "−")
    return str(value)


def count(amount: int, singular: str, many: str = "") -> str:
    """`1 file`, `3 files`, `1,204 files`."""
    return f"{amount:,} {singular if amount == 1 else many or singular + 's'}"


def size(amount: int) -> str:
    """Bytes in decimal units: `812 B`, `1.4 MB`."""
    value, unit = float(amount), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 999.5 or unit == "TB":
            break
        value /= 1000
    return f"{amount} B" if unit == "B" else f"{value:.1f} {unit}"


def shortened(text: str, limit: int) -> str:
    """The first line of a text, cut at `limit` characters with an ellipsis."""
    first = text.strip().partition("\n")[0]
    return first if len(first) <= limit else first[: limit - 1].rstrip() + "…"
