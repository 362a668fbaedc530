"""What MiniStack's services hold, on disk soon after it changes: every save is one cut through all.

MiniStack saves at shutdown only, a file for each service. Here a save is one transaction over every
service, and what it holds is taken on the server's loop, where MiniStack's handlers and stack
operations run, without an await in between. So after a kill no resource is there without the stack
that made it, and none is missing that a stack has.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ministack import app

from ratchet.local_cloud.databases import UnreadableStateError
from ratchet.local_cloud.emulator.state_file import State, StateFile, quickly_dumped

_LOG = logging.getLogger("ratchet.state")
_SETTLE_SECONDS = 0.2  # a burst of requests is saved once
_IDLE_SECONDS = (1.0, 10.0)  # what changes without a request is seen within this
_RETRY_SECONDS = 1.0
_SHARE = 10  # saves that take long are made the less often: at most a tenth of the time
_ATTEMPTS = 100
_PAUSE_SECONDS = 0.005
_STACKS = "cloudformation"

Follower = Callable[[], Callable[[], None]]
"""Called at the moment of a cut; what it answers is called when the cut is on disk."""


class NotSavedError(Exception):
    """The state could not be written; what is on disk is the state of before."""


class StateSaver:
    """Reads and writes the services' states. All of it but the writing itself is on the loop."""

    def __init__(self, folder: Path) -> None:
        self._file = StateFile(folder)
        self._path = folder
        self._changed = asyncio.Event()
        self._turn = asyncio.Lock()
        self._requested = self._committed = 0
        self._followers: list[Follower] = []
        self._task: asyncio.Task[None] | None = None
        self.failure: str | None = None
        """Why the last save did not succeed."""

    def install(self) -> None:
        """Take the place of MiniStack's loading and saving; call it before MiniStack starts."""
        app._load_persisted_state = self._load
        app.save_all = lambda services: None

    def start(self) -> None:
        """Begin to save in the background."""
        self._task = asyncio.create_task(self._run())

    def touch(self) -> None:
        """Something has changed, or may have."""
        self._changed.set()

    def forget(self) -> None:
        """Everything has been reset."""
        self._file.forget()
        self.touch()

    def follow(self, follower: Follower) -> None:
        """Let somebody act on what is on disk."""
        self._followers.append(follower)

    async def commit(self) -> None:
        """Return when all that was done before is on disk. Callers at one time share one save.

        Raises ``NotSavedError``.
        """
        self._requested += 1
        request = self._requested
        async with self._turn:
            if self._committed >= request:
                return
            upto = self._requested
            states, callbacks = await self._cut()
            await asyncio.to_thread(self._write, states, callbacks)
            self._committed = upto

    async def close(self) -> None:
        """Save for the last time, and give the file back."""
        if self._task is not None:
            self._task.cancel()
        await self.commit()
        self._file.close()

    def _load(self) -> None:
        """What MiniStack does at its start; it would go on with an empty service after an error."""
        for service, state in self._file.read(app._state_map).items():
            try:
                app._get_module(app._state_map[service]).load_persisted_state(state)
            except Exception as error:
                raise UnreadableStateError(
                    self._path, f"the state of {service}: {error!r}"
                ) from error

    async def _cut(self) -> tuple[dict[str, State | bytes], list[Callable[[], None]]]:
        """Every service's state at one moment of the loop, and what its followers answer."""
        sources = app._build_persistence_save_dict()
        if _STACKS in sources:
            module = sys.modules[sources[_STACKS].__module__]
            sources[_STACKS] = functools.partial(_stacks_dumped, module)
        for _ in range(_ATTEMPTS):
            with contextlib.suppress(RuntimeError), _code_kept() as delete_other_code:
                callbacks = [follower() for follower in self._followers]
                states = {name: get_state() for name, get_state in sources.items()}
                present = {name: state for name, state in states.items() if state is not None}
                return present, [*callbacks, delete_other_code]
            # A dict changed its size while it was copied: a thread of its service is at work.
            await asyncio.sleep(_PAUSE_SECONDS)
        raise NotSavedError("the services never stood still long enough to be saved")

    def _write(
        self, states: Mapping[str, State | bytes], callbacks: list[Callable[[], None]]
    ) -> None:
        try:
            self._file.write(states)
        except (sqlite3.Error, OSError) as error:
            self.failure = f"the state could not be written to {self._path}: {error}"
            raise NotSavedError(self.failure) from error
        self.failure = None
        for callback in callbacks:
            callback()

    async def _run(self) -> None:
        idle, longest = _IDLE_SECONDS
        loop = asyncio.get_running_loop()
        while True:
            try:
                await asyncio.wait_for(self._changed.wait(), idle)
                idle = _IDLE_SECONDS[0]
                await asyncio.sleep(_SETTLE_SECONDS)
            except TimeoutError:
                idle = min(idle * 2, longest)
            self._changed.clear()
            start = loop.time()
            try:
                await self.commit()
                await asyncio.sleep((loop.time() - start) * _SHARE)
            except NotSavedError as error:
                _LOG.error("%s", error)
                self.touch()
                await asyncio.sleep(_RETRY_SECONDS)
            except Exception:
                _LOG.exception("the services' state could not be saved")
                await asyncio.sleep(_RETRY_SECONDS)


def _stacks_dumped(module: Any) -> bytes:
    """The state of CloudFormation, most of all states, without MiniStack's copy of it, which takes
    ten times as long. Templates and records are JSON, so no NaN is in them, and orjson lets no
    other thread in between."""
    return quickly_dumped(_STACKS, {key: store() for store, key in module._PERSISTED_STORES})


@contextlib.contextmanager
def _code_kept() -> Iterator[Callable[[], None]]:
    """Lambda's ``get_state`` deletes the code that the newest state does not name, while the state
    on disk may still name it. Yields what does that, to be called when the state is on disk."""
    functions = app._loaded_modules.get("lambda_svc")
    if functions is None:
        yield lambda: None
        return
    prune = functions._prune_orphan_code_blobs
    named: set[str] = set()
    functions._prune_orphan_code_blobs = named.update
    try:
        yield lambda: prune(named)
    finally:
        functions._prune_orphan_code_blobs = prune
