"""A copy of a local cloud that is down: it runs beside the first one, at another port."""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
import socket
import sqlite3
from pathlib import Path

from ratchet.local_cloud.layout import Layout

_OF_A_PROCESS = shutil.ignore_patterns("*.lock", "cloud.log", "tmp")


def copy_cloud(original: Path, folder: Path) -> None:
    """Copy the folder of a local cloud that is down.

    URLs of queues name the port of their cloud, and so does what was deployed with it: parameters,
    variables of functions, outputs of stacks. In the copy they name a port that is free now, and
    the copy prefers that port when it is started.
    """
    shutil.copytree(original, folder, ignore=_OF_A_PROCESS)
    before, after = Layout(original).read_endpoint()["port"], _free_port()
    _move(Layout(folder).services / "state.sqlite3", before, after)
    Layout(folder).write_endpoint({"port": after})


def _move(database: Path, before: int, after: int) -> None:
    """Change the port in every service's state, each of which has its digest beside it."""
    address = re.compile(rb"(localhost|127\.0\.0\.1):%d/" % before)
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        for name, state in connection.execute("SELECT name, state FROM service").fetchall():
            moved = address.sub(rb"\g<1>:%d/" % after, state)
            connection.execute(
                "UPDATE service SET state = ?, digest = ? WHERE name = ?",
                (moved, hashlib.sha256(moved).digest(), name),
            )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
