"""A storm over the reconciler: wakes that overlap call by call while versions come and go.

Each wake runs in a thread of its own and stops before each of its AWS calls until the schedule, a
random one that its seed names, lets it make one more. Between two calls anything may happen: an
update ends, somebody approves or rejects, another wake begins, Lambda ends one that takes too long.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any, Literal

from reconcile_champion import handler as entry
from tests.unit.lambdas.fake_cloud import FakeCloud
from tests.unit.lambdas.fake_serving import MARK, arn_of
from tests.unit.lambdas.reconcile_driver import Loop

Quality = Literal["good", "fails", "rolls back silently"]

TIMEOUT = timedelta(seconds=120)
VISIBILITY = timedelta(seconds=180)
_VERSIONS = 4
_MOST_STEPS = 4000


class Killed(BaseException):
    """Lambda ends the function: nothing catches it."""


@dataclass
class Message:
    visible: datetime
    number: int


@dataclass(eq=False)
class Wake:
    """One invocation, in its own thread."""

    storm: Storm
    messages: list[Message]
    began: datetime
    ended: bool = False
    killed: bool = False
    succeeded: bool = False
    error: BaseException | None = None

    def __post_init__(self) -> None:
        self._go, self._stopped = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._stopped.acquire()

    def step(self) -> None:
        """Let it make one call."""
        self.storm.running = self
        self._go.release()
        self._stopped.acquire()

    def stop(self) -> None:
        """Called in its thread, before each call."""
        self._stopped.release()
        self._go.acquire()
        if self.killed:
            raise Killed

    def _run(self) -> None:
        self._stopped.release()
        self._go.acquire()
        try:
            records = [{"messageId": str(m.number), "body": "{}"} for m in self.messages]
            answer = entry.handler({"Records": records}, None)
            self.succeeded = not answer["batchItemFailures"]
        except Killed:
            pass
        except BaseException as error:
            self.error = error
        self.ended = True
        self._stopped.release()


@dataclass
class Storm:
    """One random history; `check` says what must hold at its end."""

    loop: Loop
    cloud: FakeCloud
    seed: int
    wakes_at_once: int
    qualities: dict[int, Quality] = field(default_factory=dict)
    approvals: Counter[int] = field(default_factory=Counter)
    updates: Counter[str] = field(default_factory=Counter)
    marks: Counter[int] = field(default_factory=Counter)
    queue: list[Message] = field(default_factory=list)
    wakes: list[Wake] = field(default_factory=list)
    running: Wake | None = None
    kills: int = 0
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        cloud = self.cloud
        cloud.update_takes = timedelta(0)
        cloud.update_tokens_remembered = self.random.random() < 0.5
        cloud.before, cloud.after = self._before, self._after
        reconciler = entry._reconciler()
        object.__setattr__(reconciler, "now", lambda: self.cloud.now)

    # -- what a wake's calls mean --------------------------------------------------------------

    def _before(self, name: str, given: Mapping[str, Any]) -> None:
        assert self.running is not None
        self.running.stop()
        if name == "UpdateModelPackage" and MARK in given.get("CustomerMetadataProperties", {}):
            version = int(given["ModelPackageArn"].rpartition("/")[2])
            self.marks[version] += 1
            if self.qualities[version] == "good":
                why = given["CustomerMetadataProperties"][MARK]
                self.wrong.append(f"version {version} is good, and was marked: {why}")

    def _after(self, name: str, given: Mapping[str, Any]) -> None:
        stack = self.cloud.stack
        if name == "UpdateStack" and stack and stack.wanted is not None:
            begun = sum(
                event["ResourceStatus"] == "UPDATE_IN_PROGRESS"
                and event["LogicalResourceId"] == event["StackName"]
                for event in stack.events
            )
            if begun > self.updates.total():
                self.updates[stack.wanted["ChampionVersion"]] += 1

    # -- what happens --------------------------------------------------------------------------

    def run(self) -> None:
        for _ in range(self.random.randrange(40, 200)):
            self._happen()
        self._calm()
        self.check()

    def _happen(self) -> None:
        self.cloud.advance(self.random.choice((0.01, 0.1, 0.5, 2.0)))
        choices = [self._begin_wake] if len(self.wakes) < self.wakes_at_once else []
        choices += [self._step_wake] * (8 if self.wakes else 0)
        if self.cloud.stack and self.cloud.stack.wanted is not None:
            choices.append(self._end_update)
        if self.random.random() < 0.15:
            choices.append(self._decide)
        if choices:
            self.random.choice(choices)()

    def _begin_wake(self) -> None:
        messages = [m for m in self.queue if m.visible <= self.cloud.now]
        if messages:
            for message in messages:
                message.visible = self.cloud.now + VISIBILITY
            self.wakes.append(Wake(self, messages, self.cloud.now))

    def _step_wake(self) -> None:
        wake = self.random.choice(self.wakes)
        kill = self.random.random() < 0.002
        if kill or self.cloud.now > wake.began + TIMEOUT:
            wake.killed = True
            self.kills += 1
        wake.step()
        if wake.ended:
            self.wakes.remove(wake)
            if wake.succeeded:
                self.queue = [m for m in self.queue if m not in wake.messages]
            if wake.error:
                raise wake.error

    def _end_update(self) -> None:
        stack = self.cloud.stack
        assert stack is not None
        assert stack.wanted is not None
        version = stack.wanted["ChampionVersion"]
        quality = self.qualities[int(version)] if version != "none" else "good"
        if quality == "good":
            self.cloud.finish_update()
        elif quality == "fails" or self.cloud.endpoint is None:
            self.cloud.fail_update()
        else:
            self.cloud.roll_back_silently()
        self._send()

    def _decide(self) -> None:
        """Somebody registers and approves the next version, or rejects one, or approves one that
        was rejected."""
        rejected = [
            version
            for version in self.qualities
            if self.cloud.packages[arn_of(version)]["ModelApprovalStatus"] == "Rejected"
        ]
        if len(self.qualities) < _VERSIONS and self.random.random() < 0.7:
            version = len(self.qualities) + 1
            self.qualities[version] = self.random.choice(
                ("good", "good", "fails", "rolls back silently")
            )
            self.cloud.register(version)
        elif rejected and self.random.random() < 0.5:
            version = self.random.choice(rejected)
        elif self.qualities:
            self.cloud.reject(self.random.choice(list(self.qualities)))
            self._send()
            return
        else:
            return
        self.cloud.approve(version)
        self.approvals[version] += 1
        self._send()

    def _send(self) -> None:
        self.queue.append(Message(self.cloud.now, next(self.cloud.numbers)))

    def _calm(self) -> None:
        """Nobody decides any more; all that is under way comes to its end."""
        for _ in range(_MOST_STEPS):
            updating = self.cloud.stack is not None and self.cloud.stack.wanted is not None
            if self.wakes:
                self._step_wake()
            elif updating:
                self._end_update()
            elif self.queue:
                self.cloud.now = max(self.cloud.now, min(m.visible for m in self.queue))
                self._begin_wake()
            else:
                return
        raise AssertionError(f"seed {self.seed}: it does not come to rest")

    # -- what must hold ------------------------------------------------------------------------

    def check(self) -> None:
        best = max((v for v in self._approved() if self.qualities[v] == "good"), default=None)
        endpoint = self.cloud.endpoint
        serving = self.cloud.configs.get(endpoint.config, "another model") if endpoint else "none"
        if best is not None and serving != arn_of(best):
            self.wrong.append(f"version {best} is to serve, and {serving} does")
        for version in self._approved():
            bad = self.qualities[version] != "good"
            if bad and version > (best or 0) and not self.cloud.mark_of(version):
                self.wrong.append(f"version {version} cannot be deployed, and has no mark")
        for version, quality in self.qualities.items():
            # What SageMaker rolled back may come back when a later update is rolled back to it.
            if quality == "fails" and self.updates[str(version)] > self.approvals[version]:
                self.wrong.append(f"version {version} was tried more often than approved")
        self._check_notices()
        if self.wrong:
            raise AssertionError(f"seed {self.seed}: {'; '.join(self.wrong)}")

    def _approved(self) -> list[int]:
        packages = self.cloud.packages
        return [
            version
            for version in self.qualities
            if packages[arn_of(version)]["ModelApprovalStatus"] == "Approved"
        ]

    def _check_notices(self) -> None:
        counts = Counter(self.loop.told)
        if self.kills:  # who is ended in the middle of telling tells it once more
            return
        for version, marks in self.marks.items():
            times = counts[f"version {version} could not be deployed"]
            if times != marks:
                self.wrong.append(f"version {version} was marked {marks} and told {times} times")
        serving = [title for title in self.loop.told if "serves" in title]
        for before, after in pairwise(serving):
            if before == after:
                self.wrong.append(f"{after!r} was told twice")
