"""What a trial may use, in dollars or in tokens, and what it has used.

A request is admitted only if what was used, with the most that each request on its way can use,
stays within the limit. So the limit is passed by no more than what requests on their way use beyond
what was expected of them at most.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from decimal import Decimal

_MILLION = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Tokens that went in and came out."""

    input_tokens: int = 0
    output_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
        )

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True, kw_only=True)
class Rates:
    """What a token uses of a limit: dollars for a million, or one each where tokens are counted."""

    input_per_million: Decimal
    output_per_million: Decimal

    def of(self, usage: Usage) -> Decimal:
        return (
            self.input_per_million * usage.input_tokens
            + self.output_per_million * usage.output_tokens
        ) / _MILLION


TOKENS = Rates(input_per_million=Decimal(_MILLION), output_per_million=Decimal(_MILLION))
"""Of a limit that counts tokens, where nobody knows a price."""


@dataclass
class TrialBudget:
    """One limit for everything that a command sends. Threads share it."""

    limit: Decimal
    used: Decimal = Decimal(0)
    """By answers so far, and by requests that gave none and may be billed all the same."""
    _on_their_way: Decimal = Decimal(0)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def on_their_way(self) -> Decimal:
        """The most that requests use whose answers are not there yet."""
        return self._on_their_way

    def admit(self, most: Decimal) -> bool:
        """Whether a request that uses so much at most may be sent; if so, it is on its way."""
        with self._lock:
            if self.used + self._on_their_way + most > self.limit:
                return False
            self._on_their_way += most
            return True

    def settle(self, most: Decimal, used: Decimal) -> None:
        """A request that was admitted has used so much."""
        with self._lock:
            self._on_their_way -= most
            self.used += used
