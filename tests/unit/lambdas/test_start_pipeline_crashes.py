"""Whatever a wake is interrupted by, and wherever: the content is run exactly once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from start_pipeline.rules import LookAgain
from start_pipeline.trigger import Start
from tests.unit.lambdas.driver import HOUR, Driver
from tests.unit.lambdas.fake_cloud import ARTIFACTS, FakeCloud

CALLS_OF_A_START = 14
"""How many calls a wake that starts a run makes, at least: the tests interrupt each."""


class Crash(BaseException):
    """The function's process ends here: nothing catches it."""


@dataclass
class At:
    """Does something when the n-th call is made."""

    number: int
    what: Callable[[], object]
    made: int = field(default=0)

    def __call__(self, name: str, given: Mapping[str, Any]) -> None:
        self.made += 1
        if self.made == self.number:
            self.what()


def crash() -> None:
    raise Crash


@pytest.fixture
def driver(cloud: FakeCloud) -> Driver:
    """January has settled: the next wake starts its run."""
    driver = Driver(cloud)
    cloud.land("raw/2013-01/flights.csv")
    cloud.land("raw/2013-01/weather.csv")
    driver.wake("landed")
    cloud.advance(60)
    cloud.due()
    return driver


def is_run_once(driver: Driver, *, runs: int = 1) -> None:
    """One run for each content, each with its record."""
    cloud = driver.cloud
    digests = [execution.manifest.split("/")[-2] for execution in cloud.executions]
    assert len(digests) == len(set(digests)) == runs
    for digest in digests:
        for name in ("manifest.json", "snapshot.json", "execution.json"):
            assert f"manifests/{digest}/{name}" in cloud.buckets[ARTIFACTS]


def test_the_interrupted_calls_below_are_all_that_a_start_makes(driver: Driver) -> None:
    driver.cloud.calls.clear()
    assert isinstance(driver.wake(), Start)
    assert len(driver.cloud.calls) == CALLS_OF_A_START


@pytest.mark.parametrize("tokens_forgotten", [False, True])
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("number", range(1, CALLS_OF_A_START + 1))
def test_a_crash_before_or_after_any_call_leaves_one_run(
    driver: Driver, number: int, moment: str, tokens_forgotten: bool
) -> None:
    setattr(driver.cloud, moment, At(number, crash))
    with pytest.raises(Crash):
        driver.wake()
    setattr(driver.cloud, moment, lambda name, given: None)
    # SageMaker does not say for how long it remembers a token.
    driver.cloud.tokens_forgotten = tokens_forgotten
    driver.converge()
    is_run_once(driver)


@pytest.mark.parametrize("number", range(1, CALLS_OF_A_START + 1))
def test_a_second_wake_at_any_moment_of_the_first_starts_no_second_run(
    driver: Driver, number: int
) -> None:
    other = Driver(driver.cloud)
    driver.cloud.before = At(number, other.wake)
    driver.cloud.tokens_forgotten = True  # so that the claim alone has to hold
    driver.wake()
    driver.converge()
    is_run_once(driver)


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("number", range(1, CALLS_OF_A_START + 1))
def test_wakes_that_see_different_content_do_not_run_at_the_same_time(
    driver: Driver, number: int, listed: bool
) -> None:
    """The second wake sees February too, and does not wait for it to settle."""
    cloud = driver.cloud
    other = Driver(cloud)
    other.set(settle_seconds=0)

    def february() -> None:
        cloud.land("raw/2013-02/flights.csv")
        other.wake("landed")

    cloud.listed = listed
    cloud.before = At(number, february)
    driver.wake()
    running = [execution for execution in cloud.executions if execution.status == "Executing"]
    assert len(running) == 1

    cloud.listed = True
    cloud.end_runs()
    driver.converge()
    assert any("2013-02" in execution.name for execution in cloud.executions)
    is_run_once(driver, runs=len(cloud.executions))
    assert len(cloud.executions) <= 2


def test_a_start_that_other_wakes_overtook_is_still_known_to_be_started(driver: Driver) -> None:
    cloud = driver.cloud
    other = Driver(cloud)

    def february(name: str, given: Mapping[str, Any]) -> None:
        if name == "StartPipelineExecution":
            cloud.land("raw/2013-02/flights.csv")
            other.wake("landed")

    cloud.after = february
    assert isinstance(driver.wake(), Start)
    cloud.after = lambda name, given: None
    cloud.end_runs()
    driver.until_quiet()
    assert "2013-02: 1 new object, landed." in cloud.executions[1].description


def test_a_retry_asks_with_the_very_same_words(driver: Driver) -> None:
    """A token that comes again with another request may be refused."""
    asked: list[Mapping[str, Any]] = []

    def crash_once(name: str, given: Mapping[str, Any]) -> None:
        if name == "StartPipelineExecution":
            asked.append(given)
            if len(asked) == 1:
                raise Crash

    driver.cloud.before = crash_once
    with pytest.raises(Crash):
        driver.wake()
    driver.cloud.advance(HOUR)
    driver.until_quiet("another reason")
    assert len(asked) == 2
    assert asked[0] == asked[1]


def test_a_wake_that_loses_a_race_looks_again(driver: Driver) -> None:
    other = Driver(driver.cloud)

    def overtake(name: str, given: Mapping[str, Any]) -> None:
        if name == "PutObject" and "state" in given["Key"]:
            driver.cloud.before = lambda name, given: None
            other.wake()

    driver.cloud.before = overtake
    decision = driver.wake()
    assert isinstance(decision, LookAgain)
    assert decision.why == "another wake is at work"
    assert driver.cloud.messages
