"""Wakes of the reconciler: lost, repeated, at the same time, and what SQS is told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from reconcile_champion import handler as entry
from reconcile_champion.memory import _TELLING
from reconcile_champion.settings import SettingError, from_environment
from tests.unit.lambdas.fake_cloud import ARTIFACTS, FakeCloud
from tests.unit.lambdas.fake_serving import ServiceError, arn_of
from tests.unit.lambdas.reconcile_driver import ENVIRONMENT, STATE, Loop


def test_concurrent_wakes_send_the_same_token_so_one_update_begins(
    loop: Loop, cloud: FakeCloud
) -> None:
    cloud.register(1, "Approved")
    nested: list[str] = []

    def wake_in_between(name: str, given: Mapping[str, Any]) -> None:
        if name == "UpdateStack" and not nested:
            nested.append(name)
            loop.wake()

    cloud.before = wake_in_between
    loop.wake()
    tokens = [g["ClientRequestToken"] for name, g in cloud.calls if name == "UpdateStack"]
    assert len(tokens) == 2
    assert len(set(tokens)) == 1
    assert cloud.stack is not None
    assert len(cloud.stack.events) == 1, "one operation"


def test_of_concurrent_wakes_one_tells(loop: Loop, cloud: FakeCloud) -> None:
    cloud.register(1, "Approved")
    loop.wake()
    cloud.finish_update()
    nested: list[str] = []

    def wake_in_between(name: str, given: Mapping[str, Any]) -> None:
        if name == "Publish" and not nested:
            nested.append(name)
            loop.wake()

    cloud.before = wake_in_between
    loop.wake()
    assert nested
    assert loop.told == ["version 1 serves"]


def test_what_a_wake_did_not_get_to_tell_is_told_by_a_later_one(
    loop: Loop, cloud: FakeCloud
) -> None:
    cloud.register(1, "Approved")
    loop.wake()
    cloud.finish_update()

    def refuse(name: str, given: Mapping[str, Any]) -> None:
        if name == "Publish":
            raise ServiceError("InternalError", status=500)

    cloud.before = refuse
    assert entry.handler({"Records": [{"messageId": "m", "body": ""}]}, None)["batchItemFailures"]
    cloud.before = lambda name, given: None
    loop.wake()
    assert loop.told == [], "perhaps the other wake is still at it"
    cloud.advance(_TELLING.total_seconds())
    loop.wake()
    assert loop.told == ["version 1 serves"]


def test_repeated_events_change_nothing(loop: Loop, cloud: FakeCloud) -> None:
    loop.deploy(1)
    stored = cloud.buckets[ARTIFACTS][STATE].etag
    for _ in range(5):
        loop.wake({"detail": {"ModelApprovalStatus": "Approved"}})
    assert (loop.updates, len(loop.told)) == (1, 1)
    assert cloud.buckets[ARTIFACTS][STATE].etag == stored, "not even the state is written"


def test_with_every_event_lost_one_tick_of_the_schedule_is_enough(
    loop: Loop, cloud: FakeCloud
) -> None:
    cloud.register(1, "Approved")
    cloud.register(2, "Approved")
    cloud.reject(2)
    cloud.register(3)
    loop.wake({"source": "aws.scheduler"})
    assert loop.wanted["ChampionVersion"] == "1"


def test_an_event_is_not_believed(loop: Loop, cloud: FakeCloud) -> None:
    cloud.register(1)
    loop.wake({"detail": {"ModelPackageArn": arn_of(1), "ModelApprovalStatus": "Approved"}})
    assert loop.updates == 0


def test_a_busy_stack_is_left_alone_until_its_own_event(loop: Loop, cloud: FakeCloud) -> None:
    loop.deploy(1)
    cloud.register(2, "Approved")
    assert cloud.stack is not None
    cloud.stack.status = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
    loop.wake()
    assert loop.updates == 1
    cloud.stack.status = "UPDATE_COMPLETE"
    loop.wake()
    assert loop.updates == 2


def test_a_stack_that_becomes_busy_between_look_and_update_is_waited_for(
    loop: Loop, cloud: FakeCloud, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.register(1, "Approved")

    def deploy_at_the_same_time(name: str, given: Mapping[str, Any]) -> None:
        if name == "UpdateStack" and cloud.stack:
            cloud.stack.status = "UPDATE_IN_PROGRESS"

    cloud.before = deploy_at_the_same_time
    loop.wake()
    assert json.loads(capsys.readouterr().out)["decision"] == "wait"


def test_nothing_to_update_is_no_error(
    loop: Loop, cloud: FakeCloud, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.register(1, "Approved")

    def same(name: str, given: Mapping[str, Any]) -> None:
        if name == "UpdateStack":
            raise ServiceError("ValidationError", "No updates are to be performed.")

    cloud.before = same
    loop.wake()
    assert json.loads(capsys.readouterr().out)["decision"] == "nothing"


def test_a_serving_stack_that_is_not_deployed_yet_is_no_error(loop: Loop, cloud: FakeCloud) -> None:
    cloud.stack = None
    cloud.register(1, "Approved")
    loop.wake()
    assert loop.told == []


def test_an_unreadable_memory_costs_one_repeated_notice(loop: Loop, cloud: FakeCloud) -> None:
    loop.deploy(1)
    cloud.buckets[ARTIFACTS][STATE].body = b"{"
    loop.wake()
    loop.wake()
    assert loop.told == ["version 1 serves", "version 1 serves"]


def test_of_a_hundred_versions_only_the_newest_approved_are_looked_at(
    loop: Loop, cloud: FakeCloud
) -> None:
    for version in range(1, 101):
        cloud.register(version, "Approved")
    loop.wake()
    assert loop.wanted["ChampionVersion"] == "100"
    assert cloud.count("DescribeModelPackage") <= 3


def test_a_wake_with_nothing_to_do_costs_few_calls(loop: Loop, cloud: FakeCloud) -> None:
    loop.deploy(1)
    cloud.calls.clear()
    loop.wake()
    assert len(cloud.calls) <= 9


# -- the entry point ----------------------------------------------------------------------------


def test_called_by_hand_it_raises_since_there_is_no_message_to_give_back(
    loop: Loop, cloud: FakeCloud
) -> None:
    del cloud.buckets[ARTIFACTS]
    with pytest.raises(KeyError):
        entry.handler({}, None)


def test_each_decision_is_one_line_of_json(
    loop: Loop, cloud: FakeCloud, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.register(1, "Approved")
    cloud.register(2, "Approved")
    loop.wake()
    cloud.fail_update()
    capsys.readouterr()
    loop.wake()
    marked, promoted = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (marked["decision"], marked["version"], marked["level"]) == ("markfailed", 2, "WARNING")
    assert (promoted["decision"], promoted["version"]) == ("promote", 1)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("SERVING_STACK", "", "SERVING_STACK is not set"),
        ("WHEN_NONE_LEFT", "panic", "WHEN_NONE_LEFT is 'panic'; expected keep or take-down"),
        ("MONITOR_ENGINE", "x", "MONITOR_ENGINE is 'x'; expected auto or model-monitor or pipel"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(name: str, value: str, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        from_environment({**ENVIRONMENT, name: value})
