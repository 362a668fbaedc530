"""The files of a local cloud, and the process that owns them.

A cloud's server holds a lock on ``server.lock`` for as long as it lives, whatever way it ends. So
whether a cloud is up is a question to the kernel, and a process id that another process has got
since cannot mislead.
"""

from __future__ import annotations

import fcntl
import json
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

ACCOUNT = "000000000000"
STATUS_PATH = "/_ratchet/status"
EXIT_PORT_TAKEN = 73
EXIT_STATE_UNREADABLE = 74
EXIT_ALREADY_UP = 75


@dataclass(frozen=True)
class Layout:
    """Where everything of the cloud in ``folder`` is."""

    folder: Path

    @property
    def lock(self) -> Path:
        """Held by the server while it lives."""
        return self.folder / "server.lock"

    @property
    def starting(self) -> Path:
        """Held by whoever starts or stops the server."""
        return self.folder / "starting.lock"

    @property
    def endpoint(self) -> Path:
        """Process id, port and region of the server; afterwards, of the last one."""
        return self.folder / "endpoint.json"

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.folder / "cloud.log"

    @property
    def services(self) -> Path:
        """State of MiniStack's services."""
        return self.folder / "services"

    @property
    def objects(self) -> Path:
        """Bodies of S3's objects."""
        return self.folder / "s3"

    @property
    def temporary(self) -> Path:
        """Unpacked functions and the like; emptied at every start."""
        return self.folder / "tmp"

    def read_endpoint(self) -> dict[str, Any]:
        """What ``endpoint`` holds; empty when there is none, or only half of one."""
        try:
            content = json.loads(self.endpoint.read_text())
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def write_endpoint(self, content: dict[str, Any]) -> None:
        """Replace ``endpoint`` at once."""
        new = self.endpoint.with_suffix(".new")
        new.write_text(json.dumps(content))
        new.replace(self.endpoint)


def acquire(path: Path, *, wait: bool = False) -> IO[str] | None:
    """A lock on a file, held until the answer is closed; None when another process has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        file.close()
        return None
    return file
