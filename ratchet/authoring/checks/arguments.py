"""Are a step's arguments what its API call takes? Held against botocore's service model."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from ratchet.authoring.errors import Problem, a, did_you_mean
from ratchet.definition import service_model
from ratchet.definition.document import DefinedStep, Document
from ratchet.definition.expressions import function_of, is_token, leaves
from ratchet.definition.service_model import Shape
from ratchet.definition.types import PARAMETER_TYPES, type_of

# What each Python type is called, and which may stand for which of the API's types.
_PYTHON: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "boolean": (bool,),
    "structure": (Mapping,),
    "map": (Mapping,),
    "list": (list, tuple),
    "timestamp": (str, int, float),
    "blob": (str,),
}
_WRITABLE = (str, int, float, Mapping, list, tuple)
_WIDER = {"Float": {"Float", "Integer"}}


def check(document: Document) -> Iterator[Problem]:
    for step in document.steps:
        yield from _unwritable(step)
        shape = service_model.create_shape(step.type)
        if shape is not None:
            checker = _Checker(step.name, document)
            yield from checker.structure(step.arguments, shape, "", step.row.named_by_service)


def _unwritable(step: DefinedStep) -> Iterator[Problem]:
    for leaf in leaves(step.body, into_calls=True):
        value = leaf.value
        if isinstance(value, float) and not math.isfinite(value):
            expected, fix = "JSON has no such number", ""
        elif value is None:
            expected, fix = "SageMaker ignores null", "leave the argument out"
        elif not isinstance(value, str | int | float):
            expected = f"{a(type(value).__name__)} cannot be written as JSON"
            fix = "pass text, a number, a list, a mapping or a reference such as step.outputs[…]"
        else:
            continue
        argument = leaf.argument
        yield Problem(step=step.name, argument=argument, value=value, expected=expected, fix=fix)


class _Checker:
    """Walks arguments and shapes side by side."""

    def __init__(self, step: str, document: Document) -> None:
        self._step, self._document = step, document

    def structure(
        self, value: Mapping[str, Any], shape: Shape, path: str, filled_in: tuple[str, ...]
    ) -> Iterator[Problem]:
        members = shape["members"]
        for name in shape.get("required", ()):
            if name not in value and name not in filled_in:
                yield self._problem(_under(path, name), None, "it is required", "add it")
        for name, item in value.items():
            if name in members:
                yield from self.any(
                    item, service_model.shape(members[name]["shape"]), _under(path, name)
                )
            else:
                fix = did_you_mean(name, list(members))
                yield self._problem(_under(path, name), item, "there is no such argument", fix)

    def any(self, value: Any, shape: Shape, path: str) -> Iterator[Problem]:
        kind = shape["type"]
        if function_of(value):
            yield from self._variable(value, kind, path)
        elif is_token(value) or not _is_json(value):
            return  # CDK's to fill in, or named already
        elif not _is(value, kind):
            expected = f"expected {a(kind)}, got {a(type(value).__name__)}"
            fix = "write it as text" if kind == "string" else "change it"
            yield self._problem(path, value, expected, fix)
        elif kind in ("structure", "list", "map"):
            yield from self._items(value, shape, path)
        elif kind == "string":
            yield from self._string(value, shape, path)
        elif kind in ("integer", "long", "float", "double"):
            yield from self._range(value, shape, path)

    def _items(self, value: Any, shape: Shape, path: str) -> Iterator[Problem]:
        if shape["type"] == "structure":
            yield from self.structure(value, shape, path, ())
        elif shape["type"] == "list":
            yield from self._size(value, shape, path, "items")
            below = service_model.shape(shape["member"]["shape"])
            for index, item in enumerate(value):
                yield from self.any(item, below, f"{path}[{index}]")
        else:
            yield from self._size(value, shape, path, "entries")
            keys, below = (service_model.shape(shape[part]["shape"]) for part in ("key", "value"))
            for key, item in value.items():
                yield from self.any(key, keys, f"the key in {path}")
                yield from self.any(item, below, f"{path}['{key}']")

    def _variable(self, value: Mapping[str, Any], kind: str, path: str) -> Iterator[Problem]:
        actual, expected = type_of(value, self._document), PARAMETER_TYPES.get(kind, kind)
        if actual is None or actual in _WIDER.get(expected, {expected}):
            return
        # A join makes a String of any scalar; nothing makes a number of a String.
        is_scalar = actual in PARAMETER_TYPES.values()
        fix = "wrap it in join(…)" if expected == "String" and is_scalar else ""
        if actual in ("structure", "list", "map"):
            fix = "go on to one of its members"
        yield self._problem(path, value, f"expected {a(expected)}, and this is {a(actual)}", fix)

    def _string(self, value: str, shape: Shape, path: str) -> Iterator[Problem]:
        choices = shape.get("enum")
        if choices:
            if value not in choices:
                yield self._problem(
                    path, value, "SageMaker knows no such value", did_you_mean(value, choices)
                )
            return
        yield from self._size(value, shape, path, "characters")
        pattern = service_model.pattern(shape["pattern"]) if "pattern" in shape else None
        if pattern and not pattern.fullmatch(value):
            fix = "write it as s3://<bucket>/<key>" if "s3" in shape["pattern"] else "rewrite it"
            yield self._problem(path, value, f"it must match {shape['pattern']}", fix)

    def _size(self, value: Any, shape: Shape, path: str, unit: str) -> Iterator[Problem]:
        low, high = shape.get("min", 0), shape.get("max", math.inf)
        if len(value) < low:
            yield self._problem(
                path, value, f"it has {len(value)} {unit} and needs at least {low}", "add to it"
            )
        if len(value) > high:
            expected = f"{len(value)} {unit}, and SageMaker takes at most {high}"
            yield self._problem(path, value, expected, "shorten it")

    def _range(self, value: float, shape: Shape, path: str) -> Iterator[Problem]:
        low, high = shape.get("min", -math.inf), shape.get("max", math.inf)
        if not low <= value <= high:
            span = f"between {low} and {high}" if math.isfinite(high) else f"at least {low}"
            yield self._problem(path, value, f"it must be {span}", "change it")

    def _problem(self, path: str, value: Any, expected: str, fix: str) -> Problem:
        return Problem(step=self._step, argument=path, value=value, expected=expected, fix=fix)


def _under(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _is(value: Any, kind: str) -> bool:
    # To Python, True is an int.
    return isinstance(value, _PYTHON[kind]) and isinstance(value, bool) == (kind == "boolean")


def _is_json(value: Any) -> bool:
    return isinstance(value, _WRITABLE)
