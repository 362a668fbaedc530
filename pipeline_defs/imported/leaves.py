"""The arguments of a step as places that hold one value each, to look at and to rewrite."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ratchet.definition.expressions import function_of

_BRANCHES = ("IfSteps", "ElseSteps")


@dataclass(frozen=True)
class Leaf:
    """A text, number, reference or function, and the mapping or list that holds it."""

    path: str
    """As a person says it: `ProcessingInputs[0].S3Input.S3Uri`."""
    holder: Any
    key: str | int

    @property
    def value(self) -> Any:
        return self.holder[self.key]

    @property
    def name(self) -> str:
        """The argument's own name: `S3Uri`."""
        return str(self.key) if isinstance(self.key, str) else self.path.split(".")[-1]

    def put(self, value: Any) -> None:
        self.holder[self.key] = value


def leaves(step: dict[str, Any]) -> Iterator[Leaf]:
    """Every leaf of a step, without the steps of its branches."""
    yield from _below(step, "")


def _below(holder: Any, path: str) -> Iterator[Leaf]:
    items = list(holder.items()) if isinstance(holder, dict) else list(enumerate(holder))
    for key, item in items:
        if key in _BRANCHES:
            continue
        here = f"{path}[{key}]" if isinstance(key, int) else f"{path}.{key}"
        here = here.removeprefix(".").removeprefix("Arguments.")
        if isinstance(item, dict | list) and not function_of(item):
            yield from _below(item, here)
        else:
            yield Leaf(here, holder, key)


def steps(definition: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every step, those of branches right after their condition."""
    for step in definition.get("Steps", ()):
        yield from _unfolded(step)


def _unfolded(step: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield step
    if step.get("Type") == "Condition":
        for branch in _BRANCHES:
            for inside in step.get("Arguments", {}).get(branch) or ():
                yield from _unfolded(inside)
