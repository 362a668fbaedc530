"""Approved means deployed, rejected means rolled back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.unit.lambdas.fake_cloud import FakeCloud
from tests.unit.lambdas.fake_serving import MONITORING_SCHEDULE, arn_of
from tests.unit.lambdas.reconcile_driver import Loop

# -- approve ------------------------------------------------------------------------------------


def test_approved_means_deployed_with_its_own_baselines(loop: Loop, cloud: FakeCloud) -> None:
    cloud.register(1)
    loop.wake()
    assert loop.updates == 0, "not approved yet"
    cloud.approve(1)
    loop.wake()
    assert loop.wanted == {
        "ChampionModelPackageArn": arn_of(1),
        "ChampionVersion": "1",
        "BaselineUri": "s3://artifacts/runs/1/ModelDataQuality",
        "QualityBaselineUri": "s3://artifacts/runs/1/ModelQuality",
        "MonitorEngine": "model-monitor",
        "BootstrapVersion": "/cdk-bootstrap/hnb659fds/version",
    }
    cloud.finish_update()
    loop.wake()
    assert (loop.champion, loop.serving) == ("1", arn_of(1))
    assert loop.told == ["version 1 serves"]
    assert "ratchet status --env dev" in loop.text()
    assert loop.blocked == 0


def test_a_version_that_passed_an_automatic_gate_is_deployed(loop: Loop, cloud: FakeCloud) -> None:
    cloud.register(1, "Approved")
    loop.wake()
    assert loop.wanted["ChampionVersion"] == "1"


def test_a_newer_version_takes_over(loop: Loop) -> None:
    loop.deploy(1)
    loop.deploy(2)
    assert loop.serving == arn_of(2)
    assert loop.told == ["version 1 serves", "version 2 serves"]
    assert "in place of version 1" in loop.text()


def test_approving_an_older_version_while_a_newer_one_is_approved_changes_nothing(
    loop: Loop, cloud: FakeCloud, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.register(1)
    loop.deploy(2)
    cloud.approve(1)
    capsys.readouterr()
    loop.wake()
    assert (loop.updates, len(loop.told)) == (1, 1)
    line = json.loads(capsys.readouterr().out)
    assert "version 1 is approved too, and older" in line["why"]


def test_a_baseline_that_is_not_where_a_monitor_can_read_it_is_none(
    loop: Loop, cloud: FakeCloud
) -> None:
    scattered = {
        "ModelDataQuality": {
            "Statistics": {"ContentType": "application/json", "S3Uri": "s3://a/1/statistics.json"},
            "Constraints": {
                "ContentType": "application/json",
                "S3Uri": "s3://a/2/constraints.json",
            },
        }
    }
    cloud.register(1, "Approved", DriftCheckBaselines=scattered)
    loop.wake()
    assert (loop.wanted["BaselineUri"], loop.wanted["QualityBaselineUri"]) == ("none", "none")


# -- reject -------------------------------------------------------------------------------------


def test_rejecting_the_serving_version_rolls_back_to_the_one_before_and_its_baseline(
    loop: Loop, cloud: FakeCloud
) -> None:
    loop.deploy(1)
    loop.deploy(2)
    cloud.reject(2)
    loop.wake()
    assert loop.wanted["BaselineUri"] == "s3://artifacts/runs/1/ModelDataQuality"
    cloud.finish_update()
    loop.wake()
    assert loop.serving == arn_of(1)
    assert loop.told[-1] == "rolled back: version 1 serves again"
    assert "Version 2 was rejected." in loop.text()


def test_rejecting_a_version_that_does_not_serve_changes_nothing(
    loop: Loop, cloud: FakeCloud
) -> None:
    loop.deploy(1)
    cloud.register(2)
    cloud.reject(2)
    loop.wake()
    assert loop.updates == 1


def test_rejecting_the_last_version_keeps_it_loudly_and_once(loop: Loop, cloud: FakeCloud) -> None:
    loop.deploy(1)
    cloud.reject(1)
    for _ in range(3):
        loop.wake()
    assert loop.updates == 1
    assert loop.told[1:] == ["a version that is not approved goes on serving"]
    assert "Version 1 is rejected" in loop.text()
    assert loop.blocked == 1


def test_rejecting_the_last_version_takes_the_endpoint_down_if_the_setting_says_so(
    loop: Loop, cloud: FakeCloud
) -> None:
    loop.set(WHEN_NONE_LEFT="take-down")
    loop.deploy(1)
    cloud.reject(1)
    loop.wake()
    cloud.finish_update()
    loop.wake()
    loop.wake()
    assert (loop.champion, loop.serving) == ("none", "none")
    assert loop.told[1:] == ["nothing serves: the endpoint was taken down"]


def test_after_a_take_down_the_next_approval_deploys(loop: Loop, cloud: FakeCloud) -> None:
    loop.set(WHEN_NONE_LEFT="take-down")
    loop.deploy(1)
    cloud.reject(1)
    loop.wake()
    cloud.finish_update()
    loop.wake()
    loop.deploy(2)
    assert loop.serving == arn_of(2)


def test_a_version_that_is_approved_again_after_it_was_kept_is_in_order(
    loop: Loop, cloud: FakeCloud
) -> None:
    loop.deploy(1)
    cloud.reject(1)
    loop.wake()
    cloud.approve(1)
    loop.wake()
    assert (loop.updates, loop.blocked) == (1, 0)


def test_deleting_the_serving_package_rolls_back_to_another_approved_one(
    loop: Loop, cloud: FakeCloud
) -> None:
    loop.deploy(1)
    loop.deploy(2)
    del cloud.packages[arn_of(2)]
    loop.wake()
    cloud.finish_update()
    loop.wake()
    assert loop.serving == arn_of(1)
    assert "Version 2 is deleted from the registry." in loop.text()


def test_a_package_that_is_deleted_between_listing_and_look_is_passed_over(
    loop: Loop, cloud: FakeCloud
) -> None:
    cloud.register(1, "Approved")
    cloud.register(2, "Approved")

    def delete(name: str, given: Mapping[str, Any]) -> None:
        if name == "DescribeModelPackage" and given["ModelPackageName"] == arn_of(2):
            cloud.packages.pop(arn_of(2), None)

    cloud.before = delete
    loop.wake()
    assert loop.wanted["ChampionVersion"] == "1"


def test_a_package_of_another_group_is_never_deployed(loop: Loop, cloud: FakeCloud) -> None:
    foreign = arn_of(9, group="others")
    cloud.packages[foreign] = {
        **cloud.packages[cloud.register(1)],
        "ModelPackageArn": foreign,
        "ModelPackageGroupName": "others",
        "ModelApprovalStatus": "Approved",
    }
    loop.wake({"detail": {"ModelPackageArn": foreign, "ModelApprovalStatus": "Approved"}})
    assert loop.updates == 0


# -- what its calls never carry -----------------------------------------------------------------


def test_an_update_never_brings_a_template_or_a_role(loop: Loop, cloud: FakeCloud) -> None:
    loop.set(WHEN_NONE_LEFT="take-down")
    loop.deploy(1)
    cloud.register(2, "Approved")
    loop.wake()
    cloud.fail_update(MONITORING_SCHEDULE)
    loop.wake()
    cloud.finish_update()
    loop.wake()
    for version in (2, 1):
        cloud.reject(version)
        loop.wake()
        cloud.finish_update()
    updates = [request for name, request in cloud.calls if name == "UpdateStack"]
    assert len(updates) == 5, "promote, promote, other monitor, roll back, take down"
    expected = {"StackName", "UsePreviousTemplate", "Parameters", "Capabilities"}
    for given in updates:
        assert set(given) == expected | {"ClientRequestToken"}
        assert given["UsePreviousTemplate"] is True


def test_marking_and_unmarking_a_version_never_approves_it(loop: Loop, cloud: FakeCloud) -> None:
    cloud.register(1, "Approved")
    for end in (cloud.fail_update, cloud.finish_update):
        loop.wake()
        end()
        loop.wake()
        cloud.advance(3600)
        cloud.approve(1)
    changes = [request for name, request in cloud.calls if name == "UpdateModelPackage"]
    assert [set(request) - {"ModelPackageArn"} for request in changes] == [
        {"CustomerMetadataProperties"},
        {"CustomerMetadataPropertiesToRemove"},
    ]
