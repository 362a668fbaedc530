"""What the functions of a pipeline definition are worth in a run: Get, Std:Join, Std:JsonGet."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ratchet.definition import references
from ratchet.definition.document import type_name
from ratchet.definition.expressions import GET, JOIN, function_of
from ratchet.definition.references import EXECUTION, PARAMETERS, Reference
from ratchet.runner.errors import EvaluationError
from ratchet.runner.json_path import JsonPathError, child, find

_NAME_KEYS = ("OutputName", "InputName", "ChannelName", "MetricName", "Name", "Key")


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


@dataclass(frozen=True, kw_only=True)
class StepScope:
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
            if name == GET:
                return self._get(value[name])
            return self._join(value[name]) if name == JOIN else self._json_get(value[name])
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        return value

    def _get(self, text: str) -> Any:
        reference = references.parse(text)
        if reference.root == PARAMETERS:
            return self.parameters[reference.name]
        if reference.root == EXECUTION:
            override = self.overrides.get(reference.name)
            return self.execution(reference.name) if override is None else override
        if reference.property_file is not None:
            return self.property_file(reference.name, reference.property_file)
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
        if (wrong := no_number(document)) is not None:
            where, value = wrong
            raise EvaluationError(
                f"{uri} is not JSON: {where} is {json.dumps(value)}, and RFC 8259 has no "
                "such number; leave it out, or say as a text why there is none"
            )
        try:
            return find(path, document)
        except JsonPathError as error:
            raise EvaluationError(f"Std:JsonGet of {uri}: {error}") from None


def no_number(document: Any) -> tuple[str, float] | None:
    """The first float of a document that is none in JSON, and its path; None: there is none.
    Python reads NaN, Infinity and 1e999 from what it takes for JSON."""
    waiting: list[tuple[str, Any]] = [("$", document)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, float) and not math.isfinite(value):
            return path, value
        if isinstance(value, Mapping):
            waiting += [(f"{path}.{key}", item) for key, item in reversed([*value.items()])]
        elif isinstance(value, list):
            waiting += [(f"{path}[{n}]", value[n]) for n in reversed(range(len(value)))]
    return None


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
