"""Drift as a reason to run content that was run before."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from start_pipeline import drift, run_names
from start_pipeline.drift import Episode, Exhausted
from start_pipeline.rules import LookAgain, Nothing, claimed
from start_pipeline.runs import token_of
from start_pipeline.seen import Claim, Execution, Registered, State
from start_pipeline.settings import Feedback, TriggerSettingError, from_environment
from start_pipeline.trigger import Start
from tests.unit.lambdas.driver import HOUR, Driver
from tests.unit.lambdas.fake_cloud import FakeCloud, ServiceError
from tests.unit.lambdas.fake_serving import EPOCH as NOW
from tests.unit.lambdas.test_start_pipeline_handler import ENVIRONMENT

ALARM = "flights-dev-drift"
FEEDBACK = Feedback(
    alarms=(ALARM, "flights-dev-model-quality"),
    cooldown_hours=24,
    fruitless_limit=2,
    project="flights",
    environment="dev",
    topic_arn="arn:aws:sns:us-east-1:000000000000:people",
)


@pytest.fixture
def trained(cloud: FakeCloud) -> Driver:
    """January has landed, and was run an hour ago."""
    driver = Driver(cloud)
    driver.set(feedback=FEEDBACK)
    cloud.land("raw/2013-01/flights.csv")
    driver.until_quiet("landed")
    cloud.end_runs()
    cloud.advance(HOUR)
    return driver


def end_last_run(cloud: FakeCloud, status: str, *, regression: float | None = None) -> None:
    """The last run ends, perhaps with a registered version."""
    run = cloud.executions[-1]
    run.status = status
    if regression is not None:
        metadata = {"regression": str(regression), "champion-status": "scored"}
        arn = cloud.register(
            len(cloud.packages) + 1, "Approved", CustomerMetadataProperties=metadata
        )
        run.steps = [{"StepName": "register", "Metadata": {"RegisterModel": {"Arn": arn}}}]


# -- one run for an episode ---------------------------------------------------------------------


def test_drift_runs_the_content_once_more_and_says_why(trained: Driver, cloud: FakeCloud) -> None:
    cloud.raise_alarm(ALARM)
    assert isinstance(trained.wake("drift"), Start)
    first, second = cloud.executions
    assert second.manifest == first.manifest, "the same data"
    assert re.fullmatch(r"2013-01-drift-[0-9a-f]{12}", second.name)
    assert second.description == (
        "drift: flights-dev-drift since 2013-04-01T13:01:00Z. The data is as before. Window: "
        f"1 object of 2013-01, 4 B. Snapshot {second.name[-12:]}."
    )


def test_an_episode_is_answered_by_one_run(trained: Driver, cloud: FakeCloud) -> None:
    cloud.raise_alarm(ALARM)
    for _ in range(50):
        trained.until_quiet("found by the schedule")
        cloud.end_runs("Failed")
        cloud.advance(HOUR)
    assert len(cloud.executions) == 2


def test_an_alarm_that_is_not_on_starts_nothing_whatever_the_event_says(
    trained: Driver, cloud: FakeCloud
) -> None:
    cloud.raise_alarm(ALARM)
    cloud.end_alarm(ALARM)
    assert isinstance(trained.wake("drift"), Nothing)
    assert len(cloud.executions) == 1


def test_with_the_event_lost_the_schedule_finds_the_drift(
    trained: Driver, cloud: FakeCloud
) -> None:
    cloud.raise_alarm("flights-dev-model-quality", metric="ModelQualityViolations")
    trained.wake("found by the schedule")
    assert len(cloud.executions) == 2


def test_a_run_on_new_data_since_the_drift_answers_it(trained: Driver, cloud: FakeCloud) -> None:
    cloud.raise_alarm(ALARM)
    cloud.advance(60)
    cloud.land("raw/2013-02/flights.csv")
    trained.until_quiet("landed")
    cloud.end_runs()
    trained.converge()
    assert [execution.name[:8] for execution in cloud.executions] == ["2013-01-", "2013-02-"]


def test_a_run_in_progress_is_waited_for(trained: Driver, cloud: FakeCloud) -> None:
    cloud.executions[-1].status = "Executing"
    cloud.raise_alarm(ALARM)
    assert isinstance(trained.wake(), Nothing)
    cloud.end_runs()
    assert isinstance(trained.wake(), Start)


def test_drift_never_starts_a_run_before_there_is_data(cloud: FakeCloud) -> None:
    driver = Driver(cloud)
    driver.set(feedback=FEEDBACK)
    cloud.raise_alarm(ALARM)
    assert isinstance(driver.wake("drift"), Nothing)


def test_data_that_still_lands_is_settled_first(trained: Driver, cloud: FakeCloud) -> None:
    cloud.raise_alarm(ALARM)
    cloud.land("raw/2013-02/flights.csv")
    assert isinstance(trained.wake("drift"), LookAgain)


def test_a_drift_run_that_was_not_recorded_is_not_started_again(
    trained: Driver, cloud: FakeCloud
) -> None:
    cloud.raise_alarm(ALARM)

    def crash(name: str, given: Mapping[str, Any]) -> None:
        if name == "StartPipelineExecution":
            cloud.after = lambda name, given: None
            raise RuntimeError("the function's time is over")

    cloud.after = crash
    with pytest.raises(RuntimeError):
        trained.wake()
    cloud.end_runs()
    trained.converge()
    assert len(cloud.executions) == 2


def test_two_wakes_that_race_start_one_run(trained: Driver, cloud: FakeCloud) -> None:
    cloud.raise_alarm(ALARM)
    nested: list[str] = []

    def wake_in_between(name: str, given: Mapping[str, Any]) -> None:
        if name == "PutObject" and given["Key"] == "trigger/state.json" and not nested:
            nested.append(name)
            trained.wake()

    cloud.before = wake_in_between
    trained.wake()
    assert len(cloud.executions) == 2


def test_a_refused_start_is_tried_again_with_the_same_token(
    trained: Driver, cloud: FakeCloud
) -> None:
    cloud.raise_alarm(ALARM)

    def refuse(name: str, given: Mapping[str, Any]) -> None:
        if name == "StartPipelineExecution":
            cloud.before = lambda name, given: None
            raise ServiceError("ResourceLimitExceeded", "20 runs")

    cloud.before = refuse
    trained.until_quiet()
    tokens = [g["ClientRequestToken"] for n, g in cloud.calls if n == "StartPipelineExecution"]
    assert len(tokens) == 3
    assert tokens[1] == tokens[2] != tokens[0]


# -- cooldown and limit -------------------------------------------------------------------------


def flap(trained: Driver, cloud: FakeCloud, *, hours: float) -> None:
    """The alarm ends, and goes off again after so many hours."""
    cloud.end_alarm(ALARM)
    cloud.advance(hours * HOUR)
    cloud.raise_alarm(ALARM)
    trained.until_quiet("drift")


def test_between_two_runs_for_drift_lies_the_cooldown(trained: Driver, cloud: FakeCloud) -> None:
    cloud.raise_alarm(ALARM)
    trained.wake()
    end_last_run(cloud, "Failed")
    flap(trained, cloud, hours=2)
    assert len(cloud.executions) == 2
    cloud.advance(23 * HOUR)
    trained.wake("found by the schedule")
    assert len(cloud.executions) == 3, "the second episode is still to be answered"


def test_after_the_limit_of_fruitless_runs_people_are_told_once_and_no_run_starts(
    trained: Driver, cloud: FakeCloud
) -> None:
    cloud.raise_alarm(ALARM)
    trained.wake()
    for _ in range(4):
        end_last_run(cloud, "Failed")
        flap(trained, cloud, hours=48)
        trained.wake()
    assert len(cloud.executions) == 3, "the first, and two for drift"
    subjects = [notice["Subject"] for notice in cloud.notices]
    assert subjects == ["flights dev: drift goes on, and 2 retrains did not help"] * 3, (
        "once in each episode"
    )
    text = json.loads(cloud.notices[0]["Message"])["email"]
    assert "ratchet run training --env dev" in text


def test_a_tie_with_the_champion_is_fruitless(trained: Driver, cloud: FakeCloud) -> None:
    cloud.raise_alarm(ALARM)
    trained.wake()
    for _ in range(4):
        end_last_run(cloud, "Succeeded", regression=0.0)
        flap(trained, cloud, hours=48)
    assert len(cloud.executions) == 3


def test_a_better_model_ends_the_count(trained: Driver, cloud: FakeCloud) -> None:
    cloud.raise_alarm(ALARM)
    trained.wake()
    for regression in (0.0, -0.01, 0.0, -0.01):
        end_last_run(cloud, "Succeeded", regression=regression)
        flap(trained, cloud, hours=48)
    assert len(cloud.executions) == 6


def test_a_better_model_that_waits_for_approval_is_waited_for(
    trained: Driver, cloud: FakeCloud
) -> None:
    cloud.raise_alarm(ALARM)
    trained.wake()
    end_last_run(cloud, "Succeeded", regression=-0.01)
    (package,) = cloud.packages.values()
    package["ModelApprovalStatus"] = "PendingManualApproval"
    flap(trained, cloud, hours=48)
    assert len(cloud.executions) == 2
    assert "version 1, which the last run for drift registered, waits" in trained.decisions[-1].why
    cloud.approve(1)
    trained.wake()
    assert len(cloud.executions) == 3


# -- off ----------------------------------------------------------------------------------------


def test_without_alarms_nobody_is_asked(cloud: FakeCloud) -> None:
    driver = Driver(cloud)
    cloud.land("raw/2013-01/flights.csv")
    cloud.raise_alarm(ALARM)
    driver.until_quiet()
    cloud.end_runs()
    driver.wake("drift")
    assert (len(cloud.executions), cloud.count("DescribeAlarms")) == (1, 0)


def test_the_environment_turns_feedback_off_and_on() -> None:
    assert from_environment(ENVIRONMENT).feedback.alarms == ()
    on = {**ENVIRONMENT, "DRIFT_ALARMS": f"{ALARM}, other", "COOLDOWN_HOURS": "6"}
    feedback = from_environment(on).feedback
    assert feedback.alarms == (ALARM, "other")
    assert (feedback.cooldown_hours, feedback.fruitless_limit) == (6, 3)
    with pytest.raises(TriggerSettingError, match="COOLDOWN_HOURS is 'no'"):
        from_environment({**on, "COOLDOWN_HOURS": "no"})


# -- pure ---------------------------------------------------------------------------------------


def execution(name: str, status: str, *, hours_ago: float) -> Execution:
    started = NOW - timedelta(hours=hours_ago)
    return Execution(
        arn=f"arn:{name}", status=status, display_name=name, description="", started=started
    )


def test_the_newest_alarm_that_is_on_gives_the_episode_its_time() -> None:
    def alarm(name: str, state: str, hours: int) -> dict[str, Any]:
        time = NOW + timedelta(hours=hours)
        return {"AlarmName": name, "StateValue": state, "StateUpdatedTimestamp": time}

    alarms = [alarm("b", "ALARM", 1), alarm("a", "ALARM", 2), alarm("c", "OK", 3)]
    assert drift.episode_of(alarms) == Episode(since=NOW + timedelta(hours=2), alarms=("a", "b"))
    assert drift.episode_of([alarm("c", "OK", 3)]) is None


def test_an_alarm_whose_evaluation_changes_keeps_its_episode() -> None:
    known = {"AlarmName": "a", "StateValue": "ALARM", "StateTransitionedTimestamp": NOW}
    updated = {**known, "StateUpdatedTimestamp": NOW + timedelta(hours=5)}
    episode = drift.episode_of([updated])
    assert episode is not None
    assert episode.since == NOW


def test_runs_on_data_that_bring_nothing_neither_count_nor_end_the_count() -> None:
    runs = [
        execution("2013-02-drift-0123456789ab", "Failed", hours_ago=50),
        execution("2013-02-0123456789ab", "Failed", hours_ago=60),
        execution("2013-01-drift-0123456789ab", "Stopped", hours_ago=90),
    ]
    answer = drift.answer(
        Episode(since=NOW, alarms=("a",)),
        runs,
        now=NOW,
        cooldown_hours=24,
        fruitless_limit=2,
        registered=lambda arn: None,
    )
    assert isinstance(answer, Exhausted)
    assert answer.fruitless == 2


def test_a_better_model_of_a_run_on_new_data_ends_the_count() -> None:
    runs = [
        execution("2013-02-0123456789ab", "Succeeded", hours_ago=50),
        execution("2013-01-drift-0123456789ab", "Failed", hours_ago=90),
    ]
    better = Registered(version=2, better=True, waits=False)
    answer = drift.answer(
        Episode(since=NOW, alarms=("a",)),
        runs,
        now=NOW,
        cooldown_hours=24,
        fruitless_limit=1,
        registered=lambda arn: better,
    )
    assert answer is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("2013-01-drift-0123456789ab", True),
        ("2013-01-0123456789ab", False),
        ("drift-0123456789ab", False),
        ("mine", False),
    ],
)
def test_a_run_for_drift_is_known_by_its_name(name: str, expected: bool) -> None:
    assert run_names.is_for_drift(name) is expected


def test_a_long_name_keeps_its_mark() -> None:
    name = run_names.display_name("x" * 100, "0123456789abcdef", asked_by=run_names.DRIFT)
    assert len(name) == 82
    assert run_names.is_for_drift(name)


def test_each_episode_has_a_token_of_its_own() -> None:
    tokens = {token_of(pipeline="p", digest="d", episode=episode) for episode in ("", "1", "2")}
    assert len(tokens) == 3


def test_an_abandoned_claim_for_drift_lends_its_words_only_to_the_same_drift() -> None:
    def claim(episode: str, words: str) -> Claim:
        return Claim(digest="d", at=NOW, display_name="n", description=words, episode=episode)

    state = State(claim=claim("1", "first"))
    assert claimed(state, claim("1", "second")).claim == claim("1", "first")
    assert claimed(state, claim("2", "second")).claim == claim("2", "second")
