"""Requests checked against botocore's service model, and answers cut to it.

The wording of the messages is the one of AWS's JSON services, e.g. ``1 validation error detected:
Value '' at 'pipelineName' failed to satisfy constraint: Member must have length greater than or
equal to 1``.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
from collections.abc import Iterator
from typing import Any

from botocore.model import Shape

from ratchet.local_cloud.sagemaker.errors import ApiError, invalid

_JSON_NAMES = {
    dict: "START_OBJECT",
    list: "START_ARRAY",
    bool: "BOOLEAN_VALUE",
    int: "NUMBER_VALUE",
    float: "NUMBER_VALUE",
    str: "STRING_VALUE",
}
_WANTED: dict[str, tuple[tuple[type, ...], str]] = {
    "structure": ((dict,), "a structure"),
    "map": ((dict,), "a map"),
    "list": ((list,), "a list"),
    "string": ((str,), "String"),
    "boolean": ((bool,), "Boolean"),
    "integer": ((int,), "Integer"),
    "long": ((int,), "Long"),
    "float": ((int, float), "Float"),
    "double": ((int, float), "Double"),
    "timestamp": ((int, float, str), "Timestamp"),
    "blob": ((str, bytes), "Blob"),  # bytes: the payload of a REST request
}


def check_request(shape: Shape | None, request: object) -> None:
    """Refuse a request that does not fit its input shape.

    Raises ``SerializationException`` for a wrong JSON type and ``ValidationException`` for
    everything else, with every violation in one message.
    """
    if shape is None:
        return
    violations = list(problems(shape, request, ""))
    if violations:
        count = len(violations)
        noun = "error" if count == 1 else "errors"
        raise invalid(f"{count} validation {noun} detected: {'; '.join(violations)}")


def problems(shape: Shape, value: object, path: str) -> Iterator[str]:
    """Every constraint of ``shape`` that ``value`` breaks, as AWS words it."""
    _check_type(shape, value, path)
    if shape.type_name == "structure":
        assert isinstance(value, dict)
        yield from _structure_problems(shape, value, path)
    elif shape.type_name == "list":
        assert isinstance(value, list)
        yield from _length_problems(shape, value, path)
        for number, item in enumerate(value, start=1):
            if item is not None:
                yield from problems(_member(shape), item, f"{path}.{number}.member")
    elif shape.type_name == "map":
        assert isinstance(value, dict)
        yield from _length_problems(shape, value, path)
        for key, item in value.items():
            yield from problems(_map_key(shape), key, f"{path}.key")
            yield from problems(_map_value(shape), item, f"{path}.{key}.member")
    elif shape.type_name == "string":
        assert isinstance(value, str)
        yield from _string_problems(shape, value, path)
    elif shape.type_name in {"integer", "long", "float", "double"}:
        assert isinstance(value, int | float)
        yield from _range_problems(shape, value, path)


def present(shape: Shape | None, value: Any) -> Any:
    """``value`` cut to what ``shape`` declares: unknown members, nulls dropped; times as epoch."""
    if shape is None:
        return {}
    if shape.type_name == "structure":
        members: dict[str, Shape] = shape.members  # type: ignore[attr-defined]
        return {
            name: present(members[name], item)
            for name, item in value.items()
            if name in members and item is not None
        }
    if shape.type_name == "list":
        return [present(_member(shape), item) for item in value]
    if shape.type_name == "map":
        return {key: present(_map_value(shape), item) for key, item in value.items()}
    if shape.type_name == "timestamp":
        return epoch(value)
    return value


def epoch(moment: object) -> float:
    """Seconds since 1970 of a JSON epoch number, an ISO 8601 text or a datetime."""
    if isinstance(moment, int | float):
        return round(float(moment), 3)
    if isinstance(moment, str):
        moment = dt.datetime.fromisoformat(moment)
    if isinstance(moment, dt.datetime):
        aware = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
        return round(aware.timestamp(), 3)
    raise TypeError(f"not a time: {moment!r}")


def _structure_problems(shape: Shape, value: dict[str, object], path: str) -> Iterator[str]:
    members: dict[str, Shape] = shape.members  # type: ignore[attr-defined]
    required: list[str] = shape.required_members
    for name in required:
        if value.get(name) is None:
            yield f"Value null at '{_at(path, name)}' {_FAILED} Member must not be null"
    for name, item in value.items():
        # SageMaker passes over members that it does not know; so does this.
        if item is not None and name in members:
            yield from problems(members[name], item, _at(path, name))


_FAILED = "failed to satisfy constraint:"


def _string_problems(shape: Shape, value: str, path: str) -> Iterator[str]:
    metadata: dict[str, Any] = shape.metadata
    yield from _length_problems(shape, value, path)
    pattern = metadata.get("pattern")
    if pattern and not _matches(pattern, value):
        yield (
            f"Value '{_shortened(value)}' at '{path}' {_FAILED} "
            f"Member must satisfy regular expression pattern: {pattern}"
        )
    options = metadata.get("enum")
    if options and value not in options:
        yield (
            f"Value '{_shortened(value)}' at '{path}' {_FAILED} "
            f"Member must satisfy enum value set: [{', '.join(options)}]"
        )


def _length_problems(shape: Shape, value: Any, path: str) -> Iterator[str]:
    shown = f"'{_shortened(str(value))}'"
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and len(value) < low:
        yield (
            f"Value {shown} at '{path}' {_FAILED} "
            f"Member must have length greater than or equal to {low}"
        )
    if high is not None and len(value) > high:
        yield (
            f"Value {shown} at '{path}' {_FAILED} "
            f"Member must have length less than or equal to {high}"
        )


def _range_problems(shape: Shape, value: float, path: str) -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and value < low:
        yield (
            f"Value '{value}' at '{path}' {_FAILED} "
            f"Member must have value greater than or equal to {low}"
        )
    if high is not None and value > high:
        yield (
            f"Value '{value}' at '{path}' {_FAILED} "
            f"Member must have value less than or equal to {high}"
        )


def _check_type(shape: Shape, value: object, path: str) -> None:
    types, name = _WANTED[shape.type_name]
    if isinstance(value, types) and (bool in types or not isinstance(value, bool)):
        return
    shown = _JSON_NAMES.get(type(value), type(value).__name__)
    where = f" (at '{path}')" if path else ""
    raise ApiError("SerializationException", f"{shown} can not be converted to {name}{where}")


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    # The model's patterns are Java's; of its classes only Unicode categories differ from Python's.
    for java, python in ((r"\p{L}", r"\w"), (r"\p{N}", r"\d"), (r"\p{Z}", r"\s")):
        pattern = pattern.replace(java, python)
    try:
        return re.compile(pattern)
    except re.error:
        return None


def _matches(pattern: str, value: str) -> bool:
    if pattern.startswith(".*"):  # everything fits, and `.*(?:[ \n].*)*` is slow to say so
        return True
    compiled = _compiled(pattern)
    return compiled is None or compiled.fullmatch(value) is not None


def _at(path: str, name: str) -> str:
    camel = name[:1].lower() + name[1:]
    return f"{path}.{camel}" if path else camel


def _shortened(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:200]}…"


def _member(shape: Shape) -> Shape:
    member: Shape = shape.member  # type: ignore[attr-defined]
    return member


def _map_key(shape: Shape) -> Shape:
    key: Shape = shape.key  # type: ignore[attr-defined]
    return key


def _map_value(shape: Shape) -> Shape:
    value: Shape = shape.value  # type: ignore[attr-defined]
    return value
