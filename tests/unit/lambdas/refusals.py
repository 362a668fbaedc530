"""AWS refuses calls: the n-th one, or all of an operation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.unit.lambdas.fake_serving import ServiceError


@dataclass
class RefuseNth:
    """Use as a fake cloud's `before`."""

    number: int
    calls: list[str] = field(default_factory=list)

    def __call__(self, name: str, given: Mapping[str, Any]) -> None:
        self.calls.append(name)
        if len(self.calls) == self.number:
            raise ServiceError("ThrottlingException", "Rate exceeded")


def refuse(*names: str) -> Callable[[str, Mapping[str, Any]], None]:
    """For a fake cloud's `before`: every call of these operations is refused."""

    def before(name: str, given: Mapping[str, Any]) -> None:
        if name in names:
            raise ServiceError("AccessDenied", f"not authorized to perform {name}", status=403)

    return before
