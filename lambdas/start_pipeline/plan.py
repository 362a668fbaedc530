"""Decides what one wake does (pure).

The trigger ensures that the window's current content has been run, and that a run has started since
the last time that one was scheduled for. Drift is a third reason to run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from start_pipeline import claims, rules, run_names
from start_pipeline.rules import LookAgain, Nothing
from start_pipeline.seen import Claim, NoContent, Started, State, TriggerSeen, WindowContent
from start_pipeline.settings import TriggerEnvironment

if TYPE_CHECKING:
    from start_pipeline.drift import Exhausted


@dataclass(frozen=True, kw_only=True)
class StartRun:
    """Start a run of this content, under the claim that the state holds."""

    content: WindowContent


@dataclass(frozen=True, kw_only=True)
class RecordRun:
    """A run of this content was started and not recorded: record it, and plan again."""

    started: Started


@dataclass(frozen=True, kw_only=True)
class GiveUp:
    """Drift goes on, and starts no more runs: tell people, once in an episode."""

    exhausted: Exhausted
    since: str

    @property
    def why(self) -> str:
        return self.exhausted.why


Act = Nothing | LookAgain | StartRun | RecordRun | GiveUp


@dataclass(frozen=True, kw_only=True)
class Plan:
    act: Act
    state: State
    """What is to be stored; of a run, before it is started."""
    facts: Mapping[str, object] = field(default_factory=dict)
    """For the log."""


def plan(seen: TriggerSeen, settings: TriggerEnvironment, *, now: datetime) -> Plan:
    """The one thing to do now.

    Raises:
        NotReadError: it hangs on a part of the world that is not read yet.
    """
    state = rules.with_schedule(seen.state, seen.scheduled, now=now)
    if not seen.window.objects:
        return Plan(act=_no_data(state, settings), state=state)
    fingerprint = seen.window.fingerprint
    state = rules.see(state, fingerprint, now=now, reasons=seen.reasons)
    content_run = _run_content(seen, state, settings, now=now)
    state = content_run.state
    if not isinstance(content_run.act, Nothing) or state.run != fingerprint:
        return content_run
    facts = content_run.facts
    if state.scheduled and state.scheduled != state.on_time:
        on_time = _run_on_time(seen, state, settings, now=now)
        if isinstance(on_time, Plan):
            return replace(on_time, facts={**facts, **on_time.facts})
        state, facts = on_time.state, {**facts, **on_time.facts}
    drifted = _run_for_drift(seen, state, settings, now=now)
    if drifted is None:
        return Plan(act=content_run.act, state=state, facts=facts)
    return replace(drifted, facts={**facts, **drifted.facts})


def _no_data(state: State, settings: TriggerEnvironment) -> Nothing:
    why = f"s3://{settings.data_bucket}/{settings.data_prefix} holds no data: nothing to run on"
    if state.scheduled and state.scheduled != state.on_time:
        why += f", though a run was scheduled for {state.scheduled:%Y-%m-%d %H:%M %Z}"
    return Nothing(why=why)


# -- the content asks for a run --------------------------------------------------------------------


def _run_content(
    seen: TriggerSeen, state: State, settings: TriggerEnvironment, *, now: datetime
) -> Plan:
    """A run of content that was not run."""
    fingerprint = seen.window.fingerprint
    if seen.recovered:
        execution_arn = seen.recovered.execution_arn
        why = f"{execution_arn} ran this content and had not been recorded"
        return Plan(act=Nothing(why=why), state=rules.has_run(state, fingerprint, seen.recovered))
    act = rules.settle(
        state,
        now=now,
        settle_seconds=settings.settle_seconds,
        max_wait_seconds=settings.max_wait_seconds,
    ) or rules.occupied(state, seen.executions(), now=now)
    if act:
        return Plan(act=act, state=state)
    content = seen.content()
    if isinstance(content, NoContent):
        return Plan(act=_look_again(content, settings, now=now), state=state)
    recorded = seen.run_of(content.digest)
    if recorded:
        why = f"this content has been run by {recorded}"
        return Plan(act=Nothing(why=why), state=rules.has_run(state, fingerprint))
    lost = rules.started_before(seen.executions(), run_names.mark_of(content.digest))
    if lost:
        started = Started(digest=content.digest, at=now, execution_arn=lost.arn)
        return Plan(act=RecordRun(started=started), state=state)
    return _run(content, state, _claim_of(content, seen, state, settings, now=now))


def _claim_of(
    content: WindowContent,
    seen: TriggerSeen,
    state: State,
    settings: TriggerEnvironment,
    *,
    now: datetime,
) -> Claim:
    return claims.for_content(
        content.snapshot,
        digest=content.digest,
        at=now,
        earlier=seen.snapshot_of(state.started.digest) if state.started else None,
        prefix=settings.data_prefix,
        reasons=state.pending.reasons if state.pending else (),
        left_out=len(seen.window.left_out),
    )


def _run(
    content: WindowContent, state: State, claim: Claim, facts: Mapping[str, object] | None = None
) -> Plan:
    return Plan(act=StartRun(content=content), state=rules.claimed(state, claim), facts=facts or {})


def _look_again(content: NoContent, settings: TriggerEnvironment, *, now: datetime) -> LookAgain:
    seconds = max(1, settings.settle_seconds) if content.moved else 0
    return LookAgain(until=now + timedelta(seconds=seconds), why=content.why)


# -- the time asks for a run -----------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _OnTime:
    """A run has started since the scheduled time."""

    state: State
    facts: Mapping[str, object]


def _run_on_time(
    seen: TriggerSeen, state: State, settings: TriggerEnvironment, *, now: datetime
) -> Plan | _OnTime:
    """The content has been run: is it to be run once more, because it is time?"""
    from start_pipeline import schedule  # once in a schedule, and every start would pay for it

    assert state.scheduled is not None  # it differs from the time that is answered
    due = schedule.of(state.scheduled, timezone=settings.timezone)
    facts: dict[str, object] = {"scheduled": due.words}
    executions = seen.executions()
    act = rules.occupied(state, executions, now=now)
    if act:
        return Plan(act=act, state=state, facts=facts)
    answered = schedule.answered_by(due, executions)
    if answered:
        # From now on a wake need not ask SageMaker.
        on_time = replace(state, on_time=state.scheduled, claim=None)
        return _OnTime(state=on_time, facts={**facts, "answered_by": answered.arn})
    content = seen.content()
    if isinstance(content, NoContent):
        return Plan(act=_look_again(content, settings, now=now), state=state, facts=facts)
    claim = claims.for_schedule(
        content.snapshot, digest=content.digest, at=now, due=due, prefix=settings.data_prefix
    )
    return _run(content, state, claim, facts)


# -- drift asks for a run --------------------------------------------------------------------------


def _run_for_drift(
    seen: TriggerSeen, state: State, settings: TriggerEnvironment, *, now: datetime
) -> Plan | None:
    """The content has been run: is it to be run once more, because the world drifted? None: there
    is no drift."""
    episode = seen.episode() if settings.feedback.alarms else None
    if episode is None:
        return None
    from start_pipeline import drift  # drift is rare, and every start would pay for it

    facts = {"drift_since": episode.id}
    executions = seen.executions()
    act = rules.occupied(state, executions, now=now) or drift.answer(
        episode,
        executions,
        now=now,
        cooldown_hours=settings.feedback.cooldown_hours,
        fruitless_limit=settings.feedback.fruitless_limit,
        registered=seen.registered,
    )
    if isinstance(act, drift.Exhausted):
        give_up = GiveUp(exhausted=act, since=episode.id)
        return Plan(act=give_up, state=state, facts=facts)
    if act:
        return Plan(act=act, state=state, facts=facts)
    content = seen.content()
    if isinstance(content, NoContent):
        return Plan(act=_look_again(content, settings, now=now), state=state, facts=facts)
    claim = claims.for_drift(
        content.snapshot,
        digest=content.digest,
        at=now,
        episode=episode,
        prefix=settings.data_prefix,
    )
    return _run(content, state, claim, facts)
