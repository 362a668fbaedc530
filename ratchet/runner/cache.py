"""The step cache: results of successful steps, kept across runs and processes."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ratchet.runner.cache_key import (
    CacheKeySource,
    Fingerprint,
    content_digest,
    describe_differences,
)
from ratchet.runner.digests import open_database
from ratchet.runner.storage import Storage

if TYPE_CHECKING:
    import sqlite3

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS results (pipeline TEXT, step TEXT, key TEXT, finished REAL,"
    " execution TEXT, parts TEXT, result TEXT)",
    "CREATE INDEX IF NOT EXISTS by_step ON results (pipeline, step, finished)",
)
_RESULTS_PER_STEP = 50


@dataclass(frozen=True, kw_only=True)
class CachedResult:
    """A step's result: what later steps and records need of it.

    `outputs` maps URIs that the step wrote below to the digest of what it left there.
    """

    execution_arn: str
    job_name: str | None
    properties: Mapping[str, Any]
    outputs: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Lookup:
    """The answer of the cache: a result or None, and why, in words that a person reads."""

    result: CachedResult | None
    explanation: str


class StepCache:
    """Results by pipeline, step and key in one SQLite file. Threads and processes may share it.

    The rules are SageMaker's (developer guide, "Caching pipeline steps"): scoped to a pipeline and
    a step, successful runs only, the most recent one, no older than the time-out.
    """

    def __init__(self, file: Path) -> None:
        self._file = Path(file)
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def look_up(
        self,
        *,
        pipeline_arn: str,
        step: str,
        key: Fingerprint,
        no_older_than: timedelta,
        storage: Storage,
        now: datetime | None = None,
    ) -> Lookup:
        """The most recent result with this key whose outputs are still what they were."""
        rows = self._query(
            "SELECT finished, execution, result FROM results"
            " WHERE pipeline = ? AND step = ? AND key = ? ORDER BY finished DESC LIMIT 1",
            (pipeline_arn, step, key.digest),
        )
        if not rows:
            return Lookup(result=None, explanation=self._why_new(pipeline_arn, step, key))
        finished, execution, text = rows[0]
        run = _run_of(execution)
        age = (now or datetime.now(UTC)) - datetime.fromtimestamp(finished, UTC)
        if age > no_older_than:
            return Lookup(
                result=None,
                explanation=f"miss: expired, run {run} was {_rough(age)} ago and results count "
                f"for {_rough(no_older_than)}",
            )
        result = CachedResult(execution_arn=execution, **json.loads(text))
        for uri, digest in result.outputs.items():
            if content_digest(storage, CacheKeySource(uri=uri)) != digest:
                return Lookup(
                    result=None, explanation=f"miss: output {uri} of run {run} is gone or changed"
                )
        return Lookup(result=result, explanation=f"hit: same as run {run}")

    def put(self, *, pipeline_arn: str, step: str, key: Fingerprint, result: CachedResult) -> None:
        """Keep the result of a step that just succeeded."""
        finished = datetime.now(UTC).timestamp()
        text = json.dumps(
            {
                "job_name": result.job_name,
                "properties": result.properties,
                "outputs": result.outputs,
            }
        )
        self._query(
            "INSERT INTO results VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                pipeline_arn,
                step,
                key.digest,
                finished,
                result.execution_arn,
                json.dumps(key.parts),
                text,
            ),
        )
        self._query(
            "DELETE FROM results WHERE pipeline = ?1 AND step = ?2 AND finished <"
            " (SELECT finished FROM results WHERE pipeline = ?1 AND step = ?2"
            "  ORDER BY finished DESC LIMIT 1 OFFSET ?3)",
            (pipeline_arn, step, _RESULTS_PER_STEP - 1),
        )

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _why_new(self, pipeline_arn: str, step: str, key: Fingerprint) -> str:
        rows = self._query(
            "SELECT parts FROM results WHERE pipeline = ? AND step = ?"
            " ORDER BY finished DESC LIMIT 1",
            (pipeline_arn, step),
        )
        if not rows:
            return "miss: first run"
        return f"miss: {describe_differences(json.loads(rows[0][0]), key.parts)}"

    def _query(self, statement: str, values: tuple[Any, ...]) -> list[Any]:
        with self._lock:
            if self._connection is None:
                self._connection = open_database(self._file, *_SCHEMA)
            return self._connection.execute(statement, values).fetchall()


def _run_of(execution_arn: str) -> str:
    return execution_arn.rpartition("/")[2]


def _rough(span: timedelta) -> str:
    """A span in its largest unit, as in "30 days"."""
    seconds = span.total_seconds()
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}{'s'[: count != 1]}"
    return f"{int(seconds)} seconds"
