"""The states of MiniStack's services as rows of one SQLite file, each with its digest.

A folder of before there was this file has a JSON file for each service: those are read once.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson
from ministack.core import persistence

from ratchet.local_cloud import commit_points
from ratchet.local_cloud.databases import NewerStateError, UnreadableStateError, open_database

_VERSION = 1
_FORMAT = "__ministack_format__"
_SCHEMA = "CREATE TABLE IF NOT EXISTS service (name TEXT PRIMARY KEY, digest BLOB, state BLOB)"
_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS

State = dict[str, Any]


class StateFile:
    """``state.sqlite3`` in MiniStack's state folder. Raises ``UnreadableStateError``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "state.sqlite3"
        self._database, version = open_database(self._path, version=_VERSION)
        self._is_new = version == 0
        self._lock = threading.Lock()
        self._digests: dict[str, bytes] = {}

    def read(self, services: Iterable[str]) -> dict[str, Any]:
        """The state of each of these services that has one."""
        read = self._read_file if self._is_new else self._read_row
        states = {service: read(service) for service in services}
        return {service: state for service, state in states.items() if state is not None}

    def write(self, states: Mapping[str, State | bytes]) -> None:
        """Replace what differs, in one transaction. Raises ``sqlite3.Error`` when it cannot.

        A state is an object that nobody else changes, or what ``quickly_dumped`` made of it.
        """
        with self._lock:
            rows, digests = [], {}
            for service, state in states.items():
                data = state if isinstance(state, bytes) else quickly_dumped(service, state)
                digests[service] = hashlib.sha256(data).digest()
                if self._digests.get(service) != digests[service]:
                    if b"null" in data and not isinstance(state, bytes):
                        data = exactly_dumped(service, state)
                    rows.append((service, hashlib.sha256(data).digest(), data))
            if rows:
                self._replace(rows)
            self._digests |= digests

    def forget(self) -> None:
        """Every service has been reset: write all states again."""
        with self._lock:
            self._digests.clear()

    def close(self) -> None:
        """Give the file back."""
        with self._lock:
            self._database.close()

    def _replace(self, rows: list[tuple[str, bytes, bytes]]) -> None:
        names = ",".join(row[0] for row in rows)
        self._database.execute("BEGIN IMMEDIATE")
        try:
            if self._is_new:
                self._database.execute(_SCHEMA)
                self._database.execute(f"PRAGMA user_version = {_VERSION}")
            self._database.executemany("INSERT OR REPLACE INTO service VALUES (?, ?, ?)", rows)
            with commit_points.committing(f"services {names}"):
                self._database.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise
        self._is_new = False

    def _read_row(self, service: str) -> Any:
        try:
            row = self._database.execute(
                "SELECT digest, state FROM service WHERE name = ?", (service,)
            ).fetchone()
        except sqlite3.DatabaseError as error:
            raise UnreadableStateError(self._path, f"{service}: {error}") from None
        if row is None:
            return None
        if hashlib.sha256(row[1]).digest() != row[0]:
            raise UnreadableStateError(
                self._path, f"the state of {service} is not what was written"
            )
        return self._payload(self._path, service, row[1])

    def _read_file(self, service: str) -> Any:
        path = self._folder / f"{service}.json"
        return self._payload(path, service, path.read_bytes()) if path.exists() else None

    @staticmethod
    def _payload(path: Path, service: str, data: bytes) -> Any:
        try:
            wrapped = json.loads(data, object_hook=persistence._json_object_hook)
        except ValueError as error:
            raise UnreadableStateError(path, f"the state of {service}: {error}") from None
        if not isinstance(wrapped, dict) or _FORMAT not in wrapped:
            return wrapped  # MiniStack's oldest files are not wrapped
        readable = persistence._state_format_version(service)
        if wrapped[_FORMAT] > readable:
            raise NewerStateError(path, f"the state of {service}", wrapped[_FORMAT], readable)
        return wrapped.get("payload")


def quickly_dumped(service: str, state: State) -> bytes:
    """``exactly_dumped`` as far as there is no NaN and no infinity, which orjson writes as null."""
    try:
        return orjson.dumps(
            _wrapped(service, state), default=persistence._json_default, option=_OPTIONS
        )
    except TypeError:  # e.g. an integer of more than 64 bits
        return exactly_dumped(service, state)


def exactly_dumped(service: str, state: State) -> bytes:
    """A state as MiniStack's own files have it."""
    return json.dumps(_wrapped(service, state), default=persistence._json_default).encode()


def _wrapped(service: str, state: State) -> State:
    return {_FORMAT: persistence._state_format_version(service), "payload": state}
