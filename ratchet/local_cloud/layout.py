"""The files of a local cloud, and the process that owns them.

A cloud's server holds a lock on ``server.lock`` for as long as it lives, whatever way it ends. So
whether a cloud is up is a question to the kernel, and a process id that another process has got
since cannot mislead.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ratchet.local_account import LOCAL_ACCOUNT

ACCOUNT = LOCAL_ACCOUNT
STATUS_PATH = "/_ratchet/status"
SECRET_HEADER = "x-ratchet-secret"  # noqa: S105 (a header's name)
"""Brings the folder's secret to the paths below ``/_ratchet/`` and ``/_ministack/``."""
UNAUTHORISED_VARIABLE = "RATCHET_UNAUTHORISED"
"""1 when the cloud starts: it answers without asking the policies of the caller."""
EXIT_PORT_TAKEN = 73
EXIT_STATE_UNREADABLE = 74
EXIT_ALREADY_UP = 75


class LocalCloudError(Exception):
    """Something about a local cloud that a person can put right; the message says how."""


Keys = Mapping[str, str]
"""The access key of whoever owns the folder: ``key`` (its id, ``AKIA…``) and ``secret``."""


@dataclass(frozen=True)
class Layout:
    """Where everything of the cloud in ``folder`` is."""

    folder: Path

    @property
    def marker(self) -> Path:
        """The file that marks the folder as a local cloud's, with its version (`folder.claim`)."""
        return self.folder / "ratchet-cloud.json"

    @property
    def lock(self) -> Path:
        """Held by the server while it lives."""
        return self.folder / "server.lock"

    @property
    def starting(self) -> Path:
        """The lock for starting and stopping the server."""
        return self.folder / "starting.lock"

    @property
    def endpoint(self) -> Path:
        """Process id, port and region of the server; afterwards, of the last one."""
        return self.folder / "endpoint.json"

    @property
    def keys(self) -> Path:
        """The owner's access key: whoever can read it may use this cloud."""
        return self.folder / "keys.json"

    @property
    def log(self) -> Path:
        """The server's log."""
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

    @property
    def database(self) -> Path:
        """SageMaker's resources."""
        return self.folder / "sagemaker.sqlite3"

    @property
    def locks(self) -> tuple[Path, Path]:
        """They stay: deleting a file that is locked would let two processes hold "the" lock."""
        return self.lock, self.starting

    def content(self) -> list[Path]:
        """The cloud's files in the folder: everything but the marker and the locks."""
        files = [self.endpoint, _unfinished(self.endpoint), self.keys, _unfinished(self.keys)]
        databases = [
            self.folder / f"{name}{side}"
            for name in (self.database.name, "permissions.sqlite")
            for side in ("", "-wal", "-shm", "-journal")
        ]
        work = [self.folder / name for name in ("runs", "endpoints", "monitoring")]
        return [*files, self.log, self.services, self.objects, self.temporary, *databases, *work]

    def read_keys(self) -> Keys:
        """The owner's access key. Raises ``LocalCloudError`` where there is none to read."""
        try:
            content = json.loads(self.keys.read_text())
            return {"key": str(content["key"]), "secret": str(content["secret"])}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LocalCloudError(
                f"{self.keys} does not hold this local cloud's access key ({error!r}). Stop the "
                "cloud (ratchet cloud down), delete the file if it is there, and start the cloud "
                "again (ratchet cloud up): it gets a new key"
            ) from None

    def make_keys(self) -> None:
        """Make the owner's access key, readable by this user alone, unless there is one."""
        if self.keys.exists():
            self.keys.chmod(0o600)
            return
        keys = {"key": f"AKIA{secrets.token_hex(8).upper()}", "secret": secrets.token_hex(20)}
        new = _unfinished(self.keys)
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(keys, file)
        with contextlib.suppress(FileExistsError):
            os.link(new, self.keys)  # never over a key that another process has made since
        new.unlink()

    def read_endpoint(self) -> dict[str, Any]:
        """What ``endpoint`` holds; empty when there is none, or only half of one."""
        try:
            content = json.loads(self.endpoint.read_text())
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def write_endpoint(self, content: dict[str, Any]) -> None:
        """Replace ``endpoint`` at once."""
        new = _unfinished(self.endpoint)
        new.write_text(json.dumps(content))
        new.replace(self.endpoint)


def _unfinished(file: Path) -> Path:
    return file.with_suffix(".new")


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
