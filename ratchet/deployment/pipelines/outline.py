"""A pipeline definition as a list of steps in reading order, with a gate's branches marked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ratchet.definition.document import read
from ratchet.definition.row import StepType
from ratchet.definition.step import PropertyFile
from ratchet.definition.step_types import row_of


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
    reports: tuple[PropertyFile, ...] = ()
    """The JSON documents that it leaves in its outputs."""

    @property
    def row(self) -> StepType:
        """What the table of step types says of its type."""
        return row_of(self.type)


def outline(definition: Mapping[str, Any] | str) -> tuple[PlannedStep, ...]:
    """The steps of a definition: each gate, then the steps behind it, then the others."""
    return tuple(
        PlannedStep(
            name=step.name,
            type=step.type,
            gate=step.branch.gate if step.branch else None,
            branch=step.branch.outcome if step.branch else None,
            arguments=step.arguments,
            reports=tuple(step.property_files.values()),
        )
        for step in read(definition).steps
    )
