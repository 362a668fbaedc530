"""Collects the mistakes of a definition while it is read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ratchet.runner.errors import DefinitionError, Problem

_STEP_NAME = re.compile(r"[A-Za-z0-9_\-]{1,64}")  # botocore, `StepName`


class Report:
    """The problems found so far, in order."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []

    def add(self, place: str, message: str) -> None:
        self._problems.append(Problem(place, message))

    def raise_problems(self) -> None:
        """Raise `DefinitionError` if there is any."""
        if self._problems:
            raise DefinitionError(self._problems)

    def objects(self, value: Any, place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The objects of a list with their places; anything else is a problem."""
        if not isinstance(value, list):
            self.add(place, "expected a list")
            return
        for index, item in enumerate(value):
            if isinstance(item, Mapping):
                yield f"{place}[{index}]", item
            else:
                self.add(f"{place}[{index}]", "expected an object")

    def name(self, value: Any, place: str, seen: dict[str, str]) -> bool:
        """Whether a name is one and new; `seen` maps names to where they stand."""
        if not isinstance(value, str) or not _STEP_NAME.fullmatch(value):
            self.add(place, f"{value!r} is no name: expected 1 to 64 of A-Z a-z 0-9 _ -")
        elif value in seen:
            self.add(place, f"{value!r} is already the name at {seen[value]}")
        else:
            seen[value] = place
            return True
        return False

    def require(self, holder: Any, place: str, *keys: str) -> bool:
        """Whether an object has every key; says which it lacks."""
        if not isinstance(holder, Mapping):
            self.add(place, "expected an object")
            return False
        missing = [key for key in keys if key not in holder]
        for key in missing:
            self.add(f"{place}.{key}", "is required")
        return not missing
