"""The rules by which the reconciler decides, one by one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ratchet.loop.packages import DEPLOYMENT_MARK_KEY, Baselines
from ratchet.loop.versions import FailureMark, version_in
from reconcile_champion.plan import (
    Kept,
    MarkFailed,
    NoChange,
    Promote,
    PromotionPolicy,
    Serves,
    Stuck,
    SwitchEngine,
    TakeDown,
    Wait,
    blocked,
    plan,
)
from reconcile_champion.seen import Operation, Package, Seen, ServedModel, ServingStackState
from tests.unit.lambdas.fake_serving import EPOCH as NOW
from tests.unit.lambdas.fake_serving import GROUP, NO_CHAMPION, arn_of

POLICY = PromotionPolicy(
    environment="dev",
    group=GROUP,
    stack="serving",
    endpoint="flights-dev",
    keep_when_none_left=True,
    engine="auto",
)
TAKE_DOWN = PromotionPolicy(**{**vars(POLICY), "keep_when_none_left": False})


def package(version: int, approval: str = "Approved", **more: Any) -> Package:
    return Package(
        arn=arn_of(version),
        version=version,
        approval=approval,
        baselines=Baselines(data=f"s3://a/{version}/data", quality=f"s3://a/{version}/quality"),
        **more,
    )


def stack(
    champion: int | None = None, *, status: str = "UPDATE_COMPLETE", **more: str
) -> ServingStackState:
    parameters = dict(NO_CHAMPION)
    if champion is not None:
        parameters |= {
            "ChampionModelPackageArn": arn_of(champion),
            "ChampionVersion": str(champion),
            "BaselineUri": f"s3://a/{champion}/data",
            "QualityBaselineUri": f"s3://a/{champion}/quality",
        }
    return ServingStackState(id="1", status=status, parameters={**parameters, **more}, updated=NOW)


def live(version: int, status: str = "InService") -> ServedModel:
    return ServedModel(status=status, config="config-1", package=arn_of(version))


def seen(**known: Any) -> Seen:
    return Seen(**{"now": NOW, "stack": stack(), **known})


def marked(why: str) -> dict[str, str]:
    return {DEPLOYMENT_MARK_KEY: FailureMark(at=NOW, why=why).text()}


def failed(version: int, **more: Any) -> Package:
    return package(
        version, metadata=marked("the ping failed"), modified=NOW + timedelta(seconds=1), **more
    )


def failure(to: str, **more: Any) -> Operation:
    known = {"to": to, "engine": "model-monitor", "at": NOW, "why": "Endpoint: refused"}
    return Operation(**{**known, **more})


ROLLED_BACK = "UPDATE_ROLLBACK_COMPLETE"


# -- promotion ----------------------------------------------------------------------------------


def test_the_highest_approved_version_is_promoted_with_its_own_baselines() -> None:
    decision = plan(seen(packages=[package(3), package(1)], stack=stack(1), live=live(1)), POLICY)
    assert isinstance(decision, Promote)
    assert decision.changes == {
        "ChampionModelPackageArn": arn_of(3),
        "ChampionVersion": "3",
        "BaselineUri": "s3://a/3/data",
        "QualityBaselineUri": "s3://a/3/quality",
    }


@pytest.mark.parametrize(
    ("now", "recorded", "promoted"),
    [
        ("0.5", "0.37", "0.37"),
        ("0.37", None, "0.5"),
        ("0.5", "0.50", None),
        ("0.5", "1e-05", "0.00001"),
        ("0.5", "1.0", "1"),
        ("0.5", "nan", None),
        ("1", "1.0", None),
    ],
)
def test_a_version_is_promoted_with_the_threshold_that_it_was_judged_at(
    now: str, recorded: str | None, promoted: str | None
) -> None:
    metadata = {} if recorded is None else {"threshold": recorded}
    decision = plan(
        seen(
            packages=[package(3, metadata=metadata)],
            stack=stack(1, ProbabilityThreshold=now),
            live=live(1),
        ),
        POLICY,
    )
    assert isinstance(decision, Promote)
    assert decision.changes.get("ProbabilityThreshold") == promoted


def test_a_champion_that_is_watched_at_another_threshold_is_deployed_again() -> None:
    served = package(3, metadata={"threshold": "0.37"})
    watched = stack(3, ProbabilityThreshold="0.5")
    decision = plan(seen(packages=[served], stack=watched, live=live(3)), POLICY)
    assert isinstance(decision, Promote)
    assert decision.changes == {"ProbabilityThreshold": "0.37"}
    watched = stack(3, ProbabilityThreshold="0.37")
    assert isinstance(plan(seen(packages=[served], stack=watched, live=live(3)), POLICY), Serves)


def test_a_version_without_a_baseline_is_promoted_without_a_monitor() -> None:
    bare = Package(arn=arn_of(1), version=1, approval="Approved")
    decision = plan(seen(packages=[bare]), POLICY)
    assert isinstance(decision, Promote)
    assert "BaselineUri" not in decision.changes, "it is none already"


def test_a_version_that_is_not_complete_is_not_promoted() -> None:
    assert isinstance(plan(seen(packages=[package(1, status="Failed")]), POLICY), NoChange)


def test_without_an_approved_version_nothing_is_done() -> None:
    assert plan(seen(), POLICY) == NoChange(why="no version of flights-dev is approved")


def test_approving_an_older_version_changes_nothing_and_says_how_to_go_back_to_it() -> None:
    decision = plan(seen(packages=[package(3), package(2)], stack=stack(3), live=live(3)), POLICY)
    assert isinstance(decision, Serves)
    assert "version 2 is approved too, and older" in decision.why
    assert "ratchet reject 3 --env dev" in decision.why


def test_a_parameter_that_an_older_template_does_not_have_is_left_out() -> None:
    parameters = {"ChampionModelPackageArn": "none"}
    old = ServingStackState(id="1", status="CREATE_COMPLETE", parameters=parameters, updated=NOW)
    decision = plan(seen(packages=[package(1)], stack=old), POLICY)
    assert isinstance(decision, Promote)
    assert decision.changes == {"ChampionModelPackageArn": arn_of(1)}


# -- the stack ----------------------------------------------------------------------------------


def test_a_serving_stack_that_is_not_deployed_yet_needs_nothing_but_a_deploy() -> None:
    decision = plan(seen(stack=None, packages=[package(1)]), POLICY)
    assert isinstance(decision, NoChange)
    assert "ratchet deploy --env dev" in decision.why


@pytest.mark.parametrize(
    "status",
    [
        "CREATE_IN_PROGRESS",
        "UPDATE_IN_PROGRESS",
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_ROLLBACK_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        "DELETE_IN_PROGRESS",
    ],
)
def test_a_busy_stack_is_waited_for(status: str) -> None:
    decision = plan(seen(packages=[package(1)], stack=stack(status=status)), POLICY)
    assert isinstance(decision, Wait)


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "UPDATE_FAILED", "DELETE_FAILED"])
def test_a_stack_that_cannot_be_updated_needs_a_person(status: str) -> None:
    decision = plan(seen(packages=[package(1)], stack=stack(status=status)), POLICY)
    assert isinstance(decision, Stuck)
    assert status in decision.why


def test_a_rollback_that_failed_names_the_command_that_continues_it() -> None:
    broken = seen(packages=[package(1)], stack=stack(status="UPDATE_ROLLBACK_FAILED"))
    decision = plan(broken, POLICY)
    assert isinstance(decision, Stuck)
    assert decision.command == ("aws cloudformation continue-update-rollback --stack-name serving")


def test_another_stack_of_that_name_is_not_touched() -> None:
    other = ServingStackState(id="1", status="CREATE_COMPLETE", parameters={}, updated=NOW)
    assert isinstance(plan(seen(packages=[package(1)], stack=other), POLICY), Stuck)


@pytest.mark.parametrize("status", ["Updating", "SystemUpdating", "RollingBack", "Creating"])
def test_a_busy_endpoint_is_waited_for_since_an_update_would_fail(status: str) -> None:
    busy = seen(packages=[package(2)], stack=stack(1), live=live(1, status))
    assert isinstance(plan(busy, POLICY), Wait)


# -- rejection ----------------------------------------------------------------------------------


def test_rejecting_the_serving_version_rolls_back_to_the_previous_approved_one() -> None:
    rejected = package(3, "Rejected")
    decision = plan(
        seen(packages=[package(1)], stack=stack(3), live=live(3), champion=rejected), POLICY
    )
    assert isinstance(decision, Promote)
    assert decision.changes["ChampionVersion"] == "1"
    assert decision.changes["BaselineUri"] == "s3://a/1/data"


def test_when_none_is_left_the_version_is_kept_if_the_setting_says_so() -> None:
    known = seen(stack=stack(3), live=live(3), champion=package(3, "Rejected"))
    decision = plan(known, POLICY)
    assert decision == Kept(why="version 3 is rejected, and no other version is approved")
    assert blocked(known, decision)


def test_when_none_is_left_the_endpoint_is_taken_down_if_the_setting_says_so() -> None:
    known = seen(stack=stack(3), live=live(3), champion=package(3, "Rejected"))
    decision = plan(known, TAKE_DOWN)
    assert isinstance(decision, TakeDown)
    assert set(decision.changes.values()) == {"none"}
    assert "MonitorEngine" not in decision.changes, "what was learnt of it stays"


def test_a_deleted_champion_counts_as_not_approved() -> None:
    decision = plan(seen(stack=stack(3), live=live(3), champion=None), POLICY)
    assert isinstance(decision, Kept)
    assert "version 3 is deleted from the registry" in decision.why


def test_a_champion_of_another_group_is_replaced_by_the_groups_own() -> None:
    foreign = stack(ChampionModelPackageArn=arn_of(9, group="others"), ChampionVersion="9")
    decision = plan(seen(stack=foreign, packages=[package(1)], live=live(9)), POLICY)
    assert isinstance(decision, Promote)
    assert decision.package.version == 1


def test_a_version_is_read_only_from_an_arn_of_the_group() -> None:
    assert version_in(arn_of(9), group=GROUP) == 9
    assert version_in(arn_of(9, group="others"), group=GROUP) is None
    assert version_in("none", group=GROUP) is None


def test_taking_down_that_failed_is_not_repeated_for_ever() -> None:
    known = seen(stack=stack(3, status=ROLLED_BACK), live=live(3), operation=failure("none"))
    assert isinstance(plan(known, TAKE_DOWN), Stuck)


# -- failure ------------------------------------------------------------------------------------


def test_a_promotion_that_was_rolled_back_is_marked() -> None:
    known = seen(
        packages=[package(2), package(1)],
        stack=stack(1, status=ROLLED_BACK),
        live=live(1),
        operation=failure("2"),
    )
    assert plan(known, POLICY) == MarkFailed(package=package(2), why="Endpoint: refused")


def test_a_marked_version_is_passed_over_and_the_reason_says_how_to_try_again() -> None:
    known = seen(
        packages=[failed(2), package(1)],
        stack=stack(1, status=ROLLED_BACK),
        live=live(1),
        operation=failure("2"),
    )
    decision = plan(known, POLICY)
    assert isinstance(decision, Serves)
    assert "version 2 is approved and failed to deploy (the ping failed)" in decision.why
    assert "ratchet approve 2 --env dev" in decision.why
    assert blocked(known, decision)


def test_a_marked_version_that_was_approved_again_is_tried_again() -> None:
    again = package(2, metadata=marked("x"), modified=NOW + timedelta(hours=1))
    known = seen(
        packages=[again, package(1)],
        stack=stack(1, status=ROLLED_BACK),
        live=live(1),
        operation=failure("2", at=NOW - timedelta(minutes=1)),
    )
    assert isinstance(plan(known, POLICY), Promote)


def test_a_second_failure_of_a_version_is_marked_again() -> None:
    again = package(2, metadata=marked("x"), modified=NOW + timedelta(hours=1))
    known = seen(
        packages=[again, package(1)],
        stack=stack(1, status=ROLLED_BACK),
        live=live(1),
        operation=failure("2", at=NOW + timedelta(hours=2)),
    )
    assert isinstance(plan(known, POLICY), MarkFailed)


def test_a_failure_of_a_version_that_is_not_wanted_any_more_is_history() -> None:
    known = seen(
        packages=[package(3), package(1)],
        stack=stack(1, status=ROLLED_BACK),
        live=live(1),
        operation=failure("2"),
    )
    decision = plan(known, POLICY)
    assert isinstance(decision, Promote)
    assert decision.package.version == 3


def test_when_the_only_version_failed_the_reason_says_how_to_try_again() -> None:
    known = seen(packages=[failed(1)], stack=stack(status=ROLLED_BACK), operation=failure("1"))
    decision = plan(known, POLICY)
    assert isinstance(decision, NoChange)
    assert "ratchet approve 1 --env dev" in decision.why
    assert blocked(known, decision)


def test_an_endpoint_that_sagemaker_rolled_back_silently_is_a_failed_promotion() -> None:
    known = seen(packages=[package(2), package(1)], stack=stack(2), live=live(1))
    decision = plan(known, POLICY)
    assert isinstance(decision, MarkFailed)
    assert decision.package.version == 2
    assert "which serves version 1" in decision.why


def test_an_endpoint_whose_old_config_is_deleted_is_a_failed_promotion_too() -> None:
    gone = ServedModel(status="InService", config="config-0")
    known = seen(packages=[package(2), package(1)], stack=stack(2), live=gone)
    assert isinstance(plan(known, POLICY), MarkFailed)


def test_after_a_silent_rollback_the_stack_is_set_back_so_that_both_agree() -> None:
    known = seen(packages=[failed(2), package(1)], stack=stack(2), live=live(1))
    decision = plan(known, POLICY)
    assert isinstance(decision, Promote)
    assert decision.changes["ChampionVersion"] == "1"


def test_an_endpoint_that_did_serve_the_version_and_does_not_now_was_changed_by_hand() -> None:
    known = seen(packages=[package(2)], stack=stack(2), live=live(1), served="2")
    decision = plan(known, POLICY)
    assert isinstance(decision, Stuck)
    assert "changed by hand" in decision.why


def test_an_endpoint_that_was_deleted_by_hand_needs_a_person() -> None:
    assert isinstance(plan(seen(packages=[package(2)], stack=stack(2), live=None), POLICY), Stuck)


@pytest.mark.parametrize("status", ["Failed", "OutOfService", "UpdateRollbackFailed"])
def test_an_endpoint_that_does_not_serve_needs_a_person(status: str) -> None:
    known = seen(packages=[package(2)], stack=stack(2), live=live(2, status))
    assert isinstance(plan(known, POLICY), Stuck)


# -- the monitor's engine -----------------------------------------------------------------------

REFUSED = {"why": "MonitoringSchedule: not available to new customers", "of_monitoring": True}


def test_where_aws_refuses_model_monitor_the_same_version_goes_on_with_the_pipeline() -> None:
    known = seen(
        packages=[package(1)], stack=stack(status=ROLLED_BACK), operation=failure("1", **REFUSED)
    )
    decision = plan(known, POLICY)
    assert isinstance(decision, SwitchEngine)
    assert decision.changes["ChampionVersion"] == "1"
    assert decision.changes["MonitorEngine"] == "pipeline"


def test_the_switch_is_remembered_by_the_stack() -> None:
    known = seen(
        packages=[package(2), package(1)], stack=stack(1, MonitorEngine="pipeline"), live=live(1)
    )
    decision = plan(known, POLICY)
    assert isinstance(decision, Promote)
    assert "MonitorEngine" not in decision.changes


def test_with_the_engine_set_a_refusal_is_a_failed_promotion() -> None:
    policy = PromotionPolicy(**{**vars(POLICY), "engine": "model-monitor"})
    known = seen(
        packages=[package(1)], stack=stack(status=ROLLED_BACK), operation=failure("1", **REFUSED)
    )
    assert isinstance(plan(known, policy), MarkFailed)


def test_a_failure_with_the_pipeline_engine_is_a_failed_promotion() -> None:
    known = seen(
        packages=[package(1)],
        stack=stack(status=ROLLED_BACK),
        operation=failure("1", **REFUSED, engine="pipeline"),
    )
    assert isinstance(plan(known, POLICY), MarkFailed)


def test_an_engine_that_is_set_replaces_the_stacks() -> None:
    policy = PromotionPolicy(**{**vars(POLICY), "engine": "pipeline"})
    known = seen(packages=[package(1)], stack=stack(1), live=live(1))
    decision = plan(known, policy)
    assert isinstance(decision, Promote)
    assert decision.changes == {"MonitorEngine": "pipeline"}


def test_a_monitor_that_cannot_be_changed_never_marks_the_version_that_serves() -> None:
    policy = PromotionPolicy(**{**vars(POLICY), "engine": "model-monitor"})
    known = seen(
        packages=[package(1)],
        stack=stack(1, status=ROLLED_BACK, MonitorEngine="pipeline"),
        live=live(1),
        operation=failure("1", **REFUSED),
    )
    assert isinstance(plan(known, policy), Stuck)


# -- the alarm ----------------------------------------------------------------------------------


def test_nothing_is_blocked_while_the_highest_approved_version_serves() -> None:
    known = seen(packages=[package(2)], stack=stack(2), live=live(2))
    assert not blocked(known, plan(known, POLICY))


def test_nothing_is_blocked_while_an_update_begins() -> None:
    known = seen(packages=[package(2)])
    assert not blocked(known, plan(known, POLICY))


def test_nothing_is_blocked_before_the_first_approval() -> None:
    assert not blocked(seen(), plan(seen(), POLICY))
