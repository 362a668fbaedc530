"""Remembers the digests of files, so that a large one is not hashed twice."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

Stamp = tuple[int, int, int]
"""Size in bytes, modification time in nanoseconds, inode."""


class DigestStore:
    """Digests by path in a small SQLite file, which is opened on first use."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def get(self, path: str, stamp: Stamp) -> str | None:
        """The digest of a file that still has this stamp."""
        with self._lock:
            row = (
                self._open()
                .execute(
                    "SELECT digest FROM digests"
                    " WHERE path = ? AND size = ? AND modified = ? AND inode = ?",
                    (path, *stamp),
                )
                .fetchone()
            )
        return None if row is None else str(row[0])

    def put(self, path: str, stamp: Stamp, digest: str) -> None:
        with self._lock:
            self._open().execute(
                "INSERT OR REPLACE INTO digests VALUES (?, ?, ?, ?, ?)", (path, *stamp, digest)
            )

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = open_database(
                self._file,
                "CREATE TABLE IF NOT EXISTS digests"
                " (path TEXT PRIMARY KEY, size INTEGER, modified INTEGER, inode INTEGER, digest)",
            )
        return self._connection


def open_database(file: Path, *schema: str) -> sqlite3.Connection:
    """A SQLite file that several threads and processes may share, with its tables."""
    import sqlite3

    file.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(file, timeout=30, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    # What is lost with a power cut is only a cache.
    connection.execute("PRAGMA synchronous = NORMAL")
    for statement in schema:
        connection.execute(statement)
    return connection
