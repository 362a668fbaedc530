"""Collects the mistakes of a definition while it is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ratchet.definition.violations import DefinitionViolation
from ratchet.runner.errors import CannotRunError


class ProblemList:
    """The violations so far, in order."""

    def __init__(self, violations: Iterable[DefinitionViolation] = ()) -> None:
        self._violations = list(violations)

    def add(self, place: str, message: str) -> None:
        self._violations.append(DefinitionViolation(place, message))

    def raise_violations(self) -> None:
        """Raise `DefinitionError` if there is any."""
        if self._violations:
            raise CannotRunError(self._violations)

    def objects(self, value: Any, place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The objects of a list with their places; anything else is a violation."""
        if not isinstance(value, list):
            self.add(place, "expected a list")
            return
        for index, item in enumerate(value):
            if isinstance(item, Mapping):
                yield f"{place}[{index}]", item
            else:
                self.add(f"{place}[{index}]", "expected an object")

    def require(self, holder: Any, place: str, *keys: str) -> bool:
        """Whether an object has every key; says which it lacks."""
        if not isinstance(holder, Mapping):
            self.add(place, "expected an object")
            return False
        missing = [key for key in keys if key not in holder]
        for key in missing:
            self.add(f"{place}.{key}", "is required")
        return not missing
