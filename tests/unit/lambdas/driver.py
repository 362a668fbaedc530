"""Wakes the trigger over a fake cloud as SQS would, and lets time pass."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from start_pipeline.settings import TriggerEnvironment
from start_pipeline.trigger import Decision, Start, Trigger
from tests.unit.lambdas.fake_cloud import ARTIFACTS, DATA, PIPELINE, QUEUE_URL, FakeCloud

SETTINGS = TriggerEnvironment(
    data_bucket=DATA,
    data_prefix="raw/",
    window=0,
    artifacts_bucket=ARTIFACTS,
    pipeline=PIPELINE,
    queue_url=QUEUE_URL,
    settle_seconds=60,
    max_wait_seconds=900,
)

HOUR = 3600


@dataclass
class Driver:
    """One function over one cloud."""

    cloud: FakeCloud
    settings: TriggerEnvironment = SETTINGS
    decisions: list[Decision] = field(default_factory=list)
    facts: list[dict[str, object]] = field(default_factory=list)
    monotonic: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._clients = {name: self.cloud.client(name) for name in ("s3", "sagemaker", "sqs")}
        self._others = {name: self.cloud.client(name) for name in ("cloudwatch", "sns")}

    def set(self, **changes: Any) -> None:
        self.settings = replace(self.settings, **changes)

    def wake(
        self, *reasons: str, seconds: float = 840, scheduled: datetime | None = None
    ) -> Decision:
        trigger = Trigger.over(
            self.settings,
            **self._clients,
            cloudwatch=lambda: self._others["cloudwatch"],
            sns=lambda: self._others["sns"],
            now=lambda: self.cloud.now,
            monotonic=self.monotonic,
        )
        decision, facts = trigger.wake(reasons=reasons, seconds=seconds, scheduled=scheduled)
        self.decisions.append(decision)
        self.facts.append(facts)
        return decision

    def until_quiet(self, *reasons: str) -> Decision:
        """Wake now, and then for each message that the function sent itself; the last decision."""
        decision = self.wake(*reasons)
        for _ in range(20):
            if not self.cloud.messages:
                return decision
            self.cloud.now = max(self.cloud.now, min(at for at, _ in self.cloud.messages))
            self.cloud.due()
            decision = self.wake()
        raise AssertionError(f"the function wakes itself for ever: {self.decisions[-3:]}")

    def converge(self) -> None:
        """Everything that happens later by itself: messages, ends of runs, the schedule."""
        for _ in range(3):
            self.until_quiet("found by the schedule")
            self.cloud.end_runs()
            self.cloud.advance(HOUR)
        self.until_quiet("found by the schedule")

    @property
    def starts(self) -> list[Start]:
        return [decision for decision in self.decisions if isinstance(decision, Start)]

    def keys_of(self, run: int) -> list[str]:
        """The keys in a run's manifest."""
        return list(json.loads(self._read(self.cloud.executions[run].manifest))[1:])

    def _read(self, uri: str) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return self.cloud.buckets[bucket][key].body
