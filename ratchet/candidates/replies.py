"""What comes back for a row that was asked, and the ways in which nothing does (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from ratchet.candidates.budget import Usage
from ratchet.deployment.errors import DeploymentError

Content = TypeVar("Content")


class BusyModelError(Exception):
    """The service asks for fewer requests, or is not there at the moment: worth another attempt."""

    def __init__(self, reason: str, *, attempts: int | None = None) -> None:
        super().__init__(reason)
        self.attempts = attempts
        """How many are worth it, if fewer than usual."""


class UnansweredRowError(Exception):
    """There is no answer to this row, and asking again will not bring one."""

    def __init__(self, reason: str, *, billed: bool) -> None:
        super().__init__(reason)
        self.billed = billed
        """Whether it may cost as much as it can."""


class RefusedTrialError(DeploymentError):
    """No row can be answered: the message has the reason and the next command."""


class VoidTrialError(RefusedTrialError):
    """Not even what was answered before counts: nobody can say who answered."""


@dataclass(frozen=True, kw_only=True)
class Reply(Generic[Content]):
    """What came back for one row."""

    content: Content
    usage: Usage
    latency_ms: float | None = None
    """As the service measured it."""
    cut_off: bool = False
    """Whether the answer ended because it may have no more tokens."""


@dataclass(frozen=True, kw_only=True)
class RowOutcome(Generic[Content]):
    """What became of one row that was asked."""

    reply: Reply[Content] | None
    reason: str = ""
    """Why there is no reply."""
    wall_ms: float = 0.0
    """From sending the request that was answered to its answer."""


@dataclass(frozen=True, kw_only=True)
class Asking(Generic[Content]):
    """What came of all rows."""

    outcomes: Mapping[int, RowOutcome[Content]]
    """By the row's position; rows that were not asked are missing."""
    stopped: str
    """Why it ended before the last row; "": it did not."""

    @property
    def usage(self) -> Usage:
        return sum((o.reply.usage for o in self.outcomes.values() if o.reply), Usage())
