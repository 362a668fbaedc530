"""Saves what MiniStack's services hold soon after it changes, so that a kill loses next to nothing.

MiniStack saves at shutdown only. Object bodies of S3 and everything of our SageMaker are on disk
before a request is answered; the rest is here, within about half a second.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ministack import app
from ministack.core import persistence

_LOG = logging.getLogger("ratchet.state")
_SETTLE_SECONDS = 0.2  # a burst of requests is saved once
_IDLE_SECONDS = (1.0, 10.0)  # what changes without a request is seen within this
_SHARE = 20  # a service that takes long to save is saved the less often: at most 1/20 of the time

State = dict[str, Any]


class StateSaver:
    """A thread that writes the services' states to MiniStack's state folder, each atomically."""

    def __init__(self, folder: Path, *, amend: dict[str, Callable[[State], None]]) -> None:
        self._folder = folder
        self._amend = amend
        self._changed = threading.Event()
        self._closed = False
        self._lock = threading.Lock()
        self._digests: dict[str, bytes] = {}
        self._not_before: dict[str, float] = {}

    def start(self) -> None:
        """Begin to save in the background."""
        threading.Thread(target=self._run, name="state-saver", daemon=True).start()

    def touch(self) -> None:
        """Something has changed, or may have."""
        self._changed.set()

    def close(self) -> None:
        """Save for the last time."""
        self._closed = True
        self.save(everything=True)

    def forget(self) -> None:
        """The files have been deleted: write every state again."""
        with self._lock:
            self._digests.clear()
        self.touch()

    def save(self, *, everything: bool = False) -> bool:
        """Write the states that differ from the files; True when some had to wait."""
        waiting = False
        with self._lock:
            for service, get_state in app._build_persistence_save_dict().items():
                if not everything and time.monotonic() < self._not_before.get(service, 0.0):
                    waiting = True
                    continue
                start = time.monotonic()
                try:
                    self._save_service(service, get_state())
                except RuntimeError:
                    # A dict changed size while it was copied: its service is at work. Soon again.
                    waiting = True
                except Exception:
                    _LOG.exception("the state of %s could not be saved", service)
                end = time.monotonic()
                self._not_before[service] = end + _SHARE * (end - start)
        return waiting

    def _save_service(self, service: str, state: State | None) -> None:
        if state is None:
            return
        amend = self._amend.get(service)
        if amend:
            amend(state)
        version = persistence._state_format_version(service)
        wrapped = {"__ministack_format__": version, "payload": state}
        data = json.dumps(wrapped, default=persistence._json_default).encode()
        digest = hashlib.sha256(data).digest()
        if self._digests.get(service) == digest:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        target = self._folder / f"{service}.json"
        temporary = target.with_suffix(".json.new")
        temporary.write_bytes(data)
        temporary.replace(target)
        self._digests[service] = digest

    def _run(self) -> None:
        idle, longest = _IDLE_SECONDS
        while not self._closed:
            if self._changed.wait(idle):
                idle = _IDLE_SECONDS[0]
                time.sleep(_SETTLE_SECONDS)
            else:
                idle = min(idle * 2, longest)
            self._changed.clear()
            if self.save():
                time.sleep(_SETTLE_SECONDS)
                self._changed.set()
