"""Many rows are asked at once; whatever happens, it ends with what there is."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest

from ratchet.candidates.asking import (
    INTERRUPTED,
    MOST_FAILURES,
    AskingProgress,
    Patience,
    RowAsking,
)
from ratchet.candidates.budget import TOKENS, TrialBudget, Usage
from ratchet.candidates.replies import (
    BusyModelError,
    RefusedTrialError,
    Reply,
    UnansweredRowError,
    VoidTrialError,
)

IMPATIENT = Patience(at_once=4, attempts=3, first_wait=0.001, longest_wait=0.002)
TEN = Usage(input_tokens=7, output_tokens=3)


def asking(
    ask: Callable[[int], Reply[str]],
    *,
    limit: int = 1_000_000,
    most: int = 10,
    patience: Patience = IMPATIENT,
    progress: Callable[[AskingProgress], None] = lambda _: None,
) -> RowAsking[int, str]:
    return RowAsking(
        ask=ask,
        most=lambda _: Decimal(most),
        cost=TOKENS.of,
        budget=TrialBudget(Decimal(limit)),
        limit=f"the limit of {limit} tokens",
        patience=patience,
        progress=progress,
    )


def answered(row: int) -> Reply[str]:
    return Reply(content=str(row), usage=TEN, latency_ms=1.0)


def test_every_row_has_its_own_answer_whatever_the_order_in_which_they_come() -> None:
    def ask(row: int) -> Reply[str]:
        time.sleep(0.002 * (row % 3))
        return answered(row)

    result = asking(ask).all(range(50))
    assert {p: o.reply.content for p, o in result.outcomes.items() if o.reply} == {
        row: str(row) for row in range(50)
    }
    assert result.stopped == ""
    assert result.usage == Usage(input_tokens=350, output_tokens=150)


def test_the_first_row_is_asked_alone() -> None:
    on_their_way, most_at_first = set(), []

    def ask(row: int) -> Reply[str]:
        on_their_way.add(row)
        if row == 0:
            time.sleep(0.02)
            most_at_first.append(len(on_their_way))
        return answered(row)

    asking(ask).all(range(10))
    assert most_at_first == [1]


def test_a_busy_service_is_asked_again_and_the_person_sees_that_it_is_busy() -> None:
    attempts: dict[int, int] = {}
    seen: list[AskingProgress] = []

    def ask(row: int) -> Reply[str]:
        attempts[row] = attempts.get(row, 0) + 1
        if attempts[row] < 3:
            raise BusyModelError("too many requests")
        return answered(row)

    patience = Patience(at_once=4, attempts=3, first_wait=0.25, longest_wait=0.25)
    result = asking(ask, patience=patience, progress=seen.append).all(range(4))
    assert [o.reply is not None for o in result.outcomes.values()] == [True] * 4
    assert set(attempts.values()) == {3}
    assert "too many requests" in {each.busy for each in seen}


def test_waits_become_longer_up_to_a_limit() -> None:
    assert [Patience().wait_before(n) for n in range(2, 9)] == [1, 2, 4, 8, 16, 30, 30]


def test_a_row_that_stays_busy_is_unanswered_with_the_reason_and_costs_nothing() -> None:
    def ask(row: int) -> Reply[str]:
        if row == 2:
            raise BusyModelError("too many requests")
        return answered(row)

    attempt = asking(ask)
    result = attempt.all(range(5))
    assert result.outcomes[2].reply is None
    assert result.outcomes[2].reason == "too many requests"
    assert result.stopped == ""
    assert attempt.budget.used == 40


def test_a_row_that_may_be_billed_without_an_answer_counts_at_its_most() -> None:
    def ask(row: int) -> Reply[str]:
        raise UnansweredRowError("no answer within 60 s", billed=row == 0)

    attempt = asking(ask, most=99)
    attempt.all(range(2))
    assert attempt.budget.used == 99


def test_a_service_that_dies_midway_is_not_asked_about_the_rest() -> None:
    asked = []

    def ask(row: int) -> Reply[str]:
        asked.append(row)
        if row >= 20:
            raise UnansweredRowError("connection refused", billed=False)
        return answered(row)

    result = asking(ask).all(range(500))
    assert result.stopped == f"{MOST_FAILURES} rows in a row had no answer (connection refused)"
    assert sum(o.reply is not None for o in result.outcomes.values()) == 20
    assert len(asked) <= 20 + MOST_FAILURES + IMPATIENT.at_once


def test_failures_between_answers_do_not_end_it() -> None:
    def ask(row: int) -> Reply[str]:
        if row % 2:
            raise UnansweredRowError("it did not like this row", billed=False)
        return answered(row)

    result = asking(ask, patience=Patience(at_once=1)).all(range(60))
    assert result.stopped == ""
    assert sum(o.reply is None for o in result.outcomes.values()) == 30


@pytest.mark.parametrize("limit", [0, 9, 10, 55, 100, 399])
def test_it_stops_before_the_limit_and_says_so(limit: int) -> None:
    attempt = asking(answered, limit=limit)
    result = attempt.all(range(60))
    assert attempt.budget.used <= limit
    assert attempt.budget.used == limit // 10 * 10  # and uses what there is
    assert result.stopped == f"the limit of {limit} tokens is reached"


def test_answers_that_use_more_than_their_most_pass_the_limit_by_those_on_their_way_only() -> None:
    attempt = asking(answered, limit=100, most=1)
    attempt.all(range(60))
    assert attempt.budget.used <= 100 + IMPATIENT.at_once * (10 - 1)


def test_a_refusal_of_the_first_row_refuses_the_trial_and_nothing_else_is_asked() -> None:
    asked = []

    def ask(row: int) -> Reply[str]:
        asked.append(row)
        raise RefusedTrialError("not allowed")

    with pytest.raises(RefusedTrialError, match="not allowed"):
        asking(ask).all(range(10))
    assert asked == [0]


def test_a_refusal_midway_ends_it_with_what_there_is() -> None:
    def ask(row: int) -> Reply[str]:
        if row >= 5:
            raise RefusedTrialError("not allowed any more\nThe role lacks …")
        return answered(row)

    result = asking(ask).all(range(50))
    assert result.stopped == "not allowed any more"
    assert [p for p, o in result.outcomes.items() if o.reply] == [0, 1, 2, 3, 4]


def test_an_error_that_is_a_bug_is_not_taken_for_an_unanswered_row() -> None:
    def ask(row: int) -> Reply[str]:
        raise KeyError("usage")

    with pytest.raises(KeyError):
        asking(ask).all(range(3))


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C raises here as in a terminal; what a shell starts in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_ends_it_with_the_answers_that_were_on_their_way() -> None:
    release = threading.Event()

    def ask(row: int) -> Reply[str]:
        if row >= 8:
            release.wait(5)
        return answered(row)

    def interrupt(progress: AskingProgress) -> None:
        if progress.asked == 8 and not release.is_set():
            release.set()
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.05)

    attempt = asking(ask, progress=interrupt)
    result = attempt.all(range(1000))
    assert result.stopped == INTERRUPTED
    assert 8 <= len(result.outcomes) <= 8 + IMPATIENT.at_once
    assert all(outcome.reply for outcome in result.outcomes.values())
    assert attempt.budget.used == 10 * len(result.outcomes)


def test_ctrl_c_does_not_wait_for_a_busy_service() -> None:
    waits = Patience(at_once=2, attempts=5, first_wait=600, longest_wait=600)

    def ask(row: int) -> Reply[str]:
        if row == 0:
            return answered(row)
        raise BusyModelError("too many requests")

    def interrupt(progress: AskingProgress) -> None:
        if progress.busy:
            raise KeyboardInterrupt

    result = asking(ask, patience=waits, progress=interrupt).all(range(9))
    assert result.stopped == INTERRUPTED
    assert result.outcomes[0].reply is not None


def test_a_service_that_is_not_there_refuses_the_trial_at_the_first_row() -> None:
    asked = []

    def ask(row: int) -> Reply[str]:
        asked.append(row)
        raise BusyModelError("connection refused", attempts=2)

    attempt = asking(ask)
    with pytest.raises(RefusedTrialError, match="no model answers: connection refused"):
        attempt.all(range(500))
    assert asked == [0, 0]
    assert attempt.budget.used == 0


def test_a_service_that_answers_nothing_at_all_refuses_the_trial() -> None:
    def ask(row: int) -> Reply[str]:
        raise UnansweredRowError("the model crashed", billed=False)

    with pytest.raises(RefusedTrialError, match=r"nothing was answered.*crashed"):
        asking(ask).all(range(500))


def test_what_may_be_billed_is_not_forgotten_where_nothing_was_answered() -> None:
    def ask(row: int) -> Reply[str]:
        raise UnansweredRowError("no answer within 60 s", billed=True)

    asked = asking(ask)
    assert "no answer within 60 s" in asked.all(range(500)).stopped
    assert asked.budget.used >= 10 * MOST_FAILURES


def test_requests_are_sent_no_faster_than_the_quota_allows() -> None:
    sent: list[float] = []

    def ask(row: int) -> Reply[str]:
        sent.append(time.monotonic())
        return answered(row)

    asking(ask, patience=Patience(between=0.01)).all(range(12))
    assert sent[-1] - sent[0] >= 0.01 * 10


@pytest.mark.parametrize("first", [0, 7])
def test_an_answer_that_nobody_gave_voids_all_answers(first: int) -> None:
    def ask(row: int) -> Reply[str]:
        if row >= first:
            raise VoidTrialError("an emulator answered")
        return answered(row)

    with pytest.raises(VoidTrialError):
        asking(ask).all(range(50))


def test_an_answer_that_nobody_gave_voids_all_answers_even_after_ctrl_c() -> None:
    release = threading.Event()

    def ask(row: int) -> Reply[str]:
        if row >= 4:
            release.wait(5)
            raise VoidTrialError("an emulator answered")
        return answered(row)

    def interrupt(progress: AskingProgress) -> None:
        if progress.asked == 4 and not release.is_set():
            release.set()
            raise KeyboardInterrupt

    with pytest.raises(VoidTrialError):
        asking(ask, progress=interrupt).all(range(50))
