"""Which fleet answers a request, while one takes over from another."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from ratchet.local_cloud.sagemaker.serving.fleet import Fleet


class TrafficShares:
    """Splits requests between the fleet that serves and the one that will replace it.

    Shares are exact rather than random: of ten requests a canary of 10 % gets one. A fleet that
    gets no more requests still answers those it has: ``retire`` waits for them.
    """

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._serving: Fleet | None = None
        self._next: Fleet | None = None
        self._share = 0.0
        self._credit = 0.0
        self._open: dict[int, int] = {}
        self._closed = False

    @property
    def serving(self) -> Fleet | None:
        """The fleet that serves what the next one does not; None before the first has started."""
        return self._serving

    def serve(self, fleet: Fleet) -> None:
        """From now on all requests go to ``fleet``."""
        with self._change:
            self._serving, self._next, self._share = fleet, None, 0.0
            self._change.notify_all()

    def share(self, fleet: Fleet, share: float) -> None:
        """From now on ``share`` (0 to 1) of the requests go to ``fleet``."""
        with self._change:
            self._next, self._share, self._credit = fleet, share, 0.0

    def close(self) -> None:
        """Answer nobody any more: the endpoint is deleted."""
        with self._change:
            self._closed = True
            self._change.notify_all()

    @contextlib.contextmanager
    def request(self, *, seconds: float) -> Iterator[Fleet | None]:
        """The fleet for one request, kept alive until the request is answered.

        Waits for the first fleet, as after a restart of the cloud; None when none comes.
        """
        with self._change:
            self._change.wait_for(lambda: self._serving or self._closed, seconds)
            fleet = None if self._closed else self._choose()
            if fleet is not None:
                self._open[id(fleet)] = self._open.get(id(fleet), 0) + 1
        try:
            yield fleet
        finally:
            if fleet is not None:
                with self._change:
                    self._open[id(fleet)] -= 1
                    self._change.notify_all()

    def retire(self, fleet: Fleet, *, seconds: float) -> None:
        """End a fleet that no longer gets requests, once those it has are answered."""
        with self._change:
            self._change.wait_for(lambda: not self._open.get(id(fleet)), seconds)
            self._open.pop(id(fleet), None)
        fleet.stop()

    def _choose(self) -> Fleet | None:
        self._credit += self._share
        if self._next is not None and self._credit >= 1.0 - 1e-9:
            self._credit -= 1.0
            return self._next
        return self._serving
