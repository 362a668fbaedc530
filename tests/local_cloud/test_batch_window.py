"""When a batch of messages goes to a function."""

import threading
import time
from typing import Any

import pytest

from ratchet.local_cloud.emulator.queues import BatchWindow

ARN = "arn:aws:sqs:us-east-1:000000000000:landed"


class FakeQueues:
    """What BatchWindow uses of MiniStack's queues and mappings, with one queue."""

    def __init__(self, *, window: int) -> None:
        self._queues_lock = threading.Lock()
        self.queue: dict[str, Any] = {"attributes": {"QueueArn": ARN}, "messages": []}
        self.mapping = {"EventSourceArn": ARN, "MaximumBatchingWindowInSeconds": window}

    def send(self, count: int, *, delay: float = 0) -> None:
        now = time.time()
        self.queue["messages"] += [{"visible_at": now + delay}] * count

    def _get_q(self, url: str) -> dict[str, Any]:
        return self.queue

    def _expire_retained(self, queue: object) -> None: ...

    def _dlq_sweep(self, queue: object) -> None: ...

    def _collect_msgs(self, queue: Any, most: int, timeout: int) -> list[Any]:
        ready = [m for m in queue["messages"] if m["visible_at"] <= time.time()]
        queue["messages"] = queue["messages"][len(ready[:most]) :]
        return ready[:most]

    def _iter_all_esms(self) -> list[tuple[str, str, dict[str, Any]]]:
        return [("000000000000", "us-east-1", self.mapping)]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_messages_wait_until_the_window_is_over(clock: list[float]) -> None:
    queues = FakeQueues(window=5)
    receiver = BatchWindow(queues, queues)
    queues.send(3)
    assert receiver.receive("url", 100) == []
    clock[0] = 4.9
    queues.send(2)
    assert receiver.receive("url", 100) == []
    clock[0] = 5.0
    assert len(receiver.receive("url", 100)) == 5


def test_a_full_batch_does_not_wait(clock: list[float]) -> None:
    queues = FakeQueues(window=300)
    receiver = BatchWindow(queues, queues)
    queues.send(250)
    assert len(receiver.receive("url", 100)) == 100
    assert len(receiver.receive("url", 100)) == 100
    assert receiver.receive("url", 100) == []


def test_without_a_window_the_first_message_goes_at_once(clock: list[float]) -> None:
    queues = FakeQueues(window=0)
    queues.send(1)
    assert len(BatchWindow(queues, queues).receive("url", 10)) == 1


def test_a_delayed_message_opens_no_window(clock: list[float]) -> None:
    queues = FakeQueues(window=0)
    receiver = BatchWindow(queues, queues)
    queues.send(1, delay=60)
    assert receiver.receive("url", 10) == []
