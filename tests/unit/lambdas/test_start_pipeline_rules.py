"""The rules by which a wake decides, one by one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from start_pipeline import rules, state_file
from start_pipeline.rules import CLAIM, LookAgain, Nothing
from start_pipeline.seen import Claim, Execution, Pending, Started, State
from tests.unit.lambdas.fake_cloud import EPOCH as NOW

CLAIMED = Claim(digest="d", at=NOW, display_name="2013-01-d", description="January")
STARTED = Started(digest="d", at=NOW, execution_arn="arn:1")


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def settled(state: State, *, after: float) -> Nothing | LookAgain | None:
    return rules.settle(state, now=NOW + seconds(after), settle_seconds=60, max_wait_seconds=900)


def execution(status: str, arn: str = "arn:1") -> Execution:
    return Execution(arn=arn, status=status, display_name="2013-01-abc", description="")


def test_a_window_that_is_known_to_be_run_needs_nothing() -> None:
    state = rules.see(State(run="f"), "f", now=NOW, reasons=["landed"])
    assert isinstance(settled(state, after=0), Nothing)


def test_a_new_window_waits_for_the_settling_time_from_when_it_was_first_seen() -> None:
    state = rules.see(State(), "f", now=NOW, reasons=[])
    decision = settled(state, after=10)
    assert isinstance(decision, LookAgain)
    assert decision.until == NOW + seconds(60)
    assert settled(state, after=60) is None


def test_seeing_the_same_window_again_does_not_start_the_clock_anew() -> None:
    state = rules.see(State(), "f", now=NOW, reasons=[])
    assert rules.see(state, "f", now=NOW + seconds(30), reasons=[]) == state


def test_each_change_starts_the_clock_anew_until_the_longest_wait() -> None:
    state = rules.see(State(), "0", now=NOW, reasons=[])
    for number in range(1, 30):
        state = rules.see(state, str(number), now=NOW + seconds(30 * number), reasons=[])
    decision = settled(state, after=870)
    assert isinstance(decision, LookAgain)
    assert decision.until == NOW + seconds(900), "and not 30 seconds later"
    assert settled(state, after=900) is None


def test_a_window_that_returns_to_what_was_run_is_pending_no_more() -> None:
    state = rules.see(State(run="a"), "b", now=NOW, reasons=[])
    assert rules.see(state, "a", now=NOW, reasons=[]).pending is None


@pytest.mark.parametrize("status", ["Executing", "Stopping"])
def test_a_run_in_progress_is_waited_for_without_a_message(status: str) -> None:
    decision = rules.occupied(State(), [execution("Succeeded"), execution(status)], now=NOW)
    assert isinstance(decision, Nothing)


@pytest.mark.parametrize("status", ["Succeeded", "Failed", "Stopped"])
def test_a_run_that_ended_is_in_nobodys_way(status: str) -> None:
    assert rules.occupied(State(), [execution(status)], now=NOW) is None


def test_a_claim_holds_others_off_until_it_expires() -> None:
    state = State(claim=CLAIMED)
    held = rules.occupied(state, [], now=NOW + CLAIM - seconds(1))
    assert isinstance(held, LookAgain)
    assert held.until == NOW + CLAIM
    assert rules.occupied(state, [], now=NOW + CLAIM) is None


def test_a_run_just_started_counts_as_in_progress_until_it_is_listed() -> None:
    state = State(started=STARTED)
    assert isinstance(rules.occupied(state, [], now=NOW + seconds(5)), LookAgain)
    assert rules.occupied(state, [execution("Failed")], now=NOW + seconds(5)) is None
    assert rules.occupied(state, [], now=NOW + CLAIM) is None


def test_a_run_that_was_not_recorded_is_found_by_its_name_or_its_description() -> None:
    renamed = Execution(arn="arn:2", status="Failed", display_name="mine", description="… abc.")
    assert rules.started_before([execution("Failed")], "abc") == execution("Failed")
    assert rules.started_before([renamed], "abc") == renamed
    assert rules.started_before([renamed], "def") is None


def test_an_abandoned_claim_lends_its_words_only_to_the_same_content() -> None:
    abandoned = State(claim=CLAIMED)
    again = Claim(digest="d", at=NOW + CLAIM, display_name="other", description="other")
    taken = rules.claimed(abandoned, again).claim
    assert taken is not None
    assert (taken.at, taken.description) == (NOW + CLAIM, "January")
    different = Claim(digest="e", at=NOW, display_name="other", description="other")
    assert rules.claimed(abandoned, different).claim == different


@pytest.mark.parametrize(
    ("wake_at", "due"), [(None, True), (-1, True), (0, True), (30, False), (61, False), (300, True)]
)
def test_a_message_is_sent_unless_one_arrives_in_time(wake_at: float | None, due: bool) -> None:
    state = State(wake_at=None if wake_at is None else NOW + seconds(wake_at))
    assert rules.message_due(state, NOW + seconds(60), now=NOW) is due


@pytest.mark.parametrize(
    "state",
    [
        State(),
        State(
            run="f",
            pending=Pending(fingerprint="g", since=NOW, changed=NOW, reasons=("landed",)),
            claim=CLAIMED,
            started=STARTED,
            wake_at=NOW,
        ),
    ],
)
def test_a_state_can_be_read_back(state: State) -> None:
    assert state_file.read(state_file.write(state)) == state


@pytest.mark.parametrize("text", [b"", b"[]", b'{"format": 2}', b'{"format": 1, "run": "f"}'])
def test_what_is_no_state_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        state_file.read(text)
