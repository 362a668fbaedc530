"""The files of a local cloud, and the process that owns them.

A cloud's server holds a lock on ``server.lock`` for as long as it lives, whatever way it ends. So
whether a cloud is up is a question to the kernel, and a process id that another process has got
since cannot mislead.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

ACCOUNT = "000000000000"
STATUS_PATH = "/_ratchet/status"
EXIT_PORT_TAKEN = 73
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
    def keys(self) -> Path:
        """The root's access key: whoever can read it may use this cloud."""
        return self.folder / "keys.json"

    def read_keys(self) -> dict[str, str]:
        """The root's access key and its secret, made at the first time."""
        if not self.keys.exists():
            made = {"key": f"AKIA{secrets.token_hex(8).upper()}", "secret": secrets.token_hex(20)}
            descriptor = os.open(self.keys, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                json.dump(made, file)
        found: dict[str, str] = json.loads(self.keys.read_text())
        return found

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
