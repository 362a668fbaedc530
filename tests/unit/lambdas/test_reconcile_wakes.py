"""Wakes of the reconciler: lost, repeated, at the same time, and what SQS is told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from notices import _TELLING
from reconcile_champion import handler as entry
from reconcile_champion.claims import LONGEST
from reconcile_champion.settings import ReconcilerSettingError, from_environment
from tests.unit.lambdas.fake_cloud import ARTIFACTS, FakeCloud
from tests.unit.lambdas.fake_serving import ServiceError, arn_of
from tests.unit.lambdas.reconcile_driver import ENVIRONMENT, STATE, Loop


def test_of_concurrent_wakes_one_updates_and_the_others_batch_comes_back(
    loop: Loop, cloud: FakeCloud
) -> None:
    cloud.register(1, "Approved")
    answers: list[dict[str, Any]] = []

    def wake_in_between(name: str, given: Mapping[str, Any]) -> None:
        if name == "UpdateStack" and not answers:
            answers.append({})
            answers[0] = entry.handler({"Records": [{"messageId": "m", "body": ""}]}, None)

    cloud.before = wake_in_between
    loop.wake()
    assert answers == [{"batchItemFailures": [{"itemIdentifier": "m"}]}]
    assert loop.updates == 1


@pytest.mark.parametrize("outlived", [True, False])
def test_a_wake_that_another_overtook_looks_again(
    loop: Loop, cloud: FakeCloud, outlived: bool
) -> None:
    """The other wake promotes a version that this one has not seen, and its claim is over."""
    cloud.register(1, "Approved")
    nested: list[str] = []

    def overtake(name: str, given: Mapping[str, Any]) -> None:
        if name == "PutObject" and not nested:
            nested.append(name)
            cloud.register(2, "Approved")
            loop.wake()
            if outlived:
                cloud.finish_update()

    cloud.before = overtake
    loop.wake()
    assert loop.updates == 1
    assert outlived == (loop.told == ["version 2 serves"])


def test_the_claim_of_a_wake_that_was_ended_is_over_after_a_while(
    loop: Loop, cloud: FakeCloud
) -> None:
    cloud.register(1, "Approved")

    def end(name: str, given: Mapping[str, Any]) -> None:
        if name == "UpdateStack":
            raise KeyboardInterrupt

    cloud.before = end
    with pytest.raises(KeyboardInterrupt):
        loop.wake()
    cloud.before = lambda name, given: None
    message = {"Records": [{"messageId": "m", "body": ""}]}
    assert entry.handler(message, None)["batchItemFailures"], "perhaps it is still at it"
    cloud.advance(LONGEST.total_seconds())
    loop.wake()
    assert loop.wanted["ChampionVersion"] == "1"


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


def test_what_sns_refuses_is_told_by_the_next_wake_and_counted_until_then(
    loop: Loop, cloud: FakeCloud, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.register(1, "Approved")
    loop.wake()
    cloud.finish_update()

    def refuse(name: str, given: Mapping[str, Any]) -> None:
        if name == "Publish":
            raise ServiceError("AuthorizationError", "not allowed by the topic's policy")

    cloud.before = refuse
    for _ in range(2):
        loop.wake()
    assert loop.told == []
    waiting = [d["Value"] for _, d in cloud.metrics if d["MetricName"] == "NoticesWaiting"]
    assert waiting == [1, 1]
    refusals = [line for line in capsys.readouterr().out.splitlines() if '"ERROR"' in line]
    assert len(refusals) == 2
    assert "not allowed by the topic's policy" in refusals[0]
    cloud.before = lambda name, given: None
    for _ in range(2):
        loop.wake()
    assert loop.told == ["version 1 serves"]
    assert len(waiting) == 2


def test_a_wake_that_was_ended_while_it_told_leaves_it_to_a_later_one(
    loop: Loop, cloud: FakeCloud
) -> None:
    cloud.register(1, "Approved")
    loop.wake()
    cloud.finish_update()

    def end(name: str, given: Mapping[str, Any]) -> None:
        if name == "Publish":
            raise KeyboardInterrupt

    cloud.before = end
    with pytest.raises(KeyboardInterrupt):
        loop.wake()
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


def test_a_memory_of_before_notices_could_wait_is_still_read(loop: Loop, cloud: FakeCloud) -> None:
    loop.deploy(1)
    earlier = {"format": 1, "served": "1", "problem": None, "telling": None, "since": None}
    cloud.buckets[ARTIFACTS][STATE].body = json.dumps(earlier).encode()
    loop.wake()
    assert loop.told == ["version 1 serves"]
    cloud.buckets[ARTIFACTS][STATE].body = json.dumps({**earlier, "served": "0"}).encode()
    loop.wake()
    assert loop.told == ["version 1 serves"] * 2


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
    marked, promoted, notice = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (marked["decision"], marked["version"], marked["level"]) == ("markfailed", 2, "WARNING")
    assert (promoted["decision"], promoted["version"]) == ("promote", 1)
    assert notice["decision"] == "tell"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("SERVING_STACK", "", "SERVING_STACK is not set"),
        ("WHEN_NONE_LEFT", "panic", "WHEN_NONE_LEFT is 'panic'; expected keep or take-down"),
        ("MONITOR_ENGINE", "x", "MONITOR_ENGINE is 'x'; expected auto or model-monitor or pipel"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(name: str, value: str, message: str) -> None:
    with pytest.raises(ReconcilerSettingError, match=message):
        from_environment({**ENVIRONMENT, name: value})
