"""Messages that the trigger sends itself: chains of them end, and do not multiply.

Lambda ends a chain function → queue → the same function after about 16 links, unless the function's
RecursiveLoop is Allow (https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.unit.lambdas.driver import HOUR, Driver
from tests.unit.lambdas.fake_cloud import FakeCloud
from tests.unit.lambdas.fake_serving import ServiceError

LAMBDAS_LIMIT = 16


@dataclass
class Chain:
    """Lets time pass; each message is one link longer than the wake that sent it."""

    driver: Driver
    longest: int = 0
    most_waiting: int = 0

    def __post_init__(self) -> None:
        self.links: dict[int, int] = {}

    def wake(self, depth: int) -> None:
        cloud = self.driver.cloud
        before = {id(message) for message in cloud.messages}
        self.driver.wake("landed")
        for message in cloud.messages:
            if id(message) not in before:
                self.links[id(message)] = depth + 1
                self.longest = max(self.longest, depth + 1)
        self.most_waiting = max(self.most_waiting, len(cloud.messages))

    def until(self, end: datetime) -> None:
        """What the function sent itself wakes it, by itself."""
        cloud = self.driver.cloud
        while cloud.messages and min(at for at, _ in cloud.messages) <= end:
            message = min(cloud.messages)
            cloud.now = max(cloud.now, message[0])
            cloud.messages.remove(message)
            self.wake(self.links[id(message)])
        cloud.now = max(cloud.now, end)

    def land_for(self, seconds: int, *, every: float) -> None:
        """Data lands all the time, each object with an event that wakes the function."""
        cloud = self.driver.cloud
        end = cloud.now + timedelta(seconds=seconds)
        number = 0
        while cloud.now < end:
            number += 1
            cloud.land(f"raw/2013-01/{number:05}.csv")
            self.wake(0)
            self.until(cloud.now + timedelta(seconds=every))


@pytest.mark.parametrize(
    ("settle", "max_wait"),
    [(60, 900), (5, 120), (60, HOUR)],
    ids=["defaults", "dev.toml", "an hour"],
)
@pytest.mark.parametrize("share", [0.5, 0.9], ids=["often", "rarely"])
def test_a_landing_that_goes_on_makes_a_chain_that_ends_with_the_longest_wait(
    cloud: FakeCloud, settle: int, max_wait: int, share: float
) -> None:
    driver = Driver(cloud)
    driver.set(settle_seconds=settle, max_wait_seconds=max_wait)
    chain = Chain(driver)
    chain.land_for(max_wait + settle, every=settle * share)
    chain.until(cloud.now + timedelta(hours=2))
    assert LAMBDAS_LIMIT < chain.longest <= 2 * max_wait / settle + 2, "RecursiveLoop: Allow"
    assert chain.most_waiting == 1, "one message at a time"
    assert driver.starts
    assert not cloud.messages


def test_while_sagemaker_refuses_the_function_tries_again_with_one_message_at_a_time(
    cloud: FakeCloud,
) -> None:
    def refuse(name: str, given: Mapping[str, Any]) -> None:
        if name == "StartPipelineExecution":
            raise ServiceError("ResourceLimitExceeded", "20 runs are in progress")

    chain = Chain(Driver(cloud))
    cloud.before = refuse
    cloud.land("raw/2013-01/flights.csv")
    chain.wake(0)
    chain.until(cloud.now + timedelta(hours=4))
    assert LAMBDAS_LIMIT < chain.longest <= 4 * 12 + 2
    assert chain.most_waiting == 1
    cloud.before = lambda name, given: None
    chain.until(cloud.now + timedelta(minutes=10))
    assert len(cloud.executions) == 1
    assert not cloud.messages
