"""A pipeline definition: its parameters, its steps with their branches, what each step refers to.

`read` takes any JSON object and never refuses it: what is not as it should be is named in
`violations`. So a listing of what is deployed, an importer that mends definitions and a runner that
refuses them read one document. What a step's arguments mean is not known here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Any, NamedTuple

from ratchet.definition import expressions
from ratchet.definition.expressions import Call, Keys, chain_of, place_of
from ratchet.definition.step import BRANCHES, Branch, DefinedParameter, DefinedStep, PropertyFile
from ratchet.definition.violations import NAME, NESTED, REPEATED, DefinitionViolation, DocumentError

__all__ = [
    "BRANCHES",
    "Branch",
    "DefinedParameter",
    "DefinedStep",
    "Document",
    "PropertyFile",
    "read",
]

_NAME = re.compile(r"[A-Za-z0-9_\-]{1,64}")  # botocore, `StepName`


class NeverRun(NamedTuple):
    """Why a step never runs: what it needs of each branch of a gate."""

    gate: str
    then: str
    otherwise: str

    def __str__(self) -> str:
        return (
            f"it never runs: it needs {self.then!r}, which runs where {self.gate!r} passes, and "
            f"{self.otherwise!r}, which runs where it does not"
        )


@dataclass(frozen=True, kw_only=True)
class Document:
    """A definition that was read. `steps` has those of branches too, after their Condition."""

    body: Mapping[str, Any] = field(repr=False)
    parameters: tuple[DefinedParameter, ...] = ()
    steps: tuple[DefinedStep, ...] = ()
    violations: tuple[DefinitionViolation, ...] = ()

    @cached_property
    def by_name(self) -> Mapping[str, DefinedStep]:
        """The first step of each name, in the document's order."""
        steps: dict[str, DefinedStep] = {}
        for step in self.steps:
            steps.setdefault(step.name, step)
        return steps

    @cached_property
    def parameters_by_name(self) -> Mapping[str, DefinedParameter]:
        return {parameter.name: parameter for parameter in self.parameters}

    @property
    def experiment(self) -> Mapping[str, Any]:
        """PipelineExperimentConfig; {} where the document has no object."""
        config = self.body.get("PipelineExperimentConfig")
        return config if isinstance(config, Mapping) else {}

    @cached_property
    def experiment_calls(self) -> tuple[Call, ...]:
        """With places in the document."""
        return expressions.calls(self.experiment, chain_of(("PipelineExperimentConfig",)))

    @cached_property
    def cycle(self) -> tuple[str, ...]:
        """Steps of which each needs the next, the first of them last too; () without any."""
        steps = self.by_name
        needs = {name: sorted(steps[name].needs & steps.keys()) for name in steps}
        try:
            TopologicalSorter(needs).prepare()
        except CycleError as error:
            # graphlib lists each node before the one that needs it.
            return tuple(reversed(error.args[1]))
        return ()

    @cached_property
    def never_run(self) -> Mapping[str, NeverRun]:
        """Steps that need steps of both branches of a gate, directly or through others: such a step
        is skipped in every run, and the run succeeds. Not those that only follow such a step, nor
        those that need a step of the branch beside their own."""
        if self.cycle:
            return {}
        steps = self.by_name
        needs = {name: sorted(steps[name].needs & steps.keys()) for name in steps}
        behind: dict[str, dict[tuple[str, bool], str]] = {}
        contradictory: dict[str, NeverRun] = {}
        skipped: set[str] = set()
        for name in TopologicalSorter(needs).static_order():
            step = steps[name]
            every: dict[tuple[str, bool], str] = {}
            for other in needs[name]:
                if other in skipped or step.excludes(steps[other]):
                    skipped.add(name)
                every |= behind[other]
                if branch := steps[other].branch:
                    every[branch.gate, branch.outcome] = other
            if step.branch:
                every.setdefault((step.branch.gate, step.branch.outcome), name)
            gate = next((gate for gate, passes in every if (gate, not passes) in every), None)
            if gate is not None and name not in skipped:
                contradictory[name] = NeverRun(gate, every[gate, True], every[gate, False])
                skipped.add(name)
            behind[name] = every
        return contradictory

    def required(self) -> Document:
        """Itself.

        Raises:
            DocumentError: something is not as it should be.
        """
        if self.violations:
            raise DocumentError(self.violations)
        return self


def read(definition: Mapping[str, Any] | str | bytes) -> Document:
    """Reads a definition, as its JSON text or as the object that the text holds.

    Raises:
        DocumentError: it is no JSON object. Everything else is in `violations`.
    """
    body = _object(definition)
    reader = _Reader()
    parameters = tuple(reader.read_parameters(body.get("Parameters", [])))
    steps = body.get("Steps")
    if isinstance(steps, list | tuple) and steps:
        reader.read_steps(steps, ("Steps",), None)
    else:
        reader.add(("Steps",), "expected a list of at least one step")
    return Document(
        body=body,
        parameters=parameters,
        steps=tuple(reader.steps),
        violations=tuple(reader.violations),
    )


def type_name(value: Any) -> str:
    """JSON's name for the type of a value, with integer and float apart."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    for kind, name in ((int, "integer"), (float, "float"), (str, "string"), (list, "list")):
        if isinstance(value, kind):
            return name
    return "object"


def _object(definition: Mapping[str, Any] | str | bytes) -> Mapping[str, Any]:
    if isinstance(definition, str | bytes):
        try:
            definition = json.loads(definition)
        except json.JSONDecodeError as error:
            place = f"line {error.lineno}, column {error.colno}"
            raise DocumentError([DefinitionViolation(place, f"not JSON: {error.msg}")]) from None
        except UnicodeDecodeError as error:
            raise DocumentError(
                [DefinitionViolation(f"byte {error.start}", "not UTF-8 text")]
            ) from None
        except RecursionError:
            raise DocumentError(
                [DefinitionViolation("$", "nested too deeply to be read")]
            ) from None
    if not isinstance(definition, Mapping):
        raise DocumentError(
            [DefinitionViolation("$", f"expected an object, got {type_name(definition)}")]
        )
    return definition


class _Reader:
    def __init__(self) -> None:
        self.steps: list[DefinedStep] = []
        self.violations: list[DefinitionViolation] = []
        self._places: dict[str, Keys] = {}

    def add(self, keys: Keys, message: str, *, rule: str = "", step: str = "") -> None:
        self.violations.append(DefinitionViolation(place_of(keys), message, rule, step))

    def read_parameters(self, declared: Any) -> Iterator[DefinedParameter]:
        places: dict[str, Keys] = {}
        for keys, body in self._objects(declared, ("Parameters",)):
            name = self._name(body, keys, places)
            choices = body.get("EnumValues")
            if choices is not None and not isinstance(choices, list | tuple):
                self.add((*keys, "EnumValues"), "expected a list")
                choices = None
            yield DefinedParameter(
                name=name,
                type=_text(body.get("Type")),
                keys=keys,
                default=body.get("DefaultValue"),
                choices=None if choices is None else tuple(choices),
            )

    def read_steps(self, steps: Any, above: Keys, branch: Branch | None) -> None:
        for keys, body in self._objects(steps, above):
            name = self._name(body, keys, self._places)
            step = DefinedStep(
                name=name,
                type=_text(body.get("Type")),
                keys=keys,
                body_with_branches=body,
                branch=branch,
            )
            self.steps.append(step)
            self._check_members(step)
            if step.row.holds_branches:
                self._read_branches(step)

    def _read_branches(self, step: DefinedStep) -> None:
        if step.branch is not None:
            message = "a Condition cannot stand inside of a branch of another"
            self.add((*step.keys, "Type"), message, rule=NESTED, step=step.name)
        arguments = step.body_with_branches.get("Arguments")
        if isinstance(arguments, Mapping):
            for key, outcome in BRANCHES.items():
                steps = arguments.get(key) or []
                self.read_steps(steps, (*step.keys, "Arguments", key), Branch(step.name, outcome))

    def _check_members(self, step: DefinedStep) -> None:
        kind = step.body_with_branches.get("Type")
        if not isinstance(kind, str):
            message = f"{kind!r} is no step type: expected a string"
            self.add((*step.keys, "Type"), message, step=step.name)
        if not isinstance(step.body_with_branches.get("Arguments", {}), Mapping):
            self.add((*step.keys, "Arguments"), "expected an object", step=step.name)
        names = step.body_with_branches.get("DependsOn") or []
        if not isinstance(names, list | tuple) or len(step.depends_on) != len(names):
            self.add((*step.keys, "DependsOn"), "expected a list of step names", step=step.name)

    def _objects(self, value: Any, above: Keys) -> Iterator[tuple[Keys, Mapping[str, Any]]]:
        if not isinstance(value, list | tuple):
            self.add(above, "expected a list")
            return
        for index, item in enumerate(value):
            if isinstance(item, Mapping):
                yield (*above, index), item
            else:
                self.add((*above, index), "expected an object")

    def _name(self, body: Mapping[str, Any], keys: Keys, places: dict[str, Keys]) -> str:
        name, is_step = body.get("Name"), places is self._places
        keys = (*keys, "Name")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            message = f"{name!r} is no name: expected 1 to 64 of A-Z a-z 0-9 _ -"
            self.add(keys, message, rule=NAME, step=_text(name) if is_step else "")
        elif name in places:
            message = f"{name!r} is already the name at {place_of(places[name])}"
            self.add(keys, message, rule=REPEATED, step=name if is_step else "")
        else:
            places[name] = keys
        return _text(name)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
