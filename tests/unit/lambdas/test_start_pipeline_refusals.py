"""Calls that only remember or tell hold no run back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from start_pipeline.rules import Nothing
from start_pipeline.trigger import Start
from tests.unit.lambdas.driver import HOUR, Driver
from tests.unit.lambdas.fake_cloud import FakeCloud, ServiceError
from tests.unit.lambdas.refusals import refuse
from tests.unit.lambdas.test_start_pipeline_drift import ALARM, FEEDBACK, end_last_run, flap


@pytest.fixture
def driver(cloud: FakeCloud) -> Driver:
    driver = Driver(cloud)
    driver.set(feedback=FEEDBACK)
    cloud.land("raw/2013-01/flights.csv")
    return driver


def test_a_cache_that_cannot_be_written_holds_no_run_back(driver: Driver, cloud: FakeCloud) -> None:
    def before(name: str, given: Mapping[str, Any]) -> None:
        if name == "PutObject" and "identities" in given["Key"]:
            raise ServiceError("SlowDown", status=503)

    cloud.before = before
    driver.wake("landed")
    cloud.advance(60)
    assert isinstance(driver.wake(), Start)


@pytest.mark.parametrize("names", [("Publish",), ("PutMetricData",), ("Publish", "PutMetricData")])
def test_what_sns_refuses_is_told_by_the_next_wake(
    driver: Driver, cloud: FakeCloud, names: tuple[str, ...]
) -> None:
    driver.until_quiet()
    cloud.end_runs()
    cloud.advance(HOUR)
    cloud.raise_alarm(ALARM)
    driver.wake()
    for _ in range(2):
        end_last_run(cloud, "Failed")
        flap(driver, cloud, hours=48)
    cloud.notices.clear()
    cloud.before = refuse(*names)
    flap(driver, cloud, hours=48)
    assert isinstance(driver.wake(), Nothing)
    told_at_once = "Publish" not in names
    assert len(cloud.notices) == told_at_once
    cloud.before = lambda name, given: None
    for _ in range(2):
        driver.wake()
    assert len(cloud.notices) == 1
