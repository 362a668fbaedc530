"""One child process: its own process group, its output line by line, its end."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ratchet.runner.records import StopSignal, Stream

_CHUNK = 1 << 16
_LONGEST_LINE = 1 << 16
_TAIL_LINES = 40
_TAIL_CHARACTERS = 400
_LINGER_SECONDS = 1.0
_LOOK_SECONDS = 0.2
_SHORTEST_PAUSE = 0.0005
_STREAMS: tuple[Stream, Stream] = ("stdout", "stderr")


@dataclass(frozen=True)
class Ending:
    """How a process ended: its exit code as a shell gives it (128 + signal), and the last lines."""

    exit_code: int
    stopped: bool
    timed_out: bool
    tails: Mapping[Stream, tuple[str, ...]]


class _Lines:
    """Splits a stream of bytes into lines; a line that is too long is handed on in pieces."""

    def __init__(self, log: IO[bytes], emit: Callable[[str], None]) -> None:
        self._log = log
        self._emit = emit
        self._unended = b""
        self.tail: deque[str] = deque(maxlen=_TAIL_LINES)

    def feed(self, data: bytes) -> None:
        self._log.write(data)
        *lines, self._unended = (self._unended + data).split(b"\n")
        for line in lines:
            self._line(line.removesuffix(b"\r"))
        while len(self._unended) > _LONGEST_LINE:
            # Cut where a UTF-8 character begins: at no continuation byte.
            cut = _LONGEST_LINE
            while cut > _LONGEST_LINE - 4 and self._unended[cut] & 0xC0 == 0x80:
                cut -= 1
            self._line(self._unended[:cut])
            self._unended = self._unended[cut:]

    def close(self) -> None:
        if self._unended:
            self._line(self._unended)
            self._unended = b""

    def _line(self, raw: bytes) -> None:
        line = raw.decode("utf-8", "replace")
        self.tail.append(line[:_TAIL_CHARACTERS])
        self._emit(line)


class Process:
    """A running child. `group` is the id of its process group."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        cwd: Path,
        logs: Path,
        on_line: Callable[[Stream, str], None],
    ) -> None:
        self._deadline: float | None = None
        self._kill_at: float | None = None
        self._grace = 0.0
        self._stop_requested = False
        self._timed_out = False
        self._gone = False
        self._lock = threading.Lock()
        self._logs = [(logs / f"{stream}.log").open("ab", buffering=0) for stream in _STREAMS]
        try:
            self._child = subprocess.Popen(
                command,
                cwd=cwd,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                bufsize=0,
            )
        except OSError:
            self._close_logs()
            raise
        self.group = self._child.pid
        self._lines = {
            stream: _Lines(log, lambda line, stream=stream: on_line(stream, line))  # type: ignore[misc]
            for stream, log in zip(_STREAMS, self._logs, strict=True)
        }

    def wait(self, *, stop: StopSignal, timeout: float | None) -> Ending:
        """Wait for the end; a stop or the time limit (in seconds) ends the whole group."""
        self._grace = stop.grace_seconds
        if timeout is not None:
            self._deadline = time.monotonic() + timeout
        forget = stop.on_request(self._stop)
        try:
            self._follow()
        finally:
            forget()
            self._signal(signal.SIGKILL)
            with self._lock:
                self._gone = True
            code = self._child.wait()
            self._close()
        return Ending(
            exit_code=code if code >= 0 else 128 - code,
            stopped=self._stop_requested,
            timed_out=self._timed_out,
            tails={stream: tuple(lines.tail) for stream, lines in self._lines.items()},
        )

    def _follow(self) -> None:
        """Read until the child has ended and has said all.

        Usually its pipes end with it. A process that it leaves behind may hold them open, and it
        may close them early: hence a look, now and then, whether the child itself still runs.
        """
        give_up: float | None = None
        pause = _SHORTEST_PAUSE
        with selectors.DefaultSelector() as selector:
            for stream, pipe in zip(_STREAMS, self._pipes(), strict=True):
                selector.register(pipe.fileno(), selectors.EVENT_READ, self._lines[stream])
            while True:
                if selector.get_map():
                    _read_ready(selector)
                if self._has_ended():
                    if give_up is None:
                        # As in a container: when the first process ends, the others do.
                        self._signal(signal.SIGKILL)
                        give_up = time.monotonic() + _LINGER_SECONDS
                    if not selector.get_map() or time.monotonic() > give_up:
                        break
                    continue
                self._enforce_limits()
                if not selector.get_map():
                    time.sleep(pause)
                    pause = min(2 * pause, _LOOK_SECONDS)
        for lines in self._lines.values():
            lines.close()

    def _enforce_limits(self) -> None:
        now = time.monotonic()
        if self._deadline is not None and now >= self._deadline and not self._timed_out:
            self._timed_out = True
            self._ask_to_end()
        if self._kill_at is not None and now >= self._kill_at:
            self._signal(signal.SIGKILL)

    def _stop(self) -> None:
        self._stop_requested = True
        self._ask_to_end()

    def _ask_to_end(self) -> None:
        self._kill_at = time.monotonic() + self._grace
        self._signal(signal.SIGTERM)

    def _has_ended(self) -> bool:
        """Until reaped, the id of the group cannot be taken by another process."""
        if hasattr(os, "waitid"):
            flags = os.WEXITED | os.WNOWAIT | os.WNOHANG
            return os.waitid(os.P_PID, self._child.pid, flags) is not None
        return self._child.poll() is not None  # macOS before Python 3.13

    def _pipes(self) -> list[IO[bytes]]:
        return [pipe for pipe in (self._child.stdout, self._child.stderr) if pipe is not None]

    def _close(self) -> None:
        for pipe in self._pipes():
            pipe.close()
        self._close_logs()

    def _close_logs(self) -> None:
        for log in self._logs:
            log.close()

    def _signal(self, number: signal.Signals) -> None:
        with self._lock:
            if not self._gone:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(self.group, number)


def _read_ready(selector: selectors.BaseSelector) -> None:
    """Read once from each pipe that has something, and drop those that have ended."""
    for key, _ in selector.select(_LOOK_SECONDS):
        data = os.read(key.fd, _CHUNK)
        if data:
            key.data.feed(data)
        else:
            selector.unregister(key.fd)
