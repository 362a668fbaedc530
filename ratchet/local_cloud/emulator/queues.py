"""Lambda's batching of SQS messages, which MiniStack records and does not do; and its second try
of the messages that a killed process was at.

``MaximumBatchingWindowInSeconds`` is held to within the poller's second, and a batch has up to
``BatchSize`` messages also above ten
(https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html).
"""

from __future__ import annotations

import time
from typing import Any

Message = dict[str, Any]


class BatchWindow:
    """Receives messages for an event source mapping when its batch is full or its time is up."""

    def __init__(self, sqs: Any, functions: Any) -> None:
        self._sqs = sqs
        self._functions = functions
        self._waiting_since: dict[str, float] = {}

    def receive(self, queue_url: str, batch_size: int) -> list[Message]:
        """A batch, or nothing yet. Called by MiniStack's poller thread only."""
        sqs = self._sqs
        with sqs._queues_lock:
            queue = sqs._get_q(queue_url)
            sqs._expire_retained(queue)
            sqs._dlq_sweep(queue)
            visible = self._visible(queue)
            if not visible:
                self._waiting_since.pop(queue_url, None)
                return []
            since = self._waiting_since.setdefault(queue_url, time.monotonic())
            window = self._window(queue["attributes"]["QueueArn"])
            if visible < batch_size and time.monotonic() - since < window:
                return []
            self._waiting_since.pop(queue_url, None)
            timeout = int(queue["attributes"].get("VisibilityTimeout", "30"))
            batch: list[Message] = sqs._collect_msgs(queue, int(batch_size or 1), timeout)
            return batch

    @staticmethod
    def _visible(queue: Any) -> int:
        now = time.time()
        return sum(message.get("visible_at", 0.0) <= now for message in queue["messages"])

    def _window(self, queue_arn: str) -> float:
        windows = [
            mapping.get("MaximumBatchingWindowInSeconds") or 0
            for _, _, mapping in self._functions._iter_all_esms()
            if mapping.get("EventSourceArn") == queue_arn
        ]
        return float(min(windows, default=0))


def show_again(sqs: Any, functions: Any) -> int:
    """Make the messages visible that functions were at when the process was killed; how many.

    That they were received does not count: a kill is no failure of the function.
    """
    sources = {mapping.get("EventSourceArn") for _, _, mapping in functions._iter_all_esms()}
    shown, now = 0, time.time()
    with sqs._queues_lock:
        for queue in sqs._queues._data.values():
            if queue.get("attributes", {}).get("QueueArn") not in sources:
                continue
            for message in queue["messages"]:
                if message.get("receive_count") and message.get("visible_at", 0.0) > now:
                    message["visible_at"] = now
                    message["receive_count"] -= 1
                    shown += 1
    return shown


def install(sqs: Any, functions: Any) -> None:
    """Let MiniStack's poller receive by ``BatchWindow``."""
    sqs._receive_messages_for_esm = BatchWindow(sqs, functions).receive
