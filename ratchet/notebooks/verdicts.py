"""Whether a step is due for promotion. Pure: it decides by what is known of the step."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ratchet.notebooks.history import CodeAge
from ratchet.notebooks.run_records import NO_RUNS, RunSeries


class StepVerdict(StrEnum):
    """What to do with a step.

    PROMOTE: its code has been the same for long enough.
    WAIT: it is the same, but not yet for long enough.
    MOVING: it was edited, and the edit is in no commit, or has not run yet where there is no git.
    UNKNOWN: nothing says since when it is the same.
    PROMOTED: its cell calls the script already.
    """

    PROMOTE = "promote"
    WAIT = "wait"
    MOVING = "moving"
    UNKNOWN = "unknown"
    PROMOTED = "promoted"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What is known of a step.

    Attributes:
        age: by git, or None without it.
        committed: whether the notebook is in the newest commit at all.
        no_git: why git knows nothing, or "".
        runs: the recorded runs of this code.
        ran_before: whether any run of the step is recorded, of whatever code.
        fault: why the step is no code that runs, or "".
    """

    age: CodeAge | None = None
    committed: bool = True
    no_git: str = ""
    runs: RunSeries = NO_RUNS
    ran_before: bool = False
    fault: str = ""


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """A verdict with its numbers.

    Attributes:
        days: whole days for which the code has been the same; None when nothing says it.
        at_least: whether it may be more days.
        days_left: until the step is due; None unless it waits.
        reason: why it is moving or unknown, in words; "" otherwise.
    """

    verdict: StepVerdict
    days: int | None = None
    at_least: bool = False
    days_left: int | None = None
    reason: str = ""


def judge(evidence: Evidence, *, now: datetime, promote_after_days: int) -> Judgement:
    """The verdict on a step.

    Its age is git's or that of the first run of the unbroken series, whichever is longer: history
    that is written anew makes code younger, never older.

    Args:
        evidence: what is known of the step.
        now: the time from which ages count back.
        promote_after_days: so old is old enough.
    """
    if evidence.fault:
        return Judgement(verdict=StepVerdict.UNKNOWN, reason=evidence.fault)
    if evidence.age is not None and evidence.age.since is None:
        reason = "edited since the last commit" if evidence.committed else "not committed yet"
        return Judgement(verdict=StepVerdict.MOVING, days=0, reason=reason)
    dates = [evidence.age.since if evidence.age else None, evidence.runs.first]
    since = min((date for date in dates if date is not None), default=None)
    if since is None:
        return _judge_without_dates(evidence)
    days = max(0, (now - since).days)
    unproven = evidence.age.at_least if evidence.age else ""
    if days >= promote_after_days:
        return Judgement(verdict=StepVerdict.PROMOTE, days=days, at_least=bool(unproven))
    if unproven:
        return Judgement(verdict=StepVerdict.UNKNOWN, days=days, at_least=True, reason=unproven)
    return Judgement(verdict=StepVerdict.WAIT, days=days, days_left=promote_after_days - days)


def _judge_without_dates(evidence: Evidence) -> Judgement:
    if evidence.ran_before and not evidence.runs.failures:
        reason = "edited since its last recorded run"
        return Judgement(verdict=StepVerdict.MOVING, days=0, reason=reason)
    reason = f"{evidence.no_git}, and no good run is recorded; to record one: ratchet notebook run"
    return Judgement(verdict=StepVerdict.UNKNOWN, reason=reason)
