"""The functions of a pipeline definition: Get, Std:Join and Std:JsonGet.

Their JSON forms are those that the `sagemaker` SDK writes (`sagemaker/workflow/functions.py`,
`properties.py`, `execution_variables.py`).
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ratchet.runner.errors import EvaluationError
from ratchet.runner.json_path import JsonPathError, child, find

FUNCTIONS = frozenset({"Get", "Std:Join", "Std:JsonGet"})
_NAME_KEYS = ("OutputName", "InputName", "ChannelName", "MetricName", "Name", "Key")
_HEAD = re.compile(r"(Parameters|Execution|Steps)\.([A-Za-z0-9_\-]+)")
_TOKEN = re.compile(r"""\.([A-Za-z0-9_\-:]+)|\[(\d+)\]|\['([^']*)'\]|\["([^"]*)"\]""")


@dataclass(frozen=True)
class Reference:
    """A parsed Get: `root` is Parameters, Execution or Steps; `path` what follows `name`."""

    text: str
    root: str
    name: str
    path: tuple[str | int, ...]


@functools.lru_cache(maxsize=4096)
def parse_reference(text: str) -> Reference:
    """Parse `Parameters.X`, `Execution.X`, `Steps.N`, `Steps.N.A.B['c'][0]`; ValueError if not."""
    head = _HEAD.match(text)
    if head is None:
        raise ValueError(
            f"{text!r} is not a reference: expected Parameters.<name>, Execution.<variable> "
            "or Steps.<step>.<path>"
        )
    root, name = head.groups()
    tokens: list[str | int] = []
    position = head.end()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or root != "Steps":
            raise ValueError(f"{text!r} cannot be read from {text[position:]!r} on")
        attribute, index, single, double = match.groups()
        tokens.append(int(index) if index is not None else attribute or single or double or "")
        position = match.end()
    return Reference(text, root, name, tuple(tokens))


def function_of(value: Any) -> str | None:
    """The name of the function that a JSON value is a call of, or None."""
    if isinstance(value, Mapping) and len(value) == 1:
        (key,) = value
        if key in FUNCTIONS:
            return str(key)
    return None


def walk(value: Any, place: str) -> Iterator[tuple[str, str, Any]]:
    """Every function call in a JSON value, outermost first: place, function, its argument."""
    if isinstance(value, Mapping):
        name = function_of(value)
        if name is not None:
            yield place, name, value[name]
        for key, item in value.items():
            yield from walk(item, f"{place}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from walk(item, f"{place}[{index}]")


def as_text(value: Any) -> str:
    """A scalar as it is written into a string: JSON's spelling, strings without quotes.

    The service does not document how it renders numbers. JSON's spelling keeps 5 and 5.0 apart
    and writes `true` where Python would write `True`.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    raise EvaluationError(
        f"a {type_name(value)} cannot stand in a string: expected a string, a number or a boolean"
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


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What references of one step resolve against.

    - `execution(name)`: the value of an execution variable.
    - `properties(step)`: a finished step's Describe answer; KeyError if it has not run.
    - `read_json(uri)`: a JSON document in storage; FileNotFoundError or ValueError.
    - `property_file(step, name)`: the URI of a property file.
    """

    parameters: Mapping[str, Any]
    execution: Callable[[str], str]
    properties: Callable[[str], Mapping[str, Any]]
    property_file: Callable[[str, str], str]
    read_json: Callable[[str], Any]
    overrides: Mapping[str, str] = field(default_factory=dict)

    def resolve(self, value: Any) -> Any:
        """A copy of a JSON value with every function call replaced by its value."""
        if isinstance(value, Mapping):
            name = function_of(value)
            if name is None:
                return {key: self.resolve(item) for key, item in value.items()}
            if name == "Get":
                return self._get(value[name])
            return self._join(value[name]) if name == "Std:Join" else self._json_get(value[name])
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        return value

    def _get(self, text: str) -> Any:
        reference = parse_reference(text)
        if reference.root == "Parameters":
            return self.parameters[reference.name]
        if reference.root == "Execution":
            override = self.overrides.get(reference.name)
            return self.execution(reference.name) if override is None else override
        if reference.path[:1] == ("PropertyFiles",):
            return self.property_file(reference.name, str(reference.path[1]))
        try:
            value: Any = self.properties(reference.name)
        except KeyError:
            raise EvaluationError(
                f"{text} has no value: step {reference.name!r} did not run"
            ) from None
        return follow(value, reference)

    def _join(self, call: Mapping[str, Any]) -> str:
        values = self.resolve(call["Values"])
        return str(call.get("On", "")).join(
            ",".join(map(as_text, value)) if isinstance(value, list) else as_text(value)
            for value in values
        )

    def _json_get(self, call: Mapping[str, Any]) -> Any:
        path = str(self.resolve(call["Path"]))
        uri = self.resolve(call["S3Uri"] if "S3Uri" in call else call["PropertyFile"])
        try:
            document = self.read_json(uri)
        except FileNotFoundError:
            raise EvaluationError(f"no JSON document at {uri} to read {path!r} from") from None
        except ValueError as error:
            raise EvaluationError(f"{uri} is not JSON: {error}") from None
        try:
            return find(path, document)
        except JsonPathError as error:
            raise EvaluationError(f"Std:JsonGet of {uri}: {error}") from None


def follow(value: Any, reference: Reference) -> Any:
    """Walk a Describe answer along a reference. A list of named items takes a name as index."""
    for token in reference.path:
        if isinstance(value, list) and isinstance(token, str):
            value = _named(value, token, reference)
            continue
        try:
            value = child(value, token)
        except LookupError:
            raise EvaluationError(f"{reference.text} has no value: nothing at {token!r}") from None
    return value


def _named(items: list[Any], name: str, reference: Reference) -> Any:
    for item in items:
        if isinstance(item, Mapping):
            for key in _NAME_KEYS:
                if item.get(key) == name:
                    return item
    raise EvaluationError(f"{reference.text} has no value: nothing is named {name!r}")
