"""Reading a pipeline definition: its steps with their places, its variables, their types."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline_defs.authoring import schema

Json = Any
_FUNCTIONS = frozenset({"Get", "Std:Join", "Std:JsonGet"})
_STEP = re.compile(r"Steps\.(?P<name>[^.\[]+)(?P<path>.*)", re.DOTALL)

TYPES = {
    "string": "String",
    "timestamp": "String",
    "integer": "Integer",
    "long": "Integer",
    "float": "Float",
    "double": "Float",
    "boolean": "Boolean",
}
"""Types of the API's shapes → types of pipeline parameters."""


@dataclass(frozen=True)
class Placed:
    """A step and where it stands: at the top level, or in a branch of a gate."""

    step: Mapping[str, Json]
    gate: str | None = None
    branch: str | None = None
    """"then" or "otherwise"."""

    @property
    def name(self) -> str:
        return str(self.step.get("Name", ""))

    @property
    def type(self) -> str:
        return str(self.step.get("Type", ""))

    @property
    def own(self) -> dict[str, Json]:
        """The step without the steps of its branches."""
        if self.type != "Condition":
            return dict(self.step)
        arguments = self.step.get("Arguments", {})
        conditions = {k: v for k, v in arguments.items() if k not in ("IfSteps", "ElseSteps")}
        return {**self.step, "Arguments": conditions}


def placed_steps(definition: Mapping[str, Json]) -> Iterator[Placed]:
    """Every step, those of branches right after their gate; nested gates' branches as well."""
    for step in definition.get("Steps", ()):
        yield from _unfolded(Placed(step))


def _unfolded(placed: Placed) -> Iterator[Placed]:
    yield placed
    if placed.type != "Condition":
        return
    arguments = placed.step.get("Arguments", {})
    for key, branch in (("IfSteps", "then"), ("ElseSteps", "otherwise")):
        for step in arguments.get(key, ()):
            yield from _unfolded(Placed(step, placed.name, branch))


def is_variable(value: Json) -> bool:
    return isinstance(value, Mapping) and len(value) == 1 and next(iter(value)) in _FUNCTIONS


def variables(value: Json, path: str = "") -> Iterator[tuple[str, str]]:
    """(path, what is got) of every `Get` at or below the value, inside functions too."""
    if isinstance(value, Mapping):
        if is_variable(value):
            for got in _got(value):
                yield path, got
            return
        for key, item in value.items():
            yield from variables(item, f"{path}.{key}".removeprefix("."))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from variables(item, f"{path}[{index}]")


def _got(value: Json) -> Iterator[str]:
    """What is got in a function, however deep."""
    if isinstance(value, Mapping):
        if is_variable(value) and "Get" in value:
            yield str(value["Get"])
        else:
            for item in value.values():
                yield from _got(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _got(item)


def variables_of(step: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """Like `variables`, with paths as a person says them: without the leading "Arguments."."""
    for path, got in variables(step):
        yield path.removeprefix("Arguments."), got


def step_reference(got: str) -> tuple[str, str] | None:
    """(step, path) of `Steps.<step><path>`; None: it is about something else."""
    match = _STEP.fullmatch(got)
    return (match["name"], match["path"]) if match else None


class Types:
    """What type each variable of a definition has, where that is known."""

    def __init__(self, definition: Mapping[str, Json]) -> None:
        self._parameters = {p["Name"]: p.get("Type") for p in definition.get("Parameters", ())}
        self._steps = {placed.name: placed.step for placed in placed_steps(definition)}

    def of(self, variable: Mapping[str, Json]) -> str | None:
        """String, Integer, Float, Boolean, or the API's structure, list, map; None: unknown."""
        if "Std:Join" in variable:
            return "String"
        got = variable.get("Get")
        if not isinstance(got, str):
            return None
        if got.startswith("Execution."):
            return "String"
        if got.startswith("Parameters."):
            return self._parameters.get(got.removeprefix("Parameters."))
        reference = step_reference(got)
        return self._of_property(*reference) if reference else None

    def _of_property(self, name: str, path: str) -> str | None:
        step = self._steps.get(name, {})
        for output in step.get("OutputParameters", ()):
            if path == f".OutputParameters['{output['OutputName']}']":
                return str(output.get("OutputType"))
        described = schema.describe_shape(str(step.get("Type", "")))
        if described is None:
            return None
        try:
            kind = str(schema.follow(described, path)["type"])
        except schema.PathError:
            return None
        return TYPES.get(kind, kind)
