"""Where SageMaker's resources live: one SQLite file that survives SIGKILL of the process.

A resource is a JSON object under (account, region, kind, name), with an optional parent (a
pipeline's executions, a group's model packages) that lists are cut by. Every change is committed
before the call returns, together with the events that tell of it (see ``outbox``).
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from ratchet.local_cloud import commit_points
from ratchet.local_cloud.databases import open_database

Body = dict[str, Any]

_VERSION = 1
_SCHEMA = f"""
PRAGMA user_version = {_VERSION};
CREATE TABLE IF NOT EXISTS resource (
    account TEXT NOT NULL, region TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
    parent TEXT NOT NULL, position INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (account, region, kind, name)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS resource_by_parent
    ON resource (account, region, kind, parent, position);
CREATE TABLE IF NOT EXISTS counter (
    account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, value INTEGER NOT NULL,
    PRIMARY KEY (account, region, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS event (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL, region TEXT NOT NULL, body BLOB NOT NULL
);
"""


@dataclass(frozen=True, kw_only=True)
class AccountScope:
    """Whose resources: SageMaker's names are unique within an account and a region."""

    account: str
    region: str

    def arn(self, resource: str) -> str:
        """``arn:aws:sagemaker:…:<resource>``, e.g. of ``pipeline/shop-dev-training``."""
        return self.of_service("sagemaker", resource)

    def of_service(self, service: str, resource: str) -> str:
        """The same of another service, named as ARNs name it."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"


class AlreadyExistsError(Exception):
    """A resource of this kind and name is there already."""


class Store:
    """Resources by kind and name; safe to call from any thread."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self._then: list[Callable[[], None]] = []
        self._db, _ = open_database(path, version=_VERSION)
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Give the file back; the store cannot be used afterwards."""
        with self._lock:
            self._db.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and nobody else in between; may be nested."""
        with self._lock:
            outermost = self._depth == 0
            if outermost:
                self._db.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
                if outermost:
                    with commit_points.committing("sagemaker"):
                        self._db.execute("COMMIT")
            except BaseException:
                # A commit that fails for want of space has rolled back by itself.
                if outermost and self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                if outermost:
                    self._then.clear()
                raise
            finally:
                self._depth -= 1
            then: list[Callable[[], None]] = []
            if outermost:
                then, self._then = self._then, then
        for callback in then:
            callback()

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call back when the transaction of now is committed; never when it is not."""
        self._then.append(callback)

    def insert(
        self, scope: AccountScope, kind: str, name: str, body: Body, *, parent: str = ""
    ) -> None:
        """Add a resource; raises ``AlreadyExistsError``."""
        with self.transaction():
            position = self.next_number(scope, "position")
            try:
                self._db.execute(
                    "INSERT INTO resource VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (scope.account, scope.region, kind, name, parent, position, _dumped(body)),
                )
            except sqlite3.IntegrityError:
                raise AlreadyExistsError(name) from None

    def get(self, scope: AccountScope, kind: str, name: str) -> Body | None:
        """The resource, or None."""
        with self._lock:
            row = self._db.execute(
                "SELECT body FROM resource"
                " WHERE account = ? AND region = ? AND kind = ? AND name = ?",
                (scope.account, scope.region, kind, name),
            ).fetchone()
        return _loaded(row[0]) if row else None

    def update(self, scope: AccountScope, kind: str, name: str, changes: Mapping[str, Any]) -> Body:
        """Set some members (None removes one) and answer the whole; raises ``KeyError``."""
        with self.transaction():
            body = self.get(scope, kind, name)
            if body is None:
                raise KeyError(name)
            merged = _dumped({**body, **changes})
            self._db.execute(
                "UPDATE resource SET body = ?"
                " WHERE account = ? AND region = ? AND kind = ? AND name = ?",
                (merged, scope.account, scope.region, kind, name),
            )
            return _loaded(merged)

    def put(
        self, scope: AccountScope, kind: str, name: str, body: Body, *, parent: str = ""
    ) -> None:
        """Add the resource, or replace it keeping its place in lists."""
        with self.transaction():
            if self.get(scope, kind, name) is None:
                self.insert(scope, kind, name, body, parent=parent)
            else:
                self._db.execute(
                    "UPDATE resource SET body = ?, parent = ?"
                    " WHERE account = ? AND region = ? AND kind = ? AND name = ?",
                    (_dumped(body), parent, scope.account, scope.region, kind, name),
                )

    def delete(self, scope: AccountScope, kind: str, name: str) -> bool:
        """Remove the resource; False when there was none."""
        with self.transaction():
            cursor = self._db.execute(
                "DELETE FROM resource WHERE account = ? AND region = ? AND kind = ? AND name = ?",
                (scope.account, scope.region, kind, name),
            )
            return cursor.rowcount > 0

    def all(self, scope: AccountScope, kind: str, *, parent: str | None = None) -> list[Body]:
        """All resources of a kind (below a parent), the oldest first."""
        query = "SELECT body FROM resource WHERE account = ? AND region = ? AND kind = ?"
        arguments: list[str] = [scope.account, scope.region, kind]
        if parent is not None:
            query += " AND parent = ?"
            arguments.append(parent)
        with self._lock:
            rows = self._db.execute(f"{query} ORDER BY position", arguments).fetchall()
        return [_loaded(row[0]) for row in rows]

    def everywhere(self, kind: str) -> list[tuple[AccountScope, Body]]:
        """The resources of a kind in every account and region, the oldest first."""
        with self._lock:
            rows = self._db.execute(
                "SELECT account, region, body FROM resource WHERE kind = ? ORDER BY position",
                (kind,),
            ).fetchall()
        return [(AccountScope(account=row[0], region=row[1]), _loaded(row[2])) for row in rows]

    def next_number(self, scope: AccountScope, counter: str) -> int:
        """1, 2, 3 …: a number that this counter never gives again."""
        with self.transaction():
            row = self._db.execute(
                "INSERT INTO counter VALUES (?, ?, ?, 1)"
                " ON CONFLICT DO UPDATE SET value = value + 1 RETURNING value",
                (scope.account, scope.region, counter),
            ).fetchone()
        number: int = row[0]
        return number

    def insert_event(self, scope: AccountScope, body: Body) -> int:
        """Add an event that has not been delivered; answers its number."""
        with self.transaction():
            row = self._db.execute(
                "INSERT INTO event (account, region, body) VALUES (?, ?, ?) RETURNING number",
                (scope.account, scope.region, _dumped(body)),
            ).fetchone()
        number: int = row[0]
        return number

    def events(self) -> list[tuple[int, AccountScope, Body]]:
        """The events that may not be delivered yet, in the order they were added."""
        with self._lock:
            rows = self._db.execute("SELECT * FROM event ORDER BY number").fetchall()
        return [
            (row[0], AccountScope(account=row[1], region=row[2]), _loaded(row[3])) for row in rows
        ]

    def delete_events(self, numbers: Sequence[int]) -> None:
        """Forget events that have been delivered."""
        with self.transaction():
            self._db.executemany(
                "DELETE FROM event WHERE number = ?", [(number,) for number in numbers]
            )

    def clear(self) -> None:
        """Forget everything."""
        with self.transaction():
            self._db.execute("DELETE FROM resource")
            self._db.execute("DELETE FROM counter")
            self._db.execute("DELETE FROM event")


def _dumped(body: Body) -> bytes:
    return orjson.dumps({name: value for name, value in body.items() if value is not None})


def _loaded(data: bytes) -> Body:
    body: Body = orjson.loads(data)
    return body
