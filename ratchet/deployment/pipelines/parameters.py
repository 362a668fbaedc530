"""The parameters of a run: `-p Name=value`, checked against the pipeline's declarations."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ratchet.deployment.errors import DeploymentError, UsageError, nearest

MAX_VALUE = 1024
"""Characters of a value at start (SageMaker API reference, Parameter; a default may be longer)."""

_BOOLEANS = {
    "true": "true",
    "1": "true",
    "yes": "true",
    "false": "false",
    "0": "false",
    "no": "false",
}


def parse(texts: Iterable[str]) -> dict[str, str]:
    """`Name=value` texts as a mapping; the value may hold further equals signs or be empty.

    Raises:
        UsageError: a text without a name, or a name given twice with different values.
    """
    values: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or not name:
            raise UsageError(f"-p {text!r} is not of the form Name=value")
        if values.setdefault(name, value) != value:
            raise UsageError(f"-p {name} is given twice: {values[name]!r} and {value!r}")
    return values


def check(
    values: Mapping[str, str], declared: Sequence[Mapping[str, Any]], *, pipeline: str
) -> dict[str, str]:
    """The values for StartPipelineExecution: known names, the right types, as text.

    Args:
        values: name → text, as typed.
        declared: the `Parameters` of the pipeline's definition.
        pipeline: for the messages.

    Raises:
        DeploymentError: an unknown name, a value of the wrong type or outside the declared ones,
            or a parameter that has neither a value nor a default.
    """
    checked = check_values(values, declared, pipeline=pipeline)
    for parameter in declared:
        name = parameter["Name"]
        if name not in values and "DefaultValue" not in parameter:
            raise DeploymentError(f"{pipeline} needs a value for {name}: -p {name}=…")
    return checked


def check_values(
    values: Mapping[str, str], declared: Sequence[Mapping[str, Any]], *, pipeline: str
) -> dict[str, str]:
    """The same, where not every parameter needs a value. Raises DeploymentError."""
    by_name = {parameter["Name"]: parameter for parameter in declared}
    for name in values:
        if name not in by_name:
            raise DeploymentError(
                f"{pipeline} has no parameter {name!r}{nearest(name, by_name)} "
                f"It has: {', '.join(by_name) or 'none'}"
            )
    return {name: _typed(name, value, by_name[name]) for name, value in values.items()}


def _typed(name: str, value: str, parameter: Mapping[str, Any]) -> str:
    kind = parameter["Type"]
    allowed = parameter.get("EnumValues")
    if allowed is not None and value not in {str(item) for item in allowed}:
        expected = ", ".join(map(str, allowed))
        raise DeploymentError(f"-p {name}={value}: expected one of {expected}")
    if kind == "Boolean" and value.lower() not in _BOOLEANS:
        raise DeploymentError(f"-p {name}={value}: expected true or false")
    if kind in ("Integer", "Float"):
        try:
            if not math.isfinite(int(value) if kind == "Integer" else float(value)):
                raise ValueError
        except ValueError:
            expected = "a whole number" if kind == "Integer" else "a number"
            raise DeploymentError(f"-p {name}={value}: expected {expected}") from None
    if len(value) > MAX_VALUE:
        raise DeploymentError(
            f"-p {name}: {len(value)} characters; SageMaker takes at most {MAX_VALUE} at start"
        )
    return _BOOLEANS[value.lower()] if kind == "Boolean" else value
