"""The rules by which a wake decides, one by one (pure). `plan` puts them together.

A rule that answers with a decision ends the wake; None: go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from start_pipeline import wakes
from start_pipeline.seen import Claim, Execution, Pending, Started, State

CLAIM = timedelta(minutes=2)
"""How long a claim keeps other wakes from starting a run: longer than the calls between claim and
record take, retries included. And how long a started run may stay out of the list of runs."""

RETRY = timedelta(minutes=5)
"""When to try again after SageMaker refused to start a run now."""

CLOCKS_DIFFER = timedelta(minutes=1)

IN_PROGRESS = frozenset({"Executing", "Stopping"})


@dataclass(frozen=True, kw_only=True)
class Nothing:
    """The world is as it should be, or something else wakes the function when it can go on."""

    why: str


@dataclass(frozen=True, kw_only=True)
class LookAgain:
    """Look again then; nothing else is known to wake the function."""

    until: datetime
    why: str


def see(state: State, fingerprint: str, *, now: datetime, reasons: Iterable[str]) -> State:
    """The state after a look at the window."""
    if fingerprint == state.run:
        return replace(state, pending=None)
    before = state.pending
    if before is None:
        pending = Pending(fingerprint=fingerprint, since=now, changed=now)
    elif before.fingerprint != fingerprint:
        pending = replace(before, fingerprint=fingerprint, changed=now)
    else:
        pending = before
    return replace(state, pending=replace(pending, reasons=wakes.merged(pending.reasons, reasons)))


def with_schedule(state: State, scheduled: datetime | None, *, now: datetime) -> State:
    """The state once a message has said for when a run is scheduled. Messages may be repeated, late
    or out of order, so the latest time stands; one that has not come yet is no schedule's."""
    if scheduled is None or scheduled > now + CLOCKS_DIFFER:
        return state
    if state.scheduled and scheduled <= state.scheduled:
        return state
    return replace(state, scheduled=scheduled)


def settle(
    state: State, *, now: datetime, settle_seconds: int, max_wait_seconds: int
) -> Nothing | LookAgain | None:
    """Goes on once the window has looked the same for a while, or has changed for too long."""
    if state.pending is None:
        return Nothing(why="the window's content has been run")
    settled = state.pending.changed + timedelta(seconds=settle_seconds)
    latest = state.pending.since + timedelta(seconds=max_wait_seconds)
    due = min(settled, latest)
    if now >= due:
        return None
    return LookAgain(until=due, why=f"the window changed less than {settle_seconds} s ago")


def occupied(
    state: State, executions: Sequence[Execution], *, now: datetime
) -> Nothing | LookAgain | None:
    """Goes on when no run is in progress and no other wake is starting one."""
    for execution in executions:
        if execution.status in IN_PROGRESS:
            return Nothing(why=f"{execution.arn} is in progress; its end wakes the function again")
    if state.claim and now < state.claim.at + CLAIM:
        return LookAgain(until=state.claim.at + CLAIM, why="another wake is starting a run")
    started = state.started
    if (
        started
        and now < started.at + CLAIM
        and all(execution.arn != started.execution_arn for execution in executions)
    ):
        return LookAgain(until=started.at + CLAIM, why=f"{started.execution_arn} is not listed yet")
    return None


def started_before(executions: Iterable[Execution], mark: str) -> Execution | None:
    """The run of this content, when a wake started it and stopped short of recording it."""
    for execution in executions:
        if execution.display_name.endswith(f"-{mark}") or mark in execution.description:
            return execution
    return None


def claimed(state: State, claim: Claim) -> State:
    """The claim; an abandoned claim on the same content lends its words, so that SageMaker gets
    the very same request with the same token again."""
    old = state.claim
    if old and (old.digest, old.episode) == (claim.digest, claim.episode):
        claim = replace(old, at=claim.at)
    return replace(state, claim=claim)


def has_run(state: State, fingerprint: str, started: Started | None = None) -> State:
    """The state once this window is known to be run."""
    return replace(
        state, run=fingerprint, pending=None, claim=None, started=started or state.started
    )


def message_due(state: State, until: datetime, *, now: datetime) -> bool:
    """Whether a delayed message must be sent: none is on its way that arrives in time."""
    return state.wake_at is None or not now < state.wake_at <= until + timedelta(seconds=1)
