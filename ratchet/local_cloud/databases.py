"""Opens the SQLite files of a local cloud, and refuses one that is damaged or too new."""

from __future__ import annotations

import sqlite3
from pathlib import Path

_GO_BACK = (
    "Nothing was changed. To go back, put an older copy of {folder} in its place; "
    "to start again without its data: ratchet cloud reset"
)


class UnreadableStateError(Exception):
    """The file on disk was not written by this version: no cloud is better than an empty one."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} cannot be read: {reason}. {_GO_BACK.format(folder=path.parent)}")


class NewerStateError(UnreadableStateError):
    """A newer version wrote the file on disk."""

    def __init__(self, path: Path, what: str, version: object, readable: int) -> None:
        super().__init__(
            path,
            f"{what} has format {version}, and this version of Ratchet reads formats up to "
            f"{readable} (use the version that wrote it)",
        )


def open_database(path: Path, *, version: int) -> tuple[sqlite3.Connection, int]:
    """A connection with explicit transactions, in WAL mode, and the version of what the file holds.

    The version of a new file is 0. A transaction that is committed survives SIGKILL of the process
    without a sync (https://www.sqlite.org/wal.html). Raises ``UnreadableStateError``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        problem = str(database.execute("PRAGMA quick_check(1)").fetchone()[0])
        stored = int(database.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.DatabaseError as error:
        problem, stored = str(error), 0
    if problem == "ok" and stored <= version:
        return database, stored
    database.close()
    if problem != "ok":
        raise UnreadableStateError(path, problem)
    raise NewerStateError(path, "the file", stored, version)
