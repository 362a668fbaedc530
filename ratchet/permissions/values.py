"""What an argument of a step may be when the pipeline runs, as far as the definition says."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from ratchet.definition import references, service_model
from ratchet.definition.document import DefinedParameter, DefinedStep, Document
from ratchet.definition.expressions import GET, Chain, Leaf, function_of
from ratchet.definition.references import PARAMETERS, STEPS, Part, Reference
from ratchet.definition.service_model import Shape

ANY = "*"


class Values:
    """The values of one definition's arguments."""

    def __init__(self, document: Document) -> None:
        self._document = document

    def patterns(self, value: Any) -> list[str]:
        """The texts that a value may be, with `*` for what the definition leaves open.

        A parameter may be its default or one of its enum; a property of another step may be what
        that step's argument of the same name says; a `*` alone is anything.
        """
        return list(dict.fromkeys(_squeezed(text) for text in self._patterns(value)))

    def parameter(self, value: Any) -> DefinedParameter | None:
        """The parameter that a value is."""
        reference = _reference(value)
        if reference is None or reference.root != PARAMETERS:
            return None
        return self._document.parameters_by_name.get(reference.name)

    def source(self, value: Any) -> tuple[DefinedStep, tuple[Part, ...]] | None:
        """The step that a value is a property of, and the property's path."""
        reference = _reference(value)
        if reference is None or reference.root != STEPS:
            return None
        step = self._document.by_name.get(reference.name)
        return (step, reference.path) if step else None

    def _patterns(self, value: Any) -> Iterator[str]:
        match value:
            case str() | int() | float():
                yield str(value)
            case {"Get": _} if (parameter := self.parameter(value)) is not None:
                default = () if parameter.default is None else (parameter.default,)
                yield from map(str, (*default, *(parameter.choices or ())) or (ANY,))
            case {"Get": _} if (source := self.source(value)) is not None:
                step, path = source
                argument = step.arguments.get(str(path[0])) if len(path) == 1 else None
                yield from self._patterns(argument) if argument is not None else (ANY,)
            case {"Std:Join": {"Values": list(parts), **join}}:
                choices = [list(self._patterns(part)) for part in parts]
                for texts in product(*choices):
                    yield str(join.get("On", "")).join(texts)
            case _:
                yield ANY


def _reference(value: Any) -> Reference | None:
    """What a value refers to; None: it is no reference."""
    if function_of(value) != GET:
        return None
    reference = references.parse(str(value[GET]))
    return None if reference.fault else reference


def members(step: DefinedStep) -> Iterator[Leaf]:
    """Every value of a step's arguments that the API gives a meaning to: what stands in a map,
    such as an environment, is the step's own."""
    shape = service_model.create_shape(step.type)
    if shape is not None:
        yield from _members(shape, step.arguments, ())


def _members(shape: Shape, value: Any, chain: Chain) -> Iterator[Leaf]:
    match "" if function_of(value) else shape["type"], value:
        case "structure", {**arguments}:
            for name, member in shape["members"].items():
                if name in arguments:
                    below = service_model.shape(member["shape"])
                    yield from _members(below, arguments[name], (chain, name))
        case "list", list(items):
            below = service_model.shape(shape["member"]["shape"])
            for index, item in enumerate(items):
                yield from _members(below, item, (chain, index))
        case "map", _:
            return
        case _:
            yield Leaf(chain, value)


def _squeezed(text: str) -> str:
    while "**" in text:
        text = text.replace("**", ANY)
    return text
