"""CloudWatch's alarms: evaluated as time goes by, with events for EventBridge.

MiniStack evaluates an alarm when metric data comes in, over all dimensions of the metric, knows no
missing data and tells only SNS. Here each alarm looks at its own metric, period by period back from
now, several times a second; missing data counts as the alarm says
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html), and every
change of state is an event (…/monitoring/cloudwatch-and-eventbridge.html).
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import operator
import time
from collections.abc import Callable, Sequence
from math import inf
from typing import Any

from ministack.core.responses import get_account_id, get_region, request_scope

from ratchet.local_cloud.emulator import metric_history
from ratchet.local_cloud.emulator.cloud import Emulator
from ratchet.local_cloud.sagemaker.serving.metrics import NAMESPACE
from ratchet.local_cloud.sagemaker.store import AccountScope
from ratchet.local_cloud.sagemaker.switches import Switches

Alarm = dict[str, Any]
Point = dict[str, Any]

_LOG = logging.getLogger("ratchet.alarms")
_TICK_SECONDS = 0.25
_COMPACT_SECONDS = 60.0
_SHORTEST_PERIOD = 1.0
_HELD_SECONDS = 30.0  # CloudWatch evaluates once a minute, so what SetAlarmState set lasts a while
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanOrEqualToThreshold": operator.le,
    "LessThanThreshold": operator.lt,
}
_TIME = "%Y-%m-%dT%H:%M:%S.%f+0000"


def verdict(breaching: Sequence[bool | None], *, needed: int, missing: str, before: str) -> str:
    """The state of an alarm whose last periods breach (True), do not, or have no data (None).

    ``missing``: ``TreatMissingData``; ``needed``: ``DatapointsToAlarm``; ``before``: the state now.
    """
    reported = [each for each in breaching if each is not None]
    if not reported and missing == "ignore":
        return before
    if not reported and missing == "missing":
        return "INSUFFICIENT_DATA"
    filled = {"breaching": True, "notBreaching": False}.get(missing)
    considered = reported if filled is None else [filled if b is None else b for b in breaching]
    return "ALARM" if sum(considered) >= needed else "OK"


class Alarms:
    """Evaluates every metric alarm; runs on the server's loop, as MiniStack's handlers do."""

    def __init__(self, cloudwatch: Any, emulator: Emulator, switches: Switches) -> None:
        self._cloudwatch = cloudwatch
        self._emulator = emulator
        self._switches = switches
        self._dispatch = cloudwatch._dispatch_alarm_actions
        self._set_by_hand: dict[str, float] = {}  # alarm ARN → when

    def install(self) -> None:
        """Take the place of MiniStack's evaluation."""
        self._cloudwatch._evaluate_alarm = self.evaluate
        self._cloudwatch._dispatch_alarm_actions = self._changed

    async def run(self) -> None:
        """Evaluate for as long as the server lives: data gets old without a request."""
        compacted = time.monotonic()
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            if time.monotonic() - compacted > _COMPACT_SECONDS:
                compacted = time.monotonic()
                metric_history.compact(self._cloudwatch, time.time())
            for (account, region, _), alarm in list(self._cloudwatch._alarms._data.items()):
                try:
                    with request_scope(account, region):
                        self.evaluate(alarm)
                except Exception:
                    _LOG.exception("alarm %s could not be evaluated", alarm.get("AlarmName"))

    def evaluate(self, alarm: Alarm) -> None:
        """Bring an alarm's state up to date, in the account and region of the current scope."""
        compare = _COMPARISONS.get(alarm.get("ComparisonOperator") or "")
        if not alarm.get("Namespace") or not alarm.get("MetricName") or compare is None:
            return
        if time.monotonic() - self._set_by_hand.get(alarm["AlarmArn"], -inf) < _HELD_SECONDS:
            return
        values = self._values(alarm)
        threshold = float(alarm["Threshold"])
        before = alarm["StateValue"]
        after = verdict(
            [None if value is None else compare(value, threshold) for value in values],
            needed=int(alarm.get("DatapointsToAlarm") or alarm["EvaluationPeriods"]),
            missing=alarm.get("TreatMissingData") or "missing",
            before=before,
        )
        if after == before:
            return
        shown = ", ".join("no data" if value is None else f"{value:g}" for value in values)
        reason = f"Threshold Crossed: {alarm['MetricName']} [{shown}], newest first: {after}"
        if after != "INSUFFICIENT_DATA":
            reason += f" ({alarm['ComparisonOperator']} {threshold:g})"
        alarm["StateValue"] = after
        alarm["StateReason"] = reason
        alarm["StateUpdatedTimestamp"] = int(time.time())
        self._cloudwatch._record_history(alarm["AlarmName"], before, after, reason)
        self._tell(alarm, before, after, reason)
        self._cloudwatch._evaluate_parent_alarms(alarm)

    def _values(self, alarm: Alarm) -> list[float | None]:
        """The statistic of each of the alarm's periods, the newest first; None without data."""
        period = float(alarm.get("Period") or 60)
        if alarm["Namespace"] == NAMESPACE:
            # Endpoints' deployments run on the scaled clock, and so do the alarms that watch them.
            period = max(_SHORTEST_PERIOD, period * self._switches.time_scale)
        periods = int(alarm["EvaluationPeriods"])
        now = time.time()
        points = self._points(alarm, now - period * periods)
        buckets: list[list[Point]] = [[] for _ in range(periods)]
        for point in points:
            age = now - point["Timestamp"]
            if 0 <= age < period * periods:
                buckets[int(age // period)].append(point)
        return [self._statistic(alarm, bucket) for bucket in buckets]

    def _points(self, alarm: Alarm, oldest: float) -> list[Point]:
        dimensions = self._cloudwatch._dims_from_list(alarm.get("Dimensions") or [])
        key = (alarm["Namespace"], alarm["MetricName"], self._cloudwatch._dims_key(dimensions))
        recent = []
        unit = alarm.get("Unit")
        for point in reversed(self._cloudwatch._metrics.get(key) or []):
            if point["Timestamp"] >= oldest and unit in (None, point["Unit"]):
                recent.append(point)
            elif point["Timestamp"] < oldest - 3600:
                break  # points come in nearly in order, so there is nothing newer behind
        return recent

    def _statistic(self, alarm: Alarm, points: list[Point]) -> float | None:
        if not points:
            return None
        name = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average"
        statistics = self._cloudwatch._calc_stats(points)
        value = self._cloudwatch._stat_value(statistics, name, points) if statistics else None
        return None if value is None else float(value)

    def _changed(self, alarm: Alarm, before: str, after: str, reason: str) -> None:
        """MiniStack changed a state: by SetAlarmState, or a composite alarm's by its children's."""
        if "AlarmRule" not in alarm:
            self._set_by_hand[alarm["AlarmArn"]] = time.monotonic()
        self._tell(alarm, before, after, reason)

    def _tell(self, alarm: Alarm, before: str, after: str, reason: str) -> None:
        """SNS as MiniStack does it, then the event."""
        self._dispatch(alarm, before, after, reason)
        now = dt.datetime.now(dt.UTC).strftime(_TIME)
        metric = {
            "namespace": alarm.get("Namespace"),
            "name": alarm.get("MetricName"),
            "dimensions": {
                dimension["Name"]: dimension["Value"] for dimension in alarm.get("Dimensions") or []
            },
        }
        statistic = {
            "metric": metric,
            "period": alarm.get("Period"),
            "stat": alarm.get("ExtendedStatistic") or alarm.get("Statistic"),
        }
        detail = {
            "alarmName": alarm["AlarmName"],
            "state": {"value": after, "reason": reason, "timestamp": now},
            "previousState": {"value": before},
            "configuration": {
                "description": alarm.get("AlarmDescription", ""),
                "metrics": [{"id": "m1", "metricStat": statistic, "returnData": True}],
            },
        }
        self._emulator.put_event_of(
            "aws.cloudwatch",
            AccountScope(account=get_account_id(), region=get_region()),
            "CloudWatch Alarm State Change",
            detail,
            [alarm["AlarmArn"]],
        )
