"""Keeps endpoints' metrics small: after a while, minutes instead of quarters of a second.

Endpoints publish often, so that alarms react soon, and MiniStack keeps every point in memory and in
its saved state. CloudWatch does likewise: it keeps high-resolution data for hours, then minutes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ratchet.local_cloud.sagemaker.serving.metrics import NAMESPACE

Point = dict[str, Any]

_FINE_SECONDS = 600.0
_KEPT_SECONDS = 3 * 24 * 3600.0
_MINUTE = 60.0


def compacted(points: Sequence[Point], now: float) -> list[Point]:
    """Old points by minute and value, recent ones as they are; what is very old is dropped."""
    fine = [point for point in points if point["Timestamp"] > now - _FINE_SECONDS]
    counts: Counter[tuple[float, float]] = Counter()
    example: Point = {}
    for point in points:
        moment = point["Timestamp"]
        if now - _KEPT_SECONDS < moment <= now - _FINE_SECONDS:
            minute = moment - moment % _MINUTE
            counts[minute, point["Value"]] += point.get("Count", 1.0)
            example = point
    coarse = [
        {**example, "Timestamp": minute, "Value": value, "Count": count}
        for (minute, value), count in sorted(counts.items())
    ]
    return [*coarse, *fine]


def compact(cloudwatch: Any, now: float) -> None:
    """Compact all metrics of endpoints; to be called on the server's loop."""
    metrics = cloudwatch._metrics._data
    for key, points in list(metrics.items()):
        if key[2][0] == NAMESPACE:
            metrics[key] = compacted(points, now)
