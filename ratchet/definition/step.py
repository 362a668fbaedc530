"""One step of a definition, and what stands in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from ratchet.definition import expressions, references
from ratchet.definition.expressions import GET, Call, Keys, Leaf, place_of
from ratchet.definition.references import STEPS, Reference
from ratchet.definition.row import StepType
from ratchet.definition.step_types import row_of

BRANCHES: Mapping[str, bool] = {"IfSteps": True, "ElseSteps": False}
"""Arguments of a Condition that hold steps → the outcome that they are for."""


class Branch(NamedTuple):
    """Where a step stands that a Condition decides on: its name, and the outcome it runs on."""

    gate: str
    outcome: bool


@dataclass(frozen=True, kw_only=True)
class PropertyFile:
    """A JSON file below an output, as `Std:JsonGet` reads it."""

    name: str
    output: str
    path: str


@dataclass(frozen=True, kw_only=True)
class DefinedParameter:
    """A declared parameter. `default` is None when a run must give a value."""

    name: str
    type: str
    keys: Keys
    default: Any = None
    choices: tuple[Any, ...] | None = None

    @property
    def place(self) -> str:
        return place_of(self.keys)


@dataclass(frozen=True, kw_only=True)
class DefinedStep:
    """One step.

    - `name`, `type`: "" where the document has no text.
    - `keys`: where it stands in the document.
    - `body_with_branches`: its JSON object there; `body` is without the steps of its branches.
    - `branch`: None at the top level.
    """

    name: str
    type: str
    keys: Keys
    body_with_branches: Mapping[str, Any] = field(repr=False)
    branch: Branch | None = None

    @property
    def place(self) -> str:
        """`Steps[3].Arguments.IfSteps[0]`."""
        return place_of(self.keys)

    @property
    def row(self) -> StepType:
        """What the table says of its type."""
        return row_of(self.type)

    @cached_property
    def body(self) -> Mapping[str, Any]:
        body = self.body_with_branches
        arguments = body.get("Arguments")
        if not self.row.holds_branches or not isinstance(arguments, Mapping):
            return body
        conditions = {key: value for key, value in arguments.items() if key not in BRANCHES}
        return {**body, "Arguments": conditions}

    @property
    def arguments(self) -> Mapping[str, Any]:
        """{} where the document has no object."""
        arguments = self.body.get("Arguments")
        return arguments if isinstance(arguments, Mapping) else {}

    @cached_property
    def calls(self) -> tuple[Call, ...]:
        """Every call of a function, with places in `body`."""
        return expressions.calls(self.body)

    @cached_property
    def references(self) -> tuple[tuple[Call, Reference], ...]:
        """Every Get of a text, with what it refers to."""
        return tuple(
            (call, references.parse(call.operand))
            for call in self.calls
            if call.function == GET and isinstance(call.operand, str)
        )

    @cached_property
    def leaves(self) -> tuple[Leaf, ...]:
        """Every place of `body` that holds a value or a call."""
        return tuple(expressions.leaves(self.body))

    @property
    def depends_on(self) -> tuple[str, ...]:
        names = self.body.get("DependsOn") or ()
        names = names if isinstance(names, list | tuple) else ()
        return tuple(name for name in names if isinstance(name, str))

    @cached_property
    def needs(self) -> frozenset[str]:
        """Names of the steps that must have ended first: DependsOn, references, its gate."""
        names = {reference.name for _, reference in self.references if reference.root == STEPS}
        names.update(self.depends_on)
        if self.branch:
            names.add(self.branch.gate)
        return frozenset(names)

    @cached_property
    def property_files(self) -> Mapping[str, PropertyFile]:
        """Those that are declared in full, by name."""
        keys = ("PropertyFileName", "OutputName", "FilePath")
        files = (
            PropertyFile(name=file[keys[0]], output=file[keys[1]], path=file[keys[2]])
            for file in _objects(self.body.get("PropertyFiles"))
            if all(isinstance(file.get(key), str) for key in keys)
        )
        return {file.name: file for file in files}

    @cached_property
    def output_parameters(self) -> Mapping[str, str]:
        """Name → type of what a Lambda or Callback step declares to answer."""
        return {
            str(output["OutputName"]): str(output.get("OutputType", "String"))
            for output in _objects(self.body.get("OutputParameters"))
            if "OutputName" in output
        }

    def excludes(self, other: DefinedStep) -> bool:
        """Whether only one of the two ever runs: they are in the two branches of one gate."""
        if self.branch is None or other.branch is None:
            return False
        return self.branch.gate == other.branch.gate and self.branch != other.branch


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list | tuple):
        yield from (item for item in value if isinstance(item, Mapping))
