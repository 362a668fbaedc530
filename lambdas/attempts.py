"""Runs several tasks of a function; if one fails, the others still run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from decision_log import say


@dataclass
class Attempts:
    """Collects failures until the end."""

    failures: list[Exception] = field(default_factory=list)

    def make(self, act: Callable[[], object]) -> None:
        try:
            act()
        except Exception as error:
            say("go on", f"{type(error).__name__}: {error}", level="ERROR")
            self.failures.append(error)

    def end(self) -> None:
        """Raises the first failure, so that the function is called again."""
        if self.failures:
            raise self.failures[0]
