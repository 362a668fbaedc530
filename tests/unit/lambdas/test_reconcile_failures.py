"""A promotion that fails keeps the old champion serving, and is told once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconcile_champion import handler as entry
from tests.unit.lambdas.fake_cloud import FakeCloud
from tests.unit.lambdas.fake_serving import MARK, MONITORING_SCHEDULE, STACK, ServiceError, arn_of
from tests.unit.lambdas.reconcile_driver import Loop


def test_a_failed_update_keeps_the_old_champion_marks_the_package_and_tells_once(
    loop: Loop, cloud: FakeCloud
) -> None:
    loop.deploy(1)
    cloud.register(2, "Approved")
    loop.wake()
    cloud.fail_update(why="It did not pass the ping health check.")
    for _ in range(4):
        loop.wake()
    assert (loop.champion, loop.serving, loop.updates) == ("1", arn_of(1), 2)
    mark = cloud.mark_of(2)
    assert mark is not None
    assert mark.startswith("failed 2013-04-01T12:20:00Z: It AWS::SageMaker::Endpoint")
    assert "ping health check" in mark
    assert loop.told[1:] == ["version 2 could not be deployed"]
    assert "Version 1 goes on serving." in loop.text()
    assert "ratchet approve 2 --env dev" in loop.text()
    assert loop.blocked == 1


def test_the_metadata_that_was_there_stays_beside_the_mark(loop: Loop, cloud: FakeCloud) -> None:
    cloud.register(1, "Approved")
    loop.wake()
    cloud.fail_update()
    loop.wake()
    metadata = cloud.packages[arn_of(1)]["CustomerMetadataProperties"]
    assert metadata["execution"] == "run1"
    assert MARK in metadata
    assert "Nothing serves." in loop.text()


def test_a_version_that_failed_is_tried_again_once_it_is_approved_again(
    loop: Loop, cloud: FakeCloud
) -> None:
    loop.deploy(1)
    cloud.register(2, "Approved")
    loop.wake()
    cloud.fail_update()
    loop.wake()
    cloud.advance(3600)
    cloud.approve(2)
    loop.wake()
    cloud.finish_update()
    loop.wake()
    assert loop.serving == arn_of(2)
    assert cloud.mark_of(2) is None, "it serves, so the mark is gone"
    assert loop.blocked == 0


def test_a_version_whose_mark_somebody_removed_is_tried_again_at_once(
    loop: Loop, cloud: FakeCloud
) -> None:
    cloud.register(1, "Approved")
    loop.wake()
    cloud.fail_update()
    loop.wake()
    cloud.advance(5)
    del cloud.packages[arn_of(1)]["CustomerMetadataProperties"][MARK]
    cloud.approve(1)
    loop.wake()
    assert loop.updates == 2
    assert loop.wanted["ChampionVersion"] == "1"


def test_a_version_that_fails_twice_is_told_twice(loop: Loop, cloud: FakeCloud) -> None:
    cloud.register(1, "Approved")
    for _ in range(2):
        loop.wake()
        cloud.fail_update()
        loop.wake()
        cloud.advance(3600)
        cloud.approve(1)
    assert loop.told == ["version 1 could not be deployed"] * 2


def test_a_newer_version_is_deployed_past_one_that_failed(loop: Loop, cloud: FakeCloud) -> None:
    cloud.register(1, "Approved")
    loop.wake()
    cloud.fail_update()
    loop.wake()
    loop.deploy(2)
    assert loop.serving == arn_of(2)


def test_an_endpoint_that_rolled_back_silently_is_noticed_and_the_stack_set_back(
    loop: Loop, cloud: FakeCloud
) -> None:
    loop.deploy(1)
    cloud.register(2, "Approved")
    loop.wake()
    cloud.roll_back_silently()
    assert loop.champion == "2", "CloudFormation believes that it went well"
    loop.wake()
    assert loop.wanted["ChampionVersion"] == "1", "in the same wake"
    assert cloud.mark_of(2) is not None
    cloud.finish_update()
    loop.wake()
    assert (loop.champion, loop.serving, loop.updates) == ("1", arn_of(1), 3)
    assert loop.told[1:] == ["version 2 could not be deployed"]
    assert "Version 1 goes on serving." in loop.text()


def test_a_failed_deploy_of_a_person_is_not_a_failed_promotion(
    loop: Loop, cloud: FakeCloud
) -> None:
    cloud.register(1, "Approved")
    loop.wake()
    assert cloud.stack is not None
    cloud.stack.events.clear()
    cloud.stack.token = "exec-of-the-cdk"
    cloud.fail_update()
    loop.wake()
    assert cloud.mark_of(1) is None
    assert loop.updates == 2, "tried again"


def test_a_crash_between_telling_and_marking_marks_later_and_tells_no_second_time(
    loop: Loop, cloud: FakeCloud
) -> None:
    cloud.register(1, "Approved")
    loop.wake()
    cloud.fail_update()

    def refuse(name: str, given: Mapping[str, Any]) -> None:
        if name == "UpdateModelPackage":
            raise ServiceError("AccessDeniedException")

    cloud.before = refuse
    answer = entry.handler({"Records": [{"messageId": "m", "body": ""}]}, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m"}]}
    cloud.before = lambda name, given: None
    loop.wake()
    assert cloud.mark_of(1) is not None
    assert loop.told == ["version 1 could not be deployed"]


def test_where_aws_refuses_model_monitor_the_version_serves_with_the_pipeline_and_says_so(
    loop: Loop, cloud: FakeCloud
) -> None:
    cloud.register(1, "Approved")
    loop.wake()
    cloud.fail_update(MONITORING_SCHEDULE, "Model Monitor is not available to new customers.")
    loop.wake()
    assert loop.wanted["MonitorEngine"] == "pipeline"
    cloud.finish_update()
    loop.wake()
    assert (loop.serving, cloud.mark_of(1)) == (arn_of(1), None)
    assert loop.told == ["monitoring goes on without Model Monitor", "version 1 serves"]
    assert "not available to new customers" in loop.text(0)
    loop.deploy(2)
    assert loop.updates == 3, "the next version asks for the pipeline at once"


def test_a_stack_that_needs_a_person_is_told_once_with_the_command(
    loop: Loop, cloud: FakeCloud
) -> None:
    loop.deploy(1)
    assert cloud.stack is not None
    cloud.stack.status, cloud.stack.reason = "UPDATE_ROLLBACK_FAILED", "no permission"
    for _ in range(3):
        loop.wake()
    assert loop.told[1:] == ["the deployment needs you"]
    assert f"continue-update-rollback --stack-name {STACK}" in loop.text()
    assert loop.blocked == 1
    cloud.stack.status = "UPDATE_ROLLBACK_COMPLETE"
    loop.wake()
    assert loop.blocked == 0
