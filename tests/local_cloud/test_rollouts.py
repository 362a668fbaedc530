"""How traffic goes over in a deployment, and when an alarm is raised."""

from __future__ import annotations

from typing import Any

import pytest

from ratchet.local_cloud.emulator.alarms import verdict
from ratchet.local_cloud.emulator.metric_history import compacted
from ratchet.local_cloud.sagemaker.serving.rollout import RolloutStep, rollout_of
from ratchet.local_cloud.sagemaker.switches import Switches


def blue_green(**routing: Any) -> dict[str, Any]:
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {"WaitIntervalInSeconds": 60, **routing},
            "TerminationWaitInSeconds": 120,
        }
    }


def percent(value: int) -> dict[str, Any]:
    return {"Type": "CAPACITY_PERCENT", "Value": value}


@pytest.mark.parametrize(
    ("deployment", "shares"),
    [
        (None, [1.0]),
        (blue_green(Type="ALL_AT_ONCE"), [1.0]),
        (blue_green(Type="CANARY", CanarySize=percent(10)), [0.1, 1.0]),
        (blue_green(Type="LINEAR", LinearStepSize=percent(33)), [0.33, 0.66, 0.99, 1.0]),
        (blue_green(Type="LINEAR", LinearStepSize=percent(50)), [0.5, 1.0]),
        (
            blue_green(Type="CANARY", CanarySize={"Type": "INSTANCE_COUNT", "Value": 1}),
            [0.25, 1.0],
        ),
        (
            {"RollingUpdatePolicy": {"MaximumBatchSize": percent(40), "WaitIntervalInSeconds": 60}},
            [0.4, 0.8, 1.0],
        ),
    ],
)
def test_traffic_goes_over_in_steps(deployment: Any, shares: list[float]) -> None:
    steps = rollout_of(deployment, instances=4).steps
    assert [step.share for step in steps] == pytest.approx(shares)


def test_each_step_bakes_and_the_old_fleet_waits() -> None:
    plan = rollout_of(blue_green(Type="CANARY", CanarySize=percent(10)), instances=1)
    assert plan.steps == (RolloutStep(0.1, 60.0), RolloutStep(1.0, 60.0))
    assert plan.termination_seconds == 120.0


@pytest.mark.parametrize(
    ("breaching", "needed", "missing", "state"),
    [
        ([True], 1, "missing", "ALARM"),
        ([False], 1, "missing", "OK"),
        ([None], 1, "missing", "INSUFFICIENT_DATA"),
        ([None], 1, "notBreaching", "OK"),
        ([None], 1, "breaching", "ALARM"),
        ([None], 1, "ignore", "BEFORE"),
        ([True, False, True], 2, "missing", "ALARM"),
        ([True, False, False], 2, "missing", "OK"),
        ([True, None], 2, "breaching", "ALARM"),
        ([True, None], 2, "notBreaching", "OK"),
        ([True, None], 1, "missing", "ALARM"),
    ],
)
def test_an_alarm_counts_breaching_periods(
    breaching: list[bool | None], needed: int, missing: str, state: str
) -> None:
    assert verdict(breaching, needed=needed, missing=missing, before="BEFORE") == state


def test_old_metrics_of_endpoints_are_kept_by_the_minute() -> None:
    now = 1_000_000.0
    old = [
        {"Timestamp": now - 3600 + n / 4, "Value": float(n % 2), "Unit": "None"} for n in range(8)
    ]
    recent = {"Timestamp": now - 1, "Value": 1.0, "Count": 3.0, "Unit": "None"}
    ancient = {"Timestamp": now - 30 * 24 * 3600, "Value": 1.0, "Unit": "None"}
    kept = compacted([ancient, *old, recent], now)
    assert [(point["Value"], point.get("Count")) for point in kept] == [(0, 4), (1, 4), (1, 3)]
    assert kept[-1] == recent
    assert compacted(kept, now) == kept


def test_minutes_are_seconds_unless_the_environment_says_otherwise() -> None:
    assert Switches.of({}).time_scale == pytest.approx(1 / 60)
    assert Switches.of({"RATCHET_TIME_SCALE": "1"}).time_scale == 1.0
    with pytest.raises(ValueError, match="RATCHET_TIME_SCALE is 'slow'"):
        Switches.of({"RATCHET_TIME_SCALE": "slow"})


def test_switches_are_changed_all_or_none() -> None:
    switches = Switches()
    with pytest.raises(ValueError, match="monitoring_closed = 'yes'"):
        switches.change({"time_scale": 1, "monitoring_closed": "yes"})
    assert switches == Switches()
    switches.change({"time_scale": 1, "monitoring_closed": True})
    assert switches == Switches(time_scale=1, monitoring_closed=True)
