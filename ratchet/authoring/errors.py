"""What is wrong with a pipeline, said so that it can be put right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

_SHOWN = 120
_FEW = 12


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One mistake: where it stands, what stands there, what is expected, and the fix."""

    expected: str
    fix: str = ""
    step: str | None = None
    argument: str | None = None
    value: Any = None

    def __str__(self) -> str:
        place = [f"step {self.step!r}"] if self.step is not None else []
        if self.argument is not None:
            shown = "" if self.value is None else f" = {_shown(self.value)}"
            place.append(f"{self.argument}{shown}")
        elif self.value is not None:
            place.append(_shown(self.value))
        text = f"{', '.join(place)}: {self.expected}" if place else self.expected
        return f"{text}; {self.fix}" if self.fix else text


class DefinitionError(ValueError):
    """A pipeline that SageMaker would refuse, or that would not do what it says.

    `problems` holds every mistake that was found, in the order of the definition.
    """

    def __init__(self, pipeline: str, problems: Iterable[Problem]) -> None:
        self.pipeline = pipeline
        self.problems = tuple(problems)
        count = len(self.problems)
        heading = f"pipeline {pipeline!r} has {count} problem{'s' if count != 1 else ''}:"
        super().__init__("\n".join([heading, *(f"  - {problem}" for problem in self.problems)]))


class BundleError(ValueError):
    """A step's code that cannot be bundled: a file that is missing, or is no Python."""


def a(noun: str) -> str:
    """The noun with its article: "an Integer", "a String"."""
    return f"{'an' if noun[0] in 'aeioAEIO' else 'a'} {noun}"


def did_you_mean(name: str, names: Sequence[str]) -> str:
    """A fix that names the closest of the names, or all of them when they are few."""
    close = get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    if not names:
        return "there are none"
    few = len(names) <= _FEW
    return f"choose one of: {', '.join(names[:_FEW])}{'' if few else f' … ({len(names)} in all)'}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"
