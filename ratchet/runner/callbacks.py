"""Callback steps that wait to be told how they ended, each by its token."""

from __future__ import annotations

import secrets
import string
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

_ALPHABET = string.ascii_letters + string.digits
_TOKEN_LENGTH = 10  # botocore, `CallbackToken`


@dataclass(frozen=True, kw_only=True)
class CallbackResult:
    """How a step was told to end: with outputs (name → text), or with the reason of a failure."""

    outputs: Mapping[str, str] = field(default_factory=dict)
    failure: str | None = None


@dataclass(eq=False)
class WaitingStep:
    """One step that waits. `answered` is set once `answer` is there."""

    token: str
    execution_arn: str
    outputs: frozenset[str]
    answered: threading.Event = field(default_factory=threading.Event)
    answer: CallbackResult = CallbackResult()


class Callbacks:
    """All steps that wait; safe to use from any thread."""

    def __init__(self) -> None:
        self._waiting: dict[str, WaitingStep] = {}
        self._lock = threading.Lock()

    def open(self, execution_arn: str, *, outputs: frozenset[str]) -> WaitingStep:
        """A new token; `outputs` are the names of those that an answer must have."""
        token = "".join(secrets.choice(_ALPHABET) for _ in range(_TOKEN_LENGTH))
        waiting = WaitingStep(token, execution_arn, outputs)
        with self._lock:
            self._waiting[token] = waiting
        return waiting

    def close(self, waiting: WaitingStep) -> None:
        """Nobody waits any more: an answer comes too late."""
        with self._lock:
            self._waiting.pop(waiting.token, None)

    def find(self, token: str) -> WaitingStep:
        """The step that waits by this token; KeyError when none does."""
        with self._lock:
            return self._waiting[token]

    def answer(self, token: str, answer: CallbackResult) -> WaitingStep:
        """Tell a step how it ended; KeyError when none waits by this token.

        The first answer counts.
        """
        with self._lock:
            waiting = self._waiting.pop(token)
        waiting.answer = answer
        waiting.answered.set()
        return waiting
