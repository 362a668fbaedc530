"""Asks a foundation model about many rows at once, within a budget, and ends with what there is.

A row is answered, or unanswered with the reason; no row is answered for the model. Rows that were
not asked when a trial stops are neither.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Generic, TypeAlias, TypeVar

from ratchet.candidates.budget import TrialBudget, Usage
from ratchet.candidates.replies import (
    Asking,
    BusyModelError,
    Content,
    RefusedTrialError,
    Reply,
    RowOutcome,
    UnansweredRowError,
    VoidTrialError,
)

Asked = TypeVar("Asked")

MOST_FAILURES = 10
"""Rows without an answer, one after the other, after which nobody expects the next to have one."""

_EVERY = 0.2  # seconds between two looks for Ctrl-C and for what has come back

INTERRUPTED = "interrupted"


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How requests are sent."""

    at_once: int = 8
    attempts: int = 8
    """Of a row while the service is busy."""
    first_wait: float = 1.0
    longest_wait: float = 30.0
    """Seconds before another attempt; each is twice the one before."""
    between: float = 0.0
    """Seconds between two requests at least."""

    def wait_before(self, attempt: int) -> float:
        """Seconds before attempt 2, 3, …"""
        return float(min(self.first_wait * 2 ** (attempt - 2), self.longest_wait))


@dataclass(frozen=True, kw_only=True)
class AskingProgress:
    asked: int
    rows: int
    unanswered: int
    used: Decimal
    """Of the budget, by these rows."""
    busy: str = ""
    """What the service said when it last asked for patience; "": it did not lately."""


Waiting: TypeAlias = dict[Future[RowOutcome[Content] | None], int]
"""Rows on their way → their positions."""


@dataclass
class RowAsking(Generic[Asked, Content]):
    """One asking of many rows. The main thread sends; threads wait for answers."""

    ask: Callable[[Asked], Reply[Content]]
    """Raises BusyModelError, NoAnswerError or RefusedTrialError."""
    most: Callable[[Asked], Decimal]
    """The most that a request can use of the budget."""
    cost: Callable[[Usage], Decimal]
    budget: TrialBudget
    limit: str
    """The budget's limit in words."""
    patience: Patience = field(default_factory=Patience)
    progress: Callable[[AskingProgress], None] = lambda _: None
    _used_before: Decimal = Decimal(0)
    _sent: float = -math.inf
    """When the last request was sent, as `time.monotonic` counts."""
    _ending: threading.Event = field(default_factory=threading.Event)
    _busy: str = ""
    _outcomes: dict[int, RowOutcome[Content]] = field(default_factory=dict)
    _failures: int = 0

    def all(self, rows: Sequence[Asked]) -> Asking[Content]:
        """Asks the first row alone, then the others, several at once. Ctrl-C ends it with what has
        come back by then.

        Raises:
            RefusedTrialError: no row was answered, and none will be.
        """
        self._used_before = self.budget.used
        pool = ThreadPoolExecutor(max_workers=self.patience.at_once)
        waiting: Waiting[Content] = {}
        stopped = ""
        try:
            stopped = self._send(pool, rows, waiting)
        except KeyboardInterrupt:
            stopped = INTERRUPTED
        except VoidTrialError:
            raise
        except RefusedTrialError as refusal:
            if not self._answered:
                raise
            stopped = str(refusal).partition("\n")[0]
        finally:
            self._end(pool, waiting, len(rows))
        if self._failures >= MOST_FAILURES and not self._answered and not self.budget.used:
            raise RefusedTrialError(f"nothing was answered: {stopped}")
        return Asking(outcomes=dict(sorted(self._outcomes.items())), stopped=stopped)

    @property
    def _answered(self) -> bool:
        return any(outcome.reply for outcome in self._outcomes.values())

    def _send(
        self,
        pool: ThreadPoolExecutor,
        rows: Sequence[Asked],
        waiting: Waiting[Content],
    ) -> str:
        """Why not all rows were sent; "" where they were, and are answered or not."""
        position = 0
        while position < len(rows) or waiting:
            at_once = self.patience.at_once if self._outcomes else 1
            while position < len(rows) and len(waiting) < at_once:
                if self._sent + self.patience.between > time.monotonic():
                    break
                most = self.most(rows[position])
                if not self.budget.admit(most):
                    if not waiting:
                        return f"{self.limit} is reached"
                    break  # what comes back may have used less than it could
                waiting[pool.submit(self._row, rows[position], most)] = position
                self._sent = time.monotonic()
                position += 1
            self._collect(waiting, len(rows), timeout=self._until_next())
            if self._failures >= MOST_FAILURES:
                last = next(reversed(self._outcomes.values())).reason
                return f"{MOST_FAILURES} rows in a row had no answer ({last})"
        return ""

    def _until_next(self) -> float:
        """Seconds to wait for answers before the next request may be sent."""
        left = self._sent + self.patience.between - time.monotonic()
        return min(_EVERY, left) if left > 0 else _EVERY

    def _collect(
        self,
        waiting: Waiting[Content],
        rows: int,
        *,
        timeout: float,
    ) -> None:
        if not waiting:
            time.sleep(timeout)
        done, _ = wait(waiting, timeout=timeout, return_when=FIRST_COMPLETED)
        for future in sorted(done, key=waiting.__getitem__):
            position = waiting.pop(future)
            outcome = future.result()
            if outcome is None:
                continue
            self._outcomes[position] = outcome
            self._failures = 0 if outcome.reply else self._failures + 1
        unanswered = sum(not outcome.reply for outcome in self._outcomes.values())
        self.progress(
            AskingProgress(
                asked=len(self._outcomes),
                rows=rows,
                unanswered=unanswered,
                used=self.budget.used - self._used_before,
                busy=self._busy,
            )
        )

    def _end(
        self,
        pool: ThreadPoolExecutor,
        waiting: Waiting[Content],
        rows: int,
    ) -> None:
        """Keeps the answers of requests that are on their way: they cost in any case. A second
        Ctrl-C gives them up."""
        self._ending.set()
        try:
            while waiting:
                try:
                    self._collect(waiting, rows, timeout=_EVERY)
                except VoidTrialError:
                    raise
                except RefusedTrialError:
                    continue
        except KeyboardInterrupt:
            pass
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _row(self, row: Asked, most: Decimal) -> RowOutcome[Content] | None:
        """In a thread: one row, with as many attempts as it may have; None: all rows end while it
        waits for another one. Whatever happens, the budget knows what it used."""
        used = most
        try:
            for attempt in range(1, self.patience.attempts + 1):
                if attempt > 1 and self._ending.wait(self.patience.wait_before(attempt)):
                    used = Decimal(0)
                    return None
                started = time.perf_counter()
                try:
                    reply = self.ask(row)
                except BusyModelError as busy:
                    self._busy = str(busy)
                    if busy.attempts is not None and attempt >= busy.attempts:
                        if not self._outcomes:  # the first row, which is asked alone
                            raise RefusedTrialError(f"no model answers: {busy}") from None
                        break
                    continue
                used = self.cost(reply.usage)
                self._busy = ""
                wall = 1000 * (time.perf_counter() - started)
                return RowOutcome(reply=reply, wall_ms=wall)
            used = Decimal(0)
            return RowOutcome(reply=None, reason=self._busy)
        except UnansweredRowError as problem:
            used = most if problem.billed else Decimal(0)
            return RowOutcome(reply=None, reason=str(problem))
        except RefusedTrialError:
            used = Decimal(0)
            raise
        finally:
            self.budget.settle(most, used)
