"""The decisions on roles' requests, allowed and denied, recorded in the cloud's folder.

Standard library only, so that the command line can read the records without the emulator.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

FILE = "permissions.sqlite"
"""Name of the records' file in a cloud's folder."""

_FLUSH_SECONDS = 1.0
_NAMED_RESOURCES = 200
"""So many resources of one role and action are recorded by name; further ones as their folder."""

_TABLE = """CREATE TABLE IF NOT EXISTS decisions (
    role TEXT, action TEXT, resource TEXT, allowed INTEGER, policy TEXT, statement TEXT,
    count INTEGER, last REAL, message TEXT, context TEXT,
    PRIMARY KEY (role, action, resource, allowed, policy, statement))"""
_ADD = """INSERT INTO decisions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET count = count + excluded.count, last = excluded.last,
    message = excluded.message, context = excluded.context"""
_SELECT = """SELECT role, action, resource, allowed, policy, statement, count, last, message,
    context FROM decisions WHERE ? IN ('', role) ORDER BY role, action, resource"""

_CONDITIONS = {
    "s3:prefix": "StringLike",
    "iam:PassedToService": "StringEquals",
    "cloudwatch:namespace": "StringEquals",
}
"""Keys that a statement on the key's action should name, and the operator to name them with."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One kind of request of a role, and the decision of the policies.

    ``GET /_ratchet/permissions`` answers ``{"decisions": [...]}`` with these members of each, for
    all roles; ``GET /_ratchet/permissions/<role>`` those of one.
    """

    role: str
    """The role's name, without its path."""
    action: str
    """As policies write it: ``s3:GetObject``."""
    resource: str
    """ARN, or ``*`` for an action without resources. Ends in ``*`` for the many resources of an
    action that are recorded together."""
    allowed: bool
    policy: str = ""
    """Whose statement decided: an inline policy's name, a managed policy's ARN, or for a policy of
    the resource itself the resource's ARN. Empty where no statement allows the action."""
    statement: str = ""
    """The statement's Sid; without one its position in the policy, from ``0``."""
    count: int = 1
    last: float = 0.0
    """Time of the last such request, in seconds since the epoch."""
    message: str = ""
    """What the role was answered the last time; empty if it was allowed."""
    context: Mapping[str, str | list[str]] = field(default_factory=dict)
    """Condition keys of the last denied request, such as ``{"s3:prefix": "raw/"}``."""

    def missing_statement(self) -> dict[str, Any] | None:
        """The statement that the role's policies lack; None if no statement would help.

        That is so for what is allowed, and where a statement denies explicitly.
        """
        if self.allowed or self.policy:
            return None
        statement: dict[str, Any] = {
            "Effect": "Allow",
            "Action": self.action,
            "Resource": self.resource,
        }
        condition: dict[str, dict[str, Any]] = {}
        for key, operator in _CONDITIONS.items():
            if self.context.get(key):
                condition.setdefault(operator, {})[key] = self.context[key]
        return {**statement, "Condition": condition} if condition else statement

    @classmethod
    def of_json(cls, members: Mapping[str, Any]) -> Decision:
        """A decision from the members that the admin path answers."""
        return cls(**members)

    def to_json(self) -> dict[str, Any]:
        """The members, as the admin path answers them."""
        return asdict(self)


_Key = tuple[str, str, str, bool, str, str]
_Entry = tuple[int, float, str, str]


class DecisionLog:
    """The decisions of one local cloud. ``record`` is cheap; a thread writes the file."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._pending: dict[_Key, _Entry] = {}
        self._resources: dict[tuple[str, str], set[str]] = {}
        self._closed = threading.Event()

    def start(self) -> None:
        """Start writing in the background."""
        threading.Thread(target=self._run, name="permissions", daemon=True).start()

    def close(self) -> None:
        """Write for the last time."""
        self._closed.set()
        self.flush()

    def record(
        self,
        role: str,
        action: str,
        resource: str,
        *,
        allowed: bool,
        policy: str = "",
        statement: str = "",
        message: str = "",
        context: Mapping[str, Any] | None = None,
    ) -> None:
        """Count one decision."""
        with self._lock:
            resource = self._named(role, action, resource)
            key = (role, action, resource, allowed, policy, statement)
            count = self._pending[key][0] if key in self._pending else 0
            keys = json.dumps(context, default=str) if context else "{}"
            self._pending[key] = (count + 1, time.time(), message, keys)

    def decisions(self, role: str = "") -> list[Decision]:
        """Every decision so far, of one role or of all."""
        self.flush()
        with self._writing, self._connected() as database:
            rows = database.execute(_SELECT, (role,)).fetchall()
        return [_decision(row) for row in rows]

    def flush(self) -> None:
        """Write what has been counted since the last time."""
        with self._writing:
            with self._lock:
                pending, self._pending = self._pending, {}
            if pending:
                with self._connected() as database:
                    database.executemany(_ADD, [(*key, *entry) for key, entry in pending.items()])

    def forget(self) -> None:
        """Delete every record, as a reset of the cloud does."""
        with self._writing, self._lock:
            self._pending.clear()
            self._resources.clear()
            with self._connected() as database:
                database.execute("DELETE FROM decisions")

    def _named(self, role: str, action: str, resource: str) -> str:
        resources = self._resources.setdefault((role, action), set())
        if resource in resources:
            return resource
        if len(resources) < _NAMED_RESOURCES:
            resources.add(resource)
            return resource
        return _folder(resource)

    @contextlib.contextmanager
    def _connected(self) -> Any:
        with contextlib.closing(sqlite3.connect(self._file)) as database:
            # A kill may lose a second of counts; it cannot break the file.
            database.execute("PRAGMA synchronous = OFF")
            database.execute(_TABLE)
            with database:
                yield database

    def _run(self) -> None:
        while not self._closed.wait(_FLUSH_SECONDS):
            self.flush()


def _folder(resource: str) -> str:
    """Everything beside a resource: ``arn:aws:s3:::bucket/a/b`` → ``arn:aws:s3:::bucket/a/*``."""
    cut = max(resource.rfind("/"), resource.rfind(":"))
    return f"{resource[: cut + 1]}*"


def _decision(row: Iterable[Any]) -> Decision:
    role, action, resource, allowed, policy, statement, count, last, message, context = row
    return Decision(
        role=role,
        action=action,
        resource=resource,
        allowed=bool(allowed),
        policy=policy,
        statement=statement,
        count=count,
        last=last,
        message=message,
        context=json.loads(context),
    )
