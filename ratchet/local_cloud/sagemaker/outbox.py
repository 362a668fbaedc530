"""Events on their way: committed together with what they tell of, and kept until they have arrived.

An event is forgotten when what its delivery made (a message in a queue) is on disk. After a kill in
between it is delivered again, as AWS may do at any time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from ratchet.local_cloud.sagemaker.store import AccountScope, Body, Store

Deliver = Callable[[AccountScope, Body, Callable[[], None]], None]
"""Delivers an event soon, in some thread, and then calls its last argument."""


class Outbox:
    """The events of one local cloud. Safe to call from any thread."""

    def __init__(self, store: Store, deliver: Deliver) -> None:
        self._store = store
        self._deliver = deliver
        self._delivered: set[int] = set()
        self._lock = threading.Lock()

    def add(self, scope: AccountScope, event: Body) -> None:
        """Deliver an event once the store's current transaction is committed, or never."""
        with self._store.transaction():
            number = self._store.insert_event(scope, event)
            self._store.after_commit(lambda: self._send(number, scope, event))

    def deliver_again(self) -> int:
        """Deliver what a killed process did not, or may not have; answers how many events."""
        events = self._store.events()
        for number, scope, event in events:
            self._send(number, scope, event)
        return len(events)

    def delivered(self) -> Callable[[], None]:
        """A function that forgets the events that are delivered by now."""
        with self._lock:
            numbers = sorted(self._delivered)
        return lambda: self._forget(numbers)

    def _send(self, number: int, scope: AccountScope, event: Body) -> None:
        def delivered() -> None:
            with self._lock:
                self._delivered.add(number)

        self._deliver(scope, event, delivered)

    def _forget(self, numbers: list[int]) -> None:
        if numbers:
            self._store.delete_events(numbers)
            with self._lock:
                self._delivered.difference_update(numbers)
