"""One wake acts at a time.

A wake decides by what it has seen, and the world is different once another wake has acted. So it
acts only under a claim, which it writes over the record that it had read *before* it looked: no
other wake has acted in between, and none does until the claim is over.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

import stored
from decision_log import say
from notices import NoticeRecord, Notices

LONGEST = timedelta(seconds=150)
"""A claim is over by then: Lambda ends the function after 2 minutes."""

News = Callable[[NoticeRecord], NoticeRecord]


class OvertakenError(Exception):
    """The state has changed since this wake read it: read it again."""


def is_claimed(record: NoticeRecord, *, now: datetime) -> bool:
    """Whether another wake acts at this moment."""
    return record.claimed is not None and now < record.claimed + LONGEST


def write_down(notices: Notices, news: News) -> None:
    """Records the notices of a wake that need not act. Raises OvertakenError."""
    try:
        notices.write(news(notices.record))
    except stored.MovedError:
        raise OvertakenError from None


@dataclass(kw_only=True)
class ActionClaim:
    """A context to act in. Entering raises OvertakenError if another wake holds the claim.

    The news is written down together with the claim, so that no crash loses it, and taken back
    when nothing was done: the act failed, or said so by `take_back`.
    """

    notices: Notices
    news: News
    now: datetime
    name: str = field(default_factory=lambda: secrets.token_hex(8))

    def __post_init__(self) -> None:
        self._before = self.notices.record
        self._done = True

    def take_back(self) -> None:
        self._done = False

    def __enter__(self) -> Self:
        claimed = {"claim": self.name, "claimed": self.now}
        write_down(self.notices, lambda record: replace(self.news(record), **claimed))  # type: ignore[arg-type]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if error is not None:
            self.take_back()
            if not isinstance(error, Exception):
                return  # the process ends
        try:
            self.notices.change(self._over)
        except Exception as problem:
            if error is None:
                raise
            say("go on", f"the claim ends by itself: {problem}", level="WARNING")

    def _over(self, record: NoticeRecord) -> NoticeRecord:
        if record.claim != self.name:
            return record  # it took too long, and another wake acts by now
        if not self._done:
            before = self._before
            waiting = tuple(w for w in record.waiting if w in before.waiting)
            record = replace(record, latest=before.latest, waiting=waiting)
        return replace(record, claim=None, claimed=None)
