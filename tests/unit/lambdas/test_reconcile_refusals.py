"""Whichever call AWS refuses, the same versions serve and are marked, and people are told once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.unit.lambdas.fake_cloud import FakeCloud
from tests.unit.lambdas.fake_serving import MONITORING_SCHEDULE, arn_of
from tests.unit.lambdas.reconcile_driver import Loop
from tests.unit.lambdas.refusals import RefuseNth, refuse

VISIBILITY = 180


def deliver(loop: Loop) -> None:
    """One message, again and again until it is handled, as SQS does."""
    for _ in range(4):
        if not loop.handle({})["batchItemFailures"]:
            return
        loop.cloud.advance(VISIBILITY)
    raise AssertionError("the message became a dead letter")


def version_2_is_on_its_way(loop: Loop, cloud: FakeCloud) -> None:
    """Version 1 serves."""
    cloud.register(1, "Approved")
    deliver(loop)
    cloud.finish_update()
    deliver(loop)
    cloud.register(2, "Approved")
    deliver(loop)


def a_promotion_fails(loop: Loop, cloud: FakeCloud) -> None:
    """Version 2 comes after version 1, and cannot be deployed."""
    version_2_is_on_its_way(loop, cloud)
    cloud.fail_update()


def the_endpoint_rolls_back(loop: Loop, cloud: FakeCloud) -> None:
    """Version 2 comes after version 1, and an alarm of the endpoint goes off."""
    version_2_is_on_its_way(loop, cloud)
    cloud.roll_back_silently()
    deliver(loop)
    cloud.finish_update()


def the_version_is_rejected(loop: Loop, cloud: FakeCloud) -> None:
    """Version 2 serves, and is not approved any more."""
    a_version_serves_after_all(loop, cloud)
    cloud.advance(3600)
    cloud.reject(2)
    deliver(loop)
    cloud.finish_update()


def a_version_serves_after_all(loop: Loop, cloud: FakeCloud) -> None:
    """Version 2 fails once, and is approved once more."""
    a_promotion_fails(loop, cloud)
    deliver(loop)
    cloud.advance(3600)
    cloud.approve(2)
    deliver(loop)
    cloud.finish_update()
    deliver(loop)


def aws_refuses_model_monitor(loop: Loop, cloud: FakeCloud) -> None:
    """Version 2 is deployed with the project's own monitoring."""
    cloud.register(2, "Approved")
    deliver(loop)
    cloud.fail_update(MONITORING_SCHEDULE, "not available to new customers")
    deliver(loop)
    cloud.finish_update()


History = Callable[[Loop, FakeCloud], None]
HISTORIES: dict[str, tuple[History, int, bool]] = {
    # Which version serves at the end, and whether version 2 has a mark.
    "fails": (a_promotion_fails, 1, True),
    "rolls back": (the_endpoint_rolls_back, 1, True),
    "rejected": (the_version_is_rejected, 1, False),
    "serves after all": (a_version_serves_after_all, 2, False),
    "other monitor": (aws_refuses_model_monitor, 2, False),
}


def ends_well(loop: Loop, cloud: FakeCloud, *, serving: int, marked: bool) -> None:
    assert (loop.champion, loop.serving) == (str(serving), arn_of(serving))
    assert (cloud.mark_of(2) is not None) == marked


@pytest.mark.parametrize("history", ["rolls back", "rejected", "other monitor"])
def test_each_call_of_a_history_refused_once_ends_as_if_none_was(
    loop: Loop, cloud: FakeCloud, history: str
) -> None:
    run, serving, marked = HISTORIES[history]
    run(loop, cloud)
    deliver(loop)
    expected, calls = list(loop.told), len(cloud.calls)
    ends_well(loop, cloud, serving=serving, marked=marked)
    for number in range(1, calls + 1):
        FakeCloud.__init__(cloud)
        refusal = RefuseNth(number)
        cloud.before = refusal
        run(loop, cloud)
        deliver(loop)
        deliver(loop)  # the next tick of the schedule
        ends_well(loop, cloud, serving=serving, marked=marked)
        # What was told and could not be written down may be told once more.
        twice = refusal.calls[number - 2 : number] == ["Publish", "PutObject"]
        assert set(loop.told) == set(expected), f"call {number}, {refusal.calls[number - 1]}"
        assert len(expected) <= len(loop.told) <= len(expected) + twice


@pytest.mark.parametrize("names", [("Publish",), ("PutMetricData",), ("Publish", "PutMetricData")])
@pytest.mark.parametrize("history", HISTORIES)
def test_what_only_tells_may_be_refused_for_ever(
    loop: Loop, cloud: FakeCloud, history: str, names: tuple[str, ...]
) -> None:
    run, serving, marked = HISTORIES[history]
    run(loop, cloud)
    deliver(loop)
    expected = list(loop.told)
    FakeCloud.__init__(cloud)
    cloud.before = refuse(*names)
    run(loop, cloud)
    deliver(loop)
    ends_well(loop, cloud, serving=serving, marked=marked)
    cloud.before = lambda name, given: None
    deliver(loop)
    assert sorted(loop.told) == sorted(expected), "told once SNS takes it"
    assert cloud.count("Publish") >= len(expected)
