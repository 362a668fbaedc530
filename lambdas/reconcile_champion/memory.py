"""What people were told, so that each thing is told once: STATE_BUCKET/STATE_KEY.

Losing the file costs one repeated notice. It is written only over what was read, so of wakes that
run at the same time one tells, and the others give way.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

import stored
from decision_log import say

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

_FORMAT = 1
_TELLING = timedelta(minutes=1)
"""How long another wake, which said that it tells, is left to it."""

Subject = Literal["served", "problem"]


class AnotherWakeError(Exception):
    """Another wake tells the same at this moment, or wrote after this one read."""


@dataclass(frozen=True, kw_only=True)
class Told:
    served: str | None = None
    """The version that people know to serve, or "none"."""
    problem: str | None = None
    """The problem that people know of."""
    telling: str | None = None
    since: datetime | None = None


@dataclass(kw_only=True)
class Memory:
    s3: S3Client
    bucket: str
    key: str
    told: Told = Told()
    etag: str | None = None

    def read(self) -> Told:
        found = stored.read(self.s3, bucket=self.bucket, key=self.key)
        self.told, self.etag = (_parsed(found.body), found.etag) if found else (Told(), None)
        return self.told

    def tell_once(
        self, subject: Subject, what: str, *, now: datetime, publish: Callable[[], None]
    ) -> None:
        """Publish unless people know it. Raises AnotherWakeError. A crash in the middle makes the
        next wake tell it, perhaps for the second time."""
        if getattr(self.told, subject) == what:
            return
        telling = f"{subject}: {what}"
        if self.told.telling == telling and self.told.since and now < self.told.since + _TELLING:
            raise AnotherWakeError
        self._save(replace(self.told, telling=telling, since=now))
        publish()
        self._save(_told(self.told, subject, what))

    def forget_problem(self) -> None:
        """There is none any more."""
        if self.told.problem is not None:
            self._save(_told(self.told, "problem", None))

    def _save(self, told: Told) -> None:
        text = json.dumps({"format": _FORMAT, **asdict(told)}, default=str, indent=1).encode()
        try:
            etag = stored.write_over(
                self.s3, bucket=self.bucket, key=self.key, body=text, over=self.etag
            )
        except stored.MovedError:
            raise AnotherWakeError from None
        self.told, self.etag = told, etag


def _told(before: Told, subject: Subject, what: str | None) -> Told:
    if subject == "served":
        return replace(before, served=what, telling=None, since=None)
    return replace(before, problem=what, telling=None, since=None)


def _parsed(text: bytes) -> Told:
    try:
        known = json.loads(text)
        if known.pop("format") != _FORMAT:
            raise ValueError("another format")
        since = known.pop("since")
        return Told(**known, since=datetime.fromisoformat(since) if since else None)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        say("forget", f"what was told is not readable: {error}", level="WARNING")
        return Told()
