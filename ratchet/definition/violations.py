"""What is wrong with a definition, as data: the reader collects, callers decide what to refuse."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

NAME, REPEATED, NESTED = "name", "repeated", "nested"
"""Rules that callers word themselves: a name's characters, its uniqueness, a gate in a branch."""


@dataclass(frozen=True)
class DefinitionViolation:
    """One mistake. `place` is a path such as `Steps[3].Arguments.Tags[0].Value`.

    - `rule`: NAME, REPEATED or NESTED; "" for what is no well-formed document.
    - `step`: the step that it is about; "" when it is about none.
    """

    place: str
    message: str
    rule: str = ""
    step: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class DocumentError(ValueError):
    """A definition that cannot be used; `violations` holds every mistake, in its order."""

    def __init__(self, violations: Iterable[DefinitionViolation]) -> None:
        self.violations = tuple(violations)
        super().__init__(worded(self.violations))


def worded(violations: Sequence[DefinitionViolation]) -> str:
    """A heading, and a line for each mistake."""
    count = len(violations)
    lines = "\n".join(f"  {violation}" for violation in violations)
    return f"the pipeline definition has {count} problem{'s'[: count != 1]}:\n{lines}"
