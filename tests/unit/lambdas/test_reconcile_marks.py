"""The mark of a failed promotion, and what the stack's events say of one."""

from __future__ import annotations

import re
import unicodedata
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.loop.versions import FailureMark, parse_mark
from reconcile_champion import operations
from reconcile_champion.seen import ServingStackState
from tests.unit.lambdas.fake_serving import EPOCH as NOW
from tests.unit.lambdas.fake_serving import MONITORING_SCHEDULE

STACK = ServingStackState(id="1", status="UPDATE_COMPLETE", parameters={}, updated=NOW)


@given(st.text(max_size=400))
def test_a_mark_is_always_a_value_that_sagemaker_takes(why: str) -> None:
    text = FailureMark(at=NOW, why=why).text()
    assert 1 <= len(text) <= 256
    assert all(c in "_.:/=+-@" or unicodedata.category(c)[0] in "LZN" for c in text)


def test_a_mark_can_be_read_back() -> None:
    text = FailureMark(at=NOW, why='Endpoint (AWS::SageMaker::Endpoint): "no ping"').text()
    assert text == "failed 2013-04-01T12:00:00Z: Endpoint AWS::SageMaker::Endpoint : no ping"
    read = parse_mark(text)
    assert read is not None
    assert read.at == NOW


@pytest.mark.parametrize("text", [None, "", "failed", "failed yesterday: x", "serving since ever"])
def test_other_texts_are_no_marks(text: str | None) -> None:
    assert parse_mark(text) is None


def test_writing_the_mark_does_not_void_it_and_a_later_change_does() -> None:
    mark = FailureMark(at=NOW, why="x")
    assert mark.holds(modified=None)
    assert mark.holds(modified=NOW + timedelta(seconds=30))
    assert not mark.holds(modified=NOW + timedelta(minutes=5))


# -- operations ---------------------------------------------------------------------------------


def token(**changes: Any) -> str:
    given: dict[str, Any] = {"stack": STACK, "changes": {"A": "1"}, "to": "3", "engine": "pipeline"}
    known = {**given, **changes}
    return operations.token_of(
        known["stack"], known["changes"], to=known["to"], engine=known["engine"]
    )


def test_two_wakes_that_see_and_want_the_same_send_the_same_token() -> None:
    assert token() == token()
    assert re.fullmatch(r"[a-zA-Z0-9][-a-zA-Z0-9]{0,127}", token())


def test_the_same_wish_after_another_update_is_another_token() -> None:
    later = ServingStackState(**{**vars(STACK), "updated": NOW + timedelta(hours=1)})
    assert len({token(), token(stack=later), token(changes={"A": "2"}), token(to="4")}) == 4


def event(status: str, why: str = "", kind: str = "AWS::X", **more: Any) -> dict[str, Any]:
    return {
        "StackId": "1",
        "LogicalResourceId": "It",
        "ResourceType": kind,
        "ResourceStatus": status,
        "ResourceStatusReason": why,
        "Timestamp": NOW,
        "ClientRequestToken": token(),
        **more,
    }


def of_stack(status: str, why: str = "", **members: Any) -> dict[str, Any]:
    return event(status, why, "AWS::CloudFormation::Stack", PhysicalResourceId="1", **members)


def test_the_first_resource_that_failed_by_itself_is_the_reason() -> None:
    found = operations.failed_operation(
        [
            of_stack("UPDATE_ROLLBACK_COMPLETE"),
            event("CREATE_FAILED", "a later one"),
            event("CREATE_FAILED", "closed", kind=MONITORING_SCHEDULE),
            event("UPDATE_FAILED", "Resource update cancelled"),
            of_stack("UPDATE_IN_PROGRESS"),
        ]
    )
    assert found is not None
    assert (found.to, found.engine, found.of_monitoring) == ("3", "pipeline", True)
    assert found.why == f"It ({MONITORING_SCHEDULE}): closed"


def test_an_operation_of_somebody_else_is_not_the_functions_failure() -> None:
    events = [of_stack("UPDATE_ROLLBACK_COMPLETE", ClientRequestToken="exec-1")]
    assert operations.failed_operation(events) is None
    assert operations.failed_operation([]) is None


def test_only_the_last_operations_events_count() -> None:
    other = event("CREATE_FAILED", ClientRequestToken="exec-1")
    events = [of_stack("UPDATE_ROLLBACK_COMPLETE"), event("CREATE_FAILED"), other]
    assert operations.of_last_operation(events) == events[:2]
    assert operations.of_last_operation([{"Timestamp": NOW}]) == []


def test_without_a_failed_resource_the_stacks_own_reason_is_given() -> None:
    found = operations.failed_operation(
        [
            of_stack("UPDATE_ROLLBACK_COMPLETE"),
            of_stack("UPDATE_ROLLBACK_IN_PROGRESS", "limit exceeded"),
        ]
    )
    assert found is not None
    assert found.why == "limit exceeded"


@pytest.mark.parametrize(
    "status", ["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_COMPLETE"]
)
def test_an_operation_is_judged_only_once_it_has_ended_in_a_rollback(status: str) -> None:
    """It may have begun after the stack was seen rolled back from an earlier one."""
    events = [event("UPDATE_FAILED", "no ping"), of_stack(status), of_stack("UPDATE_IN_PROGRESS")]
    assert operations.failed_operation(events) is None


def test_the_end_of_a_nested_stack_is_not_that_of_the_operation() -> None:
    nested = event("UPDATE_ROLLBACK_COMPLETE", kind="AWS::CloudFormation::Stack")
    events = [{**nested, "PhysicalResourceId": "2"}, of_stack("UPDATE_IN_PROGRESS")]
    assert operations.failed_operation(events) is None


def test_two_operations_with_one_token_are_judged_apart() -> None:
    first = [of_stack("UPDATE_ROLLBACK_COMPLETE"), of_stack("UPDATE_IN_PROGRESS")]
    second = [event("UPDATE_FAILED"), of_stack("UPDATE_IN_PROGRESS")]
    assert operations.of_last_operation([*second, *first]) == second
