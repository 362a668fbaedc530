"""Verdicts: promote, wait, moving, unknown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ratchet.notebooks.history import CodeAge
from ratchet.notebooks.run_records import RunSeries
from ratchet.notebooks.verdicts import Evidence, StepVerdict, judge

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
SHALLOW = "this clone is shallow"


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def by_git(days: float | None, at_least: str = "") -> CodeAge:
    return CodeAge(since=None if days is None else ago(days), at_least=at_least)


def ran(days: float) -> RunSeries:
    return RunSeries(runs=3, failures=0, data=2, first=ago(days), last=ago(0))


@pytest.mark.parametrize(
    ("evidence", "verdict", "days", "days_left"),
    [
        (Evidence(age=by_git(30)), "promote", 30, None),
        (Evidence(age=by_git(29.99)), "wait", 29, 1),
        (Evidence(age=by_git(0)), "wait", 0, 30),
        (Evidence(age=by_git(-3)), "wait", 0, 30),  # another machine's clock is ahead
        (Evidence(age=by_git(None)), "moving", 0, None),
        (Evidence(age=by_git(None), runs=ran(90)), "moving", 0, None),
        (Evidence(age=by_git(5, SHALLOW)), "unknown", 5, None),
        (Evidence(age=by_git(31, SHALLOW)), "promote", 31, None),
        (Evidence(age=by_git(5, SHALLOW), runs=ran(40)), "promote", 40, None),
        (Evidence(age=by_git(5), runs=ran(40)), "promote", 40, None),
        (Evidence(age=by_git(35), runs=ran(4)), "promote", 35, None),
        (Evidence(no_git="no git", runs=ran(40)), "promote", 40, None),
        (Evidence(no_git="no git", runs=ran(10)), "wait", 10, 20),
        (Evidence(no_git="no git"), "unknown", None, None),
        (Evidence(no_git="no git", ran_before=True), "moving", 0, None),
        (Evidence(age=by_git(90), fault="not Python"), "unknown", None, None),
    ],
)
def test_a_step_is_judged_by_its_age(
    evidence: Evidence, verdict: str, days: float | None, days_left: int | None
) -> None:
    judgement = judge(evidence, now=NOW, promote_after_days=30)
    assert judgement.verdict == verdict
    assert (judgement.days, judgement.days_left) == (days, days_left)
    assert bool(judgement.reason) == (
        judgement.verdict in (StepVerdict.MOVING, StepVerdict.UNKNOWN)
    )


def test_the_setting_says_how_old_is_old_enough() -> None:
    evidence = Evidence(age=by_git(8))
    assert judge(evidence, now=NOW, promote_after_days=7).verdict is StepVerdict.PROMOTE
    assert judge(evidence, now=NOW, promote_after_days=9).verdict is StepVerdict.WAIT


def test_an_age_that_may_be_longer_says_so() -> None:
    assert judge(Evidence(age=by_git(31, SHALLOW)), now=NOW, promote_after_days=30).at_least
    assert not judge(Evidence(age=by_git(31)), now=NOW, promote_after_days=30).at_least


def test_runs_without_a_good_one_say_nothing_of_the_age() -> None:
    failed = RunSeries(runs=0, failures=2, data=0, first=None, last=None)
    evidence = Evidence(no_git="no git", runs=failed, ran_before=True)
    judgement = judge(evidence, now=NOW, promote_after_days=30)
    assert (judgement.verdict, judgement.reason) == (
        StepVerdict.UNKNOWN,
        "no git, and no good run is recorded; to record one: ratchet notebook run",
    )


@pytest.mark.parametrize(("days", "whole"), [(None, 0), (-3, 0), (0.9, 0), (1, 1), (5.5, 5)])
def test_an_age_is_in_whole_days_and_never_negative(days: float | None, whole: int) -> None:
    assert by_git(days).days(NOW) == whole
