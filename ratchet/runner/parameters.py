"""Pipeline parameters: their declarations and the values that a run is given."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ratchet.definition.document import type_name
from ratchet.runner.errors import ParameterError
from ratchet.runner.expressions import as_text

TYPES = ("String", "Integer", "Float", "Boolean")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?|[+-]?\.[0-9]+")
_LONGEST = 1024  # StartPipelineExecution refuses longer values (botocore, `String1024`)


@dataclass(frozen=True, kw_only=True)
class RunParameter:
    """A declared parameter. `default` is None when a run must give a value."""

    name: str
    type: str
    default: Any = None
    allowed: tuple[Any, ...] = ()


def bind(declared: Sequence[RunParameter], values: Mapping[str, Any]) -> dict[str, Any]:
    """Every parameter's value for a run: the given one, or else the default.

    Given values may be strings, as StartPipelineExecution has them. Raises `ParameterError`.
    """
    names = [parameter.name for parameter in declared]
    for name in values:
        if name not in names:
            raise ParameterError(
                f"the pipeline has no parameter {name!r}; it has {_listed(names) or 'none'}"
            )
    return {parameter.name: _value(parameter, values) for parameter in declared}


def _value(parameter: RunParameter, values: Mapping[str, Any]) -> Any:
    if parameter.name not in values:
        if parameter.default is None:
            raise ParameterError(
                f"parameter {parameter.name!r} ({parameter.type}) has no default: "
                f"give it a value, as in {parameter.name}=…"
            )
        return parameter.default
    try:
        value = coerce(values[parameter.name], parameter.type)
    except ValueError as error:
        raise ParameterError(f"parameter {parameter.name!r}: {error}") from None
    if isinstance(value, str) and len(value) > _LONGEST:
        raise ParameterError(
            f"parameter {parameter.name!r} has {len(value)} characters; "
            f"a run may give at most {_LONGEST}"
        )
    if parameter.allowed and value not in parameter.allowed:
        raise ParameterError(
            f"parameter {parameter.name!r} is {value!r}; "
            f"expected one of {_listed(parameter.allowed)}"
        )
    return value


def coerce(value: Any, kind: str) -> Any:
    """A value as one of the parameter types; ValueError says what does not fit.

    Text is read as the type's JSON spelling ("5", "0.5", "true"); 5.0 is no Integer, 5 is a Float.
    """
    if kind == "String" and isinstance(value, str | int | float):
        return as_text(value)
    if kind == "Boolean":
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
    number = _number(value)
    if kind == "Integer" and isinstance(number, int):
        return number
    if kind == "Float" and number is not None:
        return float(number)
    raise ValueError(f"{value!r} ({type_name(value)}) is no {kind}")


def _number(value: Any) -> int | float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value):
            return None
        value = float(value) if set(value) & set(".eE") else int(value)
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return None


def _listed(values: Sequence[Any]) -> str:
    return ", ".join(map(repr, values))
