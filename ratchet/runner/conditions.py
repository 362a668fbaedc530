"""The conditions of a Condition step.

JSON forms: `sagemaker/workflow/conditions.py`. Numbers compare as numbers, whether integer or
float; strings compare with strings, by code point. A comparison across types has no documented
result, so it fails the step instead of deciding a gate by accident.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from ratchet.definition.document import type_name
from ratchet.runner.errors import EvaluationError

COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}
TYPES = frozenset(COMPARISONS) | {"In", "Not", "Or"}


def holds(condition: Mapping[str, Any]) -> bool:
    """Whether a condition is true. Every expression in it has been replaced by its value."""
    kind = condition["Type"]
    if kind == "Not":
        return not holds(condition["Condition"])
    if kind == "Or":
        # All of them: what cannot be compared fails the step, whether or not it would decide.
        outcomes = [holds(inner) for inner in condition["Conditions"]]
        return any(outcomes)
    if kind == "In":
        return _is_in(condition["QueryValue"], condition["Values"])
    return compare(kind, condition["LeftValue"], condition["RightValue"])


def compare(kind: str, left: Any, right: Any) -> bool:
    """Apply one comparison to two values of the same kind."""
    kinds = {_comparable(left), _comparable(right)}
    if len(kinds) != 1 or None in kinds or (kinds == {"boolean"} and kind != "Equals"):
        raise EvaluationError(
            f"{kind} compares {left!r} ({type_name(left)}) with {right!r} ({type_name(right)}): "
            "expected two numbers or two strings"
        )
    return COMPARISONS[kind](left, right)


def _is_in(value: Any, candidates: list[Any]) -> bool:
    kind = _comparable(value)
    like = [candidate for candidate in candidates if kind and _comparable(candidate) == kind]
    if candidates and not like:
        raise EvaluationError(
            f"In looks for {value!r} ({type_name(value)}) among {candidates!r}: "
            "none of them is of its type"
        )
    return value in like


def _comparable(value: Any) -> str | None:
    kind = type_name(value)
    if kind in ("integer", "float"):
        return "number"
    return kind if kind in ("string", "boolean") else None
