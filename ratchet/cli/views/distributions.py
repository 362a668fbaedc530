"""Small pictures of how a feature was distributed, and is now, in block characters. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ratchet.cli.views.wording import number

BLOCKS = " ▁▂▃▄▅▆▇█"
COLUMNS = 32
VALUES = 6
"""Values of a text feature that are shown one by one."""


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """`share` of the values lies between `low` and `high`."""

    low: float
    high: float
    share: float


@dataclass(frozen=True, kw_only=True)
class Numeric:
    """A numerical feature, before and now, on one axis."""

    before: str
    now: str
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class ValueShare:
    """A value of a text feature: its share before and now, of 1."""

    value: str
    before: float
    now: float


def picture(
    baseline: Mapping[str, Any], current: Mapping[str, Any], *, columns: int = COLUMNS
) -> Numeric | list[ValueShare] | None:
    """A feature of two statistics.json files; None where one of them holds no distribution."""
    before, now = _buckets(baseline), _buckets(current)
    if before and now:
        return _numeric(before, now, columns)
    shares = [_shares(feature) for feature in (baseline, current)]
    if all(shares):
        return _compared(*shares)
    return None


def feature_of(statistics: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The entry of one feature; empty when there is none."""
    feature: Mapping[str, Any]
    for feature in statistics.get("features", ()):
        if feature["name"] == name:
            return feature
    return {}


def _buckets(feature: Mapping[str, Any]) -> list[Bucket]:
    kll = feature.get("numerical_statistics", {}).get("distribution", {}).get("kll", {})
    buckets = kll.get("buckets", ())
    total = sum(bucket["count"] for bucket in buckets)
    return [
        Bucket(low=b["lower_bound"], high=b["upper_bound"], share=b["count"] / total)
        for b in buckets
        if total
    ]


def _shares(feature: Mapping[str, Any]) -> dict[str, float]:
    statistics = feature.get("string_statistics", {})
    buckets = statistics.get("distribution", {}).get("categorical", {}).get("buckets", ())
    total = sum(bucket["count"] for bucket in buckets)
    return {str(b["value"]): b["count"] / total for b in buckets if total}


def _numeric(before: Sequence[Bucket], now: Sequence[Bucket], columns: int) -> Numeric:
    low = min(bucket.low for bucket in (*before, *now))
    high = max(bucket.high for bucket in (*before, *now))
    drawn = [heights(buckets, low=low, high=high, columns=columns) for buckets in (before, now)]
    # Each has its own scale: a narrow distribution beside a wide one would flatten it to nothing.
    return Numeric(before=bars(drawn[0]), now=bars(drawn[1]), low=low, high=high)


def heights(buckets: Sequence[Bucket], *, low: float, high: float, columns: int) -> list[float]:
    """The share that falls into each of `columns` equal parts of `low` to `high`.

    Within a bucket values are taken to be spread evenly; a bucket without width is a point.
    """
    width = (high - low) / columns
    shares = [0.0] * columns
    for bucket in buckets:
        if bucket.high <= bucket.low or width == 0:
            place = 0 if width == 0 else min(int((bucket.low - low) / width), columns - 1)
            shares[place] += bucket.share
            continue
        density = bucket.share / (bucket.high - bucket.low)
        for place in range(columns):
            left = max(bucket.low, low + place * width)
            right = min(bucket.high, low + (place + 1) * width)
            shares[place] += max(0.0, right - left) * density
    return shares


def bars(heights: Sequence[float]) -> str:
    """One block character for each; the tallest is a full one, and nothing but nothing is blank."""
    tallest = max(heights, default=0.0)
    if tallest <= 0:
        return " " * len(heights)
    steps = len(BLOCKS) - 1
    return "".join(
        BLOCKS[0 if h <= tallest * 1e-9 else max(1, round(h / tallest * steps))] for h in heights
    )


def _compared(before: Mapping[str, float], now: Mapping[str, float]) -> list[ValueShare]:
    """The values whose share changed most, then the rest, at most VALUES."""
    values = dict.fromkeys((*before, *now))
    shares = [ValueShare(value=v, before=before.get(v, 0.0), now=now.get(v, 0.0)) for v in values]
    return sorted(shares, key=lambda share: -abs(share.now - share.before))[:VALUES]


def lines(name: str, drawn: Numeric | list[ValueShare], *, indent: str = "  ") -> list[str]:
    """The picture as lines of text: what it was like above, what it is like below."""
    if isinstance(drawn, Numeric):
        axis = f"{short(drawn.low)} … {short(drawn.high)}"
        pad = " " * len(name)
        return [
            f"{indent}{name}  baseline │{drawn.before}│ {axis}",
            f"{indent}{pad}  now      │{drawn.now}│",
        ]
    widest = max((len(share.value) for share in drawn), default=0)
    return [
        f"{indent}{name if place == 0 else ' ' * len(name)}  {share.value:{widest}}  "
        f"{percent(share.before):>6} → {percent(share.now):>6}"
        for place, share in enumerate(drawn)
    ]


def percent(share: float) -> str:
    """`12.3 %`; what is there, however little, is not called nothing."""
    return "<0.1 %" if 0 < share < 0.001 else f"{share * 100:.1f} %"


def short(value: float) -> str:
    """A number for the end of an axis: `17.1`, `1,029`."""
    return number(int(value)) if float(value).is_integer() else f"{value:,.4g}".replace("-", "−")
