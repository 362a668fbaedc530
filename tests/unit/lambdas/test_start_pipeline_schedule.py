"""The schedule as a reason to run content that was run before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from start_pipeline import schedule, wakes
from start_pipeline.rules import LookAgain, Nothing, with_schedule
from start_pipeline.runs import token_of
from start_pipeline.seen import Execution, State
from start_pipeline.settings import TriggerSettingError, from_environment
from start_pipeline.trigger import Start
from tests.unit.lambdas.driver import HOUR, Driver
from tests.unit.lambdas.fake_cloud import ARTIFACTS, FakeCloud
from tests.unit.lambdas.fake_serving import EPOCH as NOW
from tests.unit.lambdas.test_start_pipeline_drift import ALARM, FEEDBACK
from tests.unit.lambdas.test_start_pipeline_handler import ENVIRONMENT


@pytest.fixture
def trained(cloud: FakeCloud) -> Driver:
    """January has landed, and was run an hour ago."""
    driver = Driver(cloud)
    driver.set(timezone="Europe/Berlin")
    cloud.land("raw/2013-01/flights.csv")
    driver.until_quiet("landed")
    cloud.end_runs()
    cloud.advance(HOUR)
    return driver


def test_a_scheduled_time_runs_the_content_once_more_and_says_why(
    trained: Driver, cloud: FakeCloud
) -> None:
    at = cloud.now
    local = at + timedelta(hours=2)  # April: summer time in Berlin
    assert isinstance(trained.wake(scheduled=at), Start)
    first, second = cloud.executions
    assert second.manifest == first.manifest, "the same data"
    assert second.name.startswith(f"2013-01-scheduled-{local:%Y-%m-%d-%H%M}-")
    assert second.description.startswith(
        f"scheduled {local:%Y-%m-%d %H:%M} Europe/Berlin. The data is as before. Window: 1 object"
    )


@pytest.mark.parametrize("status", ["Succeeded", "Failed", "Stopped"])
def test_a_scheduled_time_starts_one_run_however_often_it_is_told(
    trained: Driver, cloud: FakeCloud, status: str
) -> None:
    at = cloud.now
    for _ in range(5):
        trained.until_quiet()
        trained.wake(scheduled=at)
        cloud.end_runs(status)
        cloud.advance(HOUR)
    assert len(cloud.executions) == 2


def test_a_late_message_of_an_earlier_time_starts_nothing(
    trained: Driver, cloud: FakeCloud
) -> None:
    at = cloud.now
    trained.wake(scheduled=at)
    cloud.end_runs()
    cloud.advance(HOUR)
    trained.wake(scheduled=at - timedelta(days=7))
    assert len(cloud.executions) == 2


def test_each_scheduled_time_has_a_run_of_its_own(trained: Driver, cloud: FakeCloud) -> None:
    for _ in range(3):
        trained.wake(scheduled=cloud.now)
        cloud.end_runs()
        cloud.advance(24 * HOUR)
    assert len(cloud.executions) == 4
    tokens = [g["ClientRequestToken"] for n, g in cloud.calls if n == "StartPipelineExecution"]
    assert len(set(tokens)) == 4


def test_a_run_in_progress_is_waited_for_and_its_end_starts_the_scheduled_one(
    trained: Driver, cloud: FakeCloud
) -> None:
    cloud.executions[-1].status = "Executing"
    assert isinstance(trained.wake(scheduled=cloud.now), Nothing)
    cloud.end_runs()
    assert isinstance(trained.wake(), Start), "the wake itself knows nothing of the schedule"
    cloud.end_runs()
    trained.converge()
    assert len(cloud.executions) == 2


def test_times_that_pass_during_a_run_are_answered_by_one_run(
    trained: Driver, cloud: FakeCloud
) -> None:
    cloud.executions[-1].status = "Executing"
    for _ in range(3):
        trained.wake(scheduled=cloud.now)
        cloud.advance(HOUR)
    cloud.end_runs()
    trained.converge()
    assert len(cloud.executions) == 2


def test_a_run_on_new_data_answers_the_schedule(trained: Driver, cloud: FakeCloud) -> None:
    cloud.land("raw/2013-02/flights.csv")
    assert isinstance(trained.wake(scheduled=cloud.now), LookAgain), "it still settles"
    trained.until_quiet()
    cloud.end_runs()
    trained.converge()
    assert [execution.name[:8] for execution in cloud.executions] == ["2013-01-", "2013-02-"]
    assert "scheduled" not in cloud.executions[-1].name


def test_a_run_by_hand_answers_the_schedule(trained: Driver, cloud: FakeCloud) -> None:
    at = cloud.now
    cloud.advance(60)
    trained.wake(scheduled=cloud.now)
    cloud.end_runs()
    trained.wake(scheduled=at)
    assert len(cloud.executions) == 2


def test_a_scheduled_run_answers_drift_too(trained: Driver, cloud: FakeCloud) -> None:
    trained.set(feedback=FEEDBACK)
    cloud.raise_alarm(ALARM)
    cloud.advance(60)
    trained.wake(scheduled=cloud.now)
    cloud.end_runs()
    trained.converge()
    assert len(cloud.executions) == 2


def test_nothing_landed_starts_nothing_and_the_log_says_so(cloud: FakeCloud) -> None:
    driver = Driver(cloud)
    decision = driver.wake(scheduled=cloud.now)
    assert isinstance(decision, Nothing)
    assert decision.why == (
        "s3://data/raw/ holds no data: nothing to run on, though a run was scheduled for "
        f"{cloud.now:%Y-%m-%d %H:%M} UTC"
    )
    assert cloud.executions == []


def test_a_time_to_come_is_no_schedules(trained: Driver, cloud: FakeCloud) -> None:
    assert isinstance(trained.wake(scheduled=cloud.now + timedelta(days=1)), Nothing)
    cloud.advance(48 * HOUR)
    trained.converge()
    assert len(cloud.executions) == 1


def test_once_answered_a_wake_asks_sagemaker_nothing(trained: Driver, cloud: FakeCloud) -> None:
    trained.wake(scheduled=cloud.now)
    cloud.end_runs()
    trained.wake()
    asked = cloud.count("ListPipelineExecutions")
    trained.wake()
    assert cloud.count("ListPipelineExecutions") == asked


def test_a_scheduled_run_that_was_not_recorded_is_not_started_again(
    trained: Driver, cloud: FakeCloud
) -> None:
    def crash(name: str, given: Mapping[str, Any]) -> None:
        if name == "StartPipelineExecution":
            cloud.after = lambda name, given: None
            raise RuntimeError("the function's time is over")

    cloud.after = crash
    at = cloud.now
    with pytest.raises(RuntimeError):
        trained.wake(scheduled=at)
    trained.wake(scheduled=at)  # the message comes back
    cloud.end_runs()
    trained.converge()
    assert len(cloud.executions) == 2


def test_two_wakes_that_race_start_one_run(trained: Driver, cloud: FakeCloud) -> None:
    nested: list[str] = []
    at = cloud.now

    def wake_in_between(name: str, given: Mapping[str, Any]) -> None:
        if name == "PutObject" and given["Key"] == "trigger/state.json" and not nested:
            nested.append(name)
            trained.wake(scheduled=at)

    cloud.before = wake_in_between
    trained.wake(scheduled=at)
    cloud.end_runs()
    trained.converge()
    assert len(cloud.executions) == 2


def test_a_wake_that_gives_way_hands_its_scheduled_time_on(
    trained: Driver, cloud: FakeCloud
) -> None:
    nested: list[str] = []
    at = cloud.now

    def change_in_between(name: str, given: Mapping[str, Any]) -> None:
        if name == "PutObject" and given["Key"] == "trigger/state.json" and not nested:
            nested.append(name)
            cloud.land("raw/2013-02/flights.csv")
            trained.wake("landed")  # knows nothing of the schedule, and writes the state first

    cloud.before = change_in_between
    trained.wake(scheduled=at)
    assert wakes.scheduled(body for _, body in cloud.messages) == at


def test_a_state_of_before_there_were_schedules_is_still_read(
    trained: Driver, cloud: FakeCloud
) -> None:
    stored = cloud.buckets[ARTIFACTS]["trigger/state.json"]
    known = json.loads(stored.body)
    del known["scheduled"], known["on_time"]
    stored.body = json.dumps(known).encode()
    assert isinstance(trained.wake(), Nothing)
    assert len(cloud.executions) == 1


# -- two pipelines over one bucket --------------------------------------------------------------


def test_what_one_pipeline_has_run_says_nothing_about_the_other(
    trained: Driver, cloud: FakeCloud
) -> None:
    evaluation = Driver(cloud)
    evaluation.set(intake="evaluation", pipeline="flights-dev-evaluation")
    evaluation.until_quiet("landed")
    assert len(cloud.executions) == 2
    kept = set(cloud.buckets[ARTIFACTS])
    digest = next(key.split("/")[1] for key in kept if key.startswith("manifests/"))
    assert {
        f"manifests/{digest}/execution.json",
        f"manifests/{digest}/execution-evaluation.json",
        "trigger/state.json",
        "evaluation-trigger/state.json",
    } <= kept
    cloud.end_runs()
    trained.converge()
    evaluation.converge()
    assert len(cloud.executions) == 2, "each has run it, once"


def test_an_intake_that_could_leave_its_folder_is_refused() -> None:
    assert from_environment(ENVIRONMENT).intake == "training"
    assert from_environment({**ENVIRONMENT, "INTAKE": "evaluation"}).intake == "evaluation"
    with pytest.raises(TriggerSettingError, match=r"INTAKE is '\.\./x'"):
        from_environment({**ENVIRONMENT, "INTAKE": "../x"})


# -- pure ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        ([], None),
        (['{"reason": "by hand"}', "not JSON", "[]", '{"scheduled_time": 5}'], None),
        (['{"scheduled_time": "soon"}', '{"scheduled_time": "2026-11-30T05:00:00"}'], None),
        (['{"scheduled_time": "2026-11-30T05:00:00Z"}'], datetime(2026, 11, 30, 5, tzinfo=UTC)),
        (
            [
                '{"scheduled_time": "2026-11-30T05:00:00Z"}',
                '{"scheduled_time": "2026-11-29T05:00:00Z"}',
            ],
            datetime(2026, 11, 30, 5, tzinfo=UTC),
        ),
    ],
)
def test_the_latest_scheduled_time_of_a_batch_counts(
    bodies: list[str], expected: datetime | None
) -> None:
    assert wakes.scheduled(bodies) == expected


def test_the_words_of_a_time_follow_summer_time() -> None:
    winter = schedule.of(datetime(2026, 11, 30, 5, tzinfo=UTC), timezone="Europe/Berlin")
    summer = schedule.of(datetime(2026, 7, 6, 4, tzinfo=UTC), timezone="Europe/Berlin")
    assert winter.words == "2026-11-30 06:00 Europe/Berlin"
    assert summer.words == "2026-07-06 06:00 Europe/Berlin"


def test_an_hour_that_comes_twice_is_two_scheduled_times() -> None:
    first = schedule.of(datetime(2027, 10, 31, 0, 30, tzinfo=UTC), timezone="Europe/Berlin")
    second = schedule.of(datetime(2027, 10, 31, 1, 30, tzinfo=UTC), timezone="Europe/Berlin")
    assert first.words == second.words
    assert token_of(pipeline="p", digest="d", episode=first.id) != token_of(
        pipeline="p", digest="d", episode=second.id
    )


def test_a_zone_that_the_function_has_no_data_of_is_told_in_utc() -> None:
    due = schedule.of(datetime(2026, 11, 30, 5, tzinfo=UTC), timezone="Mars/Olympus")
    assert due.words == "2026-11-30 05:00 UTC"


def test_a_run_that_starts_at_the_very_second_answers() -> None:
    due = schedule.of(NOW, timezone="UTC")

    def run(started: datetime | None) -> Execution:
        return Execution(arn="a", status="Failed", display_name="", description="", started=started)

    assert schedule.answered_by(due, [run(NOW)])
    assert not schedule.answered_by(due, [run(None), run(NOW - timedelta(seconds=1))])


def test_the_state_keeps_the_latest_time() -> None:
    state = with_schedule(State(), NOW, now=NOW)
    assert with_schedule(state, NOW - timedelta(hours=1), now=NOW) == state
    assert with_schedule(state, None, now=NOW) == state
    assert with_schedule(state, NOW + timedelta(hours=1), now=NOW) == state
