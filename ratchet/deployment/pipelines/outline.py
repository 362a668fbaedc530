"""A pipeline definition as a list of steps in reading order, with a gate's branches marked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class PlannedStep:
    """A step of the definition, whether or not a run reaches it."""

    name: str
    type: str
    gate: str | None
    """The Condition step that decides whether it runs; None: it always does."""
    branch: bool | None
    """The outcome of that gate on which it runs."""
    arguments: Mapping[str, Any]
    reports: tuple[Report, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Report:
    """A property file: a JSON document that a step leaves in one of its outputs."""

    name: str
    output: str
    path: str


def outline(definition: Mapping[str, Any]) -> tuple[PlannedStep, ...]:
    """The steps of a definition: each gate is followed by what it lets through, then the rest."""
    return tuple(_walk(definition.get("Steps", ()), gate=None, branch=None))


def _walk(
    steps: Sequence[Mapping[str, Any]], *, gate: str | None, branch: bool | None
) -> Iterator[PlannedStep]:
    for step in steps:
        arguments = step.get("Arguments") or {}
        yield PlannedStep(
            name=step["Name"],
            type=step["Type"],
            gate=gate,
            branch=branch,
            arguments=arguments,
            reports=tuple(
                Report(name=p["PropertyFileName"], output=p["OutputName"], path=p["FilePath"])
                for p in step.get("PropertyFiles") or ()
            ),
        )
        if step["Type"] == "Condition":
            yield from _walk(arguments.get("IfSteps") or (), gate=step["Name"], branch=True)
            yield from _walk(arguments.get("ElseSteps") or (), gate=step["Name"], branch=False)
