"""One model process: its start, health check, requests, logs, restart after a crash, and end."""

from __future__ import annotations

import contextlib
import http.client
import json
import logging
import os
import queue
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

from ratchet.loop.chains import ALONE

_LOG = logging.getLogger("ratchet.serving")
_SCRIPT = Path(__file__).with_name("model_server.py")
_HOST = "127.0.0.1"
_INVOCATION_SECONDS = 60.0  # what SageMaker gives a container to answer
_RESTART_WAIT_SECONDS = 15.0
_END_SECONDS = 3.0
_TAIL_LINES = 12


class UnhealthyModelError(Exception):
    """The process ended, or did not answer /ping in time; the reason has its last lines.

    ``container`` is the name of the one of several that it is, and stands before the reason.
    """

    def __init__(self, reason: str, container: str = "") -> None:
        super().__init__(f"{container}: {reason}" if container else reason)
        self.reason, self.container = reason, container


class NoAnswerError(Exception):
    """The process did not answer a request. ``container`` is as for ``UnhealthyModelError``."""

    def __init__(self, reason: str, container: str = "") -> None:
        super().__init__(f"{container}: {reason}" if container else reason)
        self.reason, self.container = reason, container


@dataclass(frozen=True, kw_only=True)
class ServerAnswer:
    """What the model answered; ``seconds`` is how long it took, ``container`` who answered."""

    status: int
    content_type: str
    body: bytes
    seconds: float
    container: str = ALONE


class ModelProcess:
    """A model that is served from ``folder``; ``emit`` gets each line it writes."""

    def __init__(
        self,
        *,
        folder: Path,
        model_dir: Path,
        environment: Mapping[str, str],
        emit: Callable[[str], None],
        python: str = sys.executable,
        name: str = ALONE,
    ) -> None:
        self._folder = folder
        self._model_dir = model_dir
        self._environment = dict(environment)
        self._emit = emit
        self._python = python
        self.name = name
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._connections: queue.LifoQueue[http.client.HTTPConnection] = queue.LifoQueue()
        self._child: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._port = 0
        self._ready = threading.Event()
        self._stopping = False

    def start(self, *, seconds: float) -> None:
        """Start the process and wait until the model is loaded and /ping answers."""
        self._launch(seconds)
        threading.Thread(target=self._restart_when_it_ends, daemon=True, name="model").start()

    @property
    def group(self) -> dict[str, float] | None:
        """Process group and start time, as ``recovery.end_group`` takes them."""
        child = self._child
        if child is None:
            return None
        with contextlib.suppress(psutil.Error):
            return {"id": child.pid, "started": psutil.Process(child.pid).create_time()}
        return None

    def invoke(self, body: bytes, headers: Mapping[str, str]) -> ServerAnswer:
        """Ask the model; raises ``NoAnswerError``."""
        if not self._ready.wait(_RESTART_WAIT_SECONDS):
            raise NoAnswerError("the model's process has ended and does not start again")
        start = time.monotonic()
        # A connection that lay idle may have been closed meanwhile: that one is worth a new try.
        for last_try in (False, True):
            connection, reused = self._connection(fresh=last_try)
            try:
                connection.request("POST", "/invocations", body=body, headers=dict(headers))
                response = connection.getresponse()
                content = response.read()
            except (ConnectionError, http.client.HTTPException) as error:
                connection.close()
                if reused and not last_try:
                    continue
                self._notice_the_end()
                raise NoAnswerError(f"the model's process ended: {error!r}") from None
            except OSError:  # the time is up
                connection.close()
                raise NoAnswerError(
                    "Your invocation timed out while waiting for a response from container "
                    f"{self.name}."
                ) from None
            self._connections.put(connection)
            return ServerAnswer(
                status=response.status,
                content_type=response.getheader("Content-Type", ""),
                body=content,
                seconds=time.monotonic() - start,
                container=self.name,
            )
        raise AssertionError("unreachable")

    def stop(self) -> None:
        """End the process, and whatever it started."""
        self._stopping = True
        self._ready.clear()
        child = self._child
        if child is None:
            return
        if child.stdin:
            with contextlib.suppress(OSError):
                child.stdin.close()
        try:
            child.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            _end_group(child)
        if self._reader and self._reader is not threading.current_thread():
            self._reader.join(_END_SECONDS)
        while True:
            with contextlib.suppress(queue.Empty):
                self._connections.get_nowait().close()
                continue
            return

    def _launch(self, seconds: float) -> None:
        read, write = os.pipe()
        with os.fdopen(read, "rb") as ready:
            try:
                self._child = subprocess.Popen(
                    [
                        *(self._python, str(_SCRIPT)),
                        *("--model-dir", str(self._model_dir), "--ready", str(write)),
                    ],
                    cwd=self._folder,
                    env=self._environment,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    pass_fds=(write,),
                    start_new_session=True,
                )
            finally:
                os.close(write)
            assert self._child.stdout is not None
            self._reader = threading.Thread(
                target=self._read, args=(self._child.stdout,), daemon=True, name="model-log"
            )
            self._reader.start()
            message = _read_in_time(ready, seconds)
        if not message:
            raise UnhealthyModelError(self._why_unhealthy(seconds))
        self._port = json.loads(message)["port"]
        self._ping(seconds)
        self._ready.set()

    def _ping(self, seconds: float) -> None:
        connection = http.client.HTTPConnection(_HOST, self._port, timeout=seconds)
        try:
            connection.request("GET", "/ping")
            status = connection.getresponse().status
        except OSError:
            status = 0
        finally:
            connection.close()
        if status != 200:
            raise UnhealthyModelError(self._why_unhealthy(seconds))

    def _why_unhealthy(self, seconds: float) -> str:
        """Ends the process and says what is known."""
        child = self._child
        assert child is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(0.5)
        running = child.poll() is None
        self.stop()
        last = "; ".join(line.strip() for line in list(self._tail)[-2:])
        if running:
            return f"no answer within {seconds:g} s ({last or 'the model said nothing'})"
        return last or f"exit status {child.returncode}, and nothing said"

    def _notice_the_end(self) -> None:
        """So that the next request waits for the process to be started again."""
        child = self._child
        if child is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(0.5)
                if self._child is child:
                    self._ready.clear()

    def _connection(self, *, fresh: bool) -> tuple[http.client.HTTPConnection, bool]:
        if not fresh:
            with contextlib.suppress(queue.Empty):
                return self._connections.get_nowait(), True
        connection = http.client.HTTPConnection(_HOST, self._port, timeout=_INVOCATION_SECONDS)
        return connection, False

    def _read(self, output: IO[bytes]) -> None:
        with output:
            for raw in output:
                line = raw.decode("utf-8", "replace").rstrip("\r\n")
                self._tail.append(line)
                self._emit(line)

    def _restart_when_it_ends(self) -> None:
        """As a container is started again when its program crashes."""
        pause = 0.2
        while True:
            child = self._child
            assert child is not None
            child.wait()
            if self._stopping:
                return
            self._ready.clear()
            self._emit(f"the model's process ended with status {child.returncode}; starting again")
            time.sleep(pause)
            pause = min(pause * 2, 5.0)
            if self._stopping:
                return
            try:
                self._launch(_RESTART_WAIT_SECONDS)
            except UnhealthyModelError as error:
                _LOG.warning("a model does not start again: %s", error)
                return


def _read_in_time(ready: IO[bytes], seconds: float) -> bytes:
    """What the process reports; nothing when it ended, or let the time pass, before it did."""
    with selectors.DefaultSelector() as selector:
        selector.register(ready, selectors.EVENT_READ)
        return ready.read() if selector.select(seconds) else b""


def _end_group(child: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_END_SECONDS)
            return
