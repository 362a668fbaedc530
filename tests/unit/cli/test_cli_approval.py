from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest

from ratchet.deployment.errors import DeploymentError, UnknownNameError
from ratchet.deployment.registry import approval
from ratchet.deployment.registry import versions as registry
from ratchet.deployment.registry.approval import Consequence, Verdict
from ratchet.deployment.registry.versions import ModelVersion
from ratchet.loop.packages import CHAMPION_VERSION_KEY, DEPLOYMENT_MARK_KEY
from ratchet.loop.versions import version_to_serve
from tests.unit.cli.fake_serving import ServingWorld, arn_of

MARKED = datetime(2013, 8, 2, 13, 0, 5, tzinfo=UTC)
MARK = {DEPLOYMENT_MARK_KEY: "failed 2013-08-02T13:00:05Z: alarm 5xx: went off"}


def version(
    number: int, status: str = "Approved", *, failed: bool = False, against: str = ""
) -> ModelVersion:
    return ModelVersion(
        arn=arn_of(number),
        group="flights-dev",
        version=number,
        approval=status,
        modified=MARKED + timedelta(seconds=1),
        metadata={
            **(MARK if failed else {}),
            **({CHAMPION_VERSION_KEY: against} if against else {}),
        },
    )


def follows(
    versions: list[ModelVersion],
    decided: int,
    verdict: Verdict,
    *,
    serving: int | None,
    none_left: Literal["keep", "take-down"] = "keep",
) -> Consequence:
    chosen = next(v for v in versions if v.version == decided)
    return approval.consequence(
        versions, chosen, verdict, serving=serving, when_none_left=none_left
    )


def test_approving_the_highest_version_deploys_it() -> None:
    waiting = version(2, "Pending", against="1")
    found = follows([waiting, version(1)], 2, "Approved", serving=1)
    assert (found.effect, found.version) == ("deploys", 2)
    assert found.sentence == "Version 2 will serve instead of version 1."


def test_approving_a_version_that_was_judged_against_an_older_champion_says_so() -> None:
    waiting = version(4, "Pending", against="1")
    found = follows([waiting, version(2), version(1)], 4, "Approved", serving=2)
    assert "It was judged against version 1, and not against version 2." in found.sentence


def test_approving_a_version_that_sagemaker_could_not_complete_changes_nothing() -> None:
    broken = replace(version(2, "Pending", against="1"), status="Failed")
    found = follows([broken, version(1)], 2, "Approved", serving=1)
    assert (found.effect, found.version) == ("stays", 1)
    assert "version 2 cannot serve" in found.sentence


def test_the_first_approval_replaces_nothing() -> None:
    found = follows([version(1, "Pending")], 1, "Approved", serving=None)
    assert found.sentence == "Version 1 will serve."


def test_approving_an_older_version_changes_nothing_and_says_how_to_get_there() -> None:
    found = follows([version(3), version(2, "Rejected")], 2, "Approved", serving=3)
    assert found.effect == "stays"
    assert "ratchet reject 3" in found.sentence


def test_approving_what_serves_changes_nothing() -> None:
    found = follows([version(1)], 1, "Approved", serving=1)
    assert found.sentence == "Nothing changes: it serves already."


def test_rejecting_the_serving_version_rolls_back_to_the_highest_other_approved_one() -> None:
    found = follows([version(3), version(2, "Rejected"), version(1)], 3, "Rejected", serving=3)
    assert (found.effect, found.version) == ("rolls-back", 1)


def test_rejecting_a_version_that_does_not_serve_changes_nothing() -> None:
    found = follows([version(2, "Pending"), version(1)], 2, "Rejected", serving=1)
    assert found.sentence == "Nothing changes: version 1 goes on serving."


def test_rejecting_the_last_approved_version_follows_the_setting() -> None:
    kept = follows([version(1)], 1, "Rejected", serving=1)
    assert (kept.effect, kept.version) == ("none-left", 1)
    assert 'when_none_left is "keep"' in kept.sentence
    down = follows([version(1)], 1, "Rejected", serving=1, none_left="take-down")
    assert (down.effect, down.version) == ("none-left", None)
    assert "taken down" in down.sentence


def test_rejecting_where_nothing_serves_and_nothing_is_approved_changes_nothing() -> None:
    assert "nothing serves" in follows([version(1)], 1, "Rejected", serving=None).sentence


def test_a_version_whose_deployment_failed_is_passed_over_until_it_is_approved_again() -> None:
    versions = [version(2, failed=True), version(1)]
    assert version_to_serve(versions) == versions[1]
    found = follows(versions, 2, "Approved", serving=1)
    assert (found.effect, found.version) == ("deploys", 2)


def test_a_failed_deployment_is_forgotten_when_the_version_changes_later() -> None:
    failed = version(2, failed=True)
    assert failed.failed == MARKED
    assert failed.failure == "alarm 5xx: went off"
    later = replace(failed, modified=MARKED + timedelta(minutes=3))
    assert later.failed is None
    assert later.failure == ""


def test_an_approval_right_after_a_failed_deployment_is_refused(serving: ServingWorld) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    mark = {DEPLOYMENT_MARK_KEY: f"failed {now:%Y-%m-%dT%H:%M:%SZ}: it crashed"}
    failed = replace(version(1), metadata=mark, modified=now)
    with pytest.raises(DeploymentError, match="failed just now: it crashed"):
        approval.decide(serving.world.target, failed, "Approved", because="")
    approval.decide(serving.world.target, failed, "Rejected", because="")
    assert [d["ModelApprovalStatus"] for d in serving.sagemaker.decided] == ["Rejected"]


def test_the_note_says_who_and_why_in_one_line_that_fits(serving: ServingWorld) -> None:
    note = approval.note(serving.world.target, "Approved", "better\n  on June")
    assert note.startswith("Approved by ")
    assert "user/lena) with ratchet: better on June" in note
    assert len(approval.note(serving.world.target, "Approved", "x" * 2000)) == 1024


@pytest.mark.parametrize("text", ["2", "v2", "latest", arn_of(2)])
def test_a_version_is_named_by_number_arn_or_latest(text: str) -> None:
    assert registry.find([version(2), version(1)], text).version == 2


def test_an_unknown_version_is_answered_with_those_there_are() -> None:
    with pytest.raises(UnknownNameError, match=r"no version '7' in flights-dev\. There is: 2, 1;"):
        registry.find([version(2), version(1)], "7")
    with pytest.raises(UnknownNameError, match="no model is registered yet"):
        registry.find([], "1")
