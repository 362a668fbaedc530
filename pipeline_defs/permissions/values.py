"""What an argument of a step may be when the pipeline runs, as far as the definition says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from pipeline_defs.authoring import schema
from pipeline_defs.authoring.checks.document import is_variable, placed_steps, step_reference

ANY = "*"


class Values:
    """The values of one definition's arguments."""

    def __init__(self, definition: Mapping[str, Any]) -> None:
        self._parameters = {p["Name"]: p for p in definition.get("Parameters", ())}
        self._steps = {placed.name: placed.own for placed in placed_steps(definition)}

    def patterns(self, value: Any) -> list[str]:
        """The texts that a value may be, with `*` for what the definition leaves open.

        A parameter may be its default or one of its enum; a property of another step may be what
        that step's argument of the same name says; a `*` alone is anything.
        """
        return list(dict.fromkeys(_squeezed(text) for text in self._patterns(value)))

    def parameter(self, value: Any) -> Mapping[str, Any] | None:
        """The parameter that a value is."""
        got = str(value.get("Get", "")) if isinstance(value, Mapping) else ""
        return self._parameters.get(got.removeprefix("Parameters."))

    def step(self, value: Any) -> tuple[Mapping[str, Any], str] | None:
        """The step that a value is a property of, and the property's path."""
        got = str(value.get("Get", "")) if isinstance(value, Mapping) else ""
        name, path = step_reference(got) or ("", "")
        return (self._steps[name], path) if name in self._steps else None

    def _patterns(self, value: Any) -> Iterator[str]:
        match value:
            case str() | int() | float():
                yield str(value)
            case {"Get": str(got)} if got.startswith("Parameters."):
                declared = self._parameters.get(got.removeprefix("Parameters."), {})
                default = declared.get("DefaultValue")
                chosen = [*([] if default is None else [default]), *declared.get("EnumValues", ())]
                yield from (str(text) for text in chosen or [ANY])
            case {"Get": _} if (source := self.step(value)) is not None:
                step, path = source
                argument = step.get("Arguments", {}).get(path.removeprefix("."))
                yield from self._patterns(argument) if argument is not None else (ANY,)
            case {"Std:Join": {"Values": list(parts), **join}}:
                choices = [list(self._patterns(part)) for part in parts]
                for texts in product(*choices):
                    yield str(join.get("On", "")).join(texts)
            case _:
                yield ANY


def members(step: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """(path, member, value) of every value of a step's arguments that the API gives a meaning to:
    what stands in a map, such as an environment, is the step's own."""
    shape = schema.create_shape(str(step["Type"]))
    if shape is not None:
        yield from _members(shape, step.get("Arguments", {}), "")


def _members(shape: schema.Shape, value: Any, path: str) -> Iterator[tuple[str, str, Any]]:
    match "" if is_variable(value) else shape["type"], value:
        case "structure", {**given}:
            for name, member in shape["members"].items():
                if name in given:
                    here = f"{path}.{name}".removeprefix(".")
                    yield from _members(schema.shape(member["shape"]), given[name], here)
        case "list", list(items):
            for index, item in enumerate(items):
                here = f"{path}[{index}]"
                yield from _members(schema.shape(shape["member"]["shape"]), item, here)
        case "map", _:
            return
        case _:
            yield path, path.rsplit(".", 1)[-1].partition("[")[0], value


def _squeezed(text: str) -> str:
    while "**" in text:
        text = text.replace("**", ANY)
    return text
