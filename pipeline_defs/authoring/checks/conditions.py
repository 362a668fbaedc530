"""Are a gate's conditions ones that SageMaker can decide?

The notation is the one that the SageMaker SDK's `workflow/conditions.py` writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline_defs.authoring.checks.document import Types, is_variable, placed_steps
from pipeline_defs.authoring.errors import Problem, a

_NUMBERS = ("Integer", "Float")
_ORDERED = ("GreaterThan", "GreaterThanOrEqualTo", "LessThan", "LessThanOrEqualTo")


def check(definition: Mapping[str, Any]) -> Iterator[Problem]:
    types = Types(definition)
    for placed in placed_steps(definition):
        if placed.type != "Condition":
            continue
        arguments = placed.step.get("Arguments", {})
        conditions = arguments.get("Conditions", ())
        if not conditions:
            yield Problem(
                step=placed.name,
                argument="conditions",
                expected="a gate without conditions is always open",
                fix='add one, such as step.metric("regression") <= tolerance',
            )
        if not arguments.get("IfSteps") and not arguments.get("ElseSteps"):
            yield Problem(
                step=placed.name,
                argument="then",
                expected="neither branch has a step, so the gate decides nothing",
                fix="give it then=[…] or otherwise=[…]",
            )
        for index, condition in enumerate(conditions):
            for expected in _mistakes(condition, types):
                yield Problem(
                    step=placed.name,
                    argument=f"conditions[{index}]",
                    value=condition,
                    expected=expected,
                )


def _mistakes(condition: Any, types: Types) -> Iterator[str]:
    if not isinstance(condition, Mapping) or "Type" not in condition:
        yield "it is no condition: compare a parameter, property or metric with <=, ==, is_in(…)"
    elif condition["Type"] == "Not":
        yield from _mistakes(condition.get("Condition"), types)
    elif condition["Type"] == "Or":
        for part in condition.get("Conditions", ()):
            yield from _mistakes(part, types)
    elif condition["Type"] == "In":
        if not condition.get("Values"):
            yield "it is a member of nothing: name the values"
        for value in condition.get("Values", ()):
            yield from _comparable(condition.get("QueryValue"), value, types, ordered=False)
    elif condition["Type"] in (*_ORDERED, "Equals"):
        ordered = condition["Type"] in _ORDERED
        left, right = condition.get("LeftValue"), condition.get("RightValue")
        yield from _comparable(left, right, types, ordered=ordered)
    else:
        yield f"SageMaker has no condition {condition['Type']!r}"


def _comparable(left: Any, right: Any, types: Types, *, ordered: bool) -> Iterator[str]:
    kinds = (_kind(side, types) for side in (left, right))
    known = [kind for kind in kinds if kind is not None]
    for kind in known:
        if kind in ("structure", "list", "map") or (ordered and kind not in _NUMBERS):
            order = " by size" if ordered else ""
            yield f"{a(kind)} cannot be compared{order}"
            return
    if len({"Number" if kind in _NUMBERS else kind for kind in known}) > 1:
        yield f"{a(known[0])} is never equal to {a(known[1])}"


def _kind(value: Any, types: Types) -> str | None:
    if is_variable(value):
        return types.of(value)
    if isinstance(value, bool):
        return "Boolean"
    if isinstance(value, int | float):
        return "Float"
    return "String" if isinstance(value, str) else None
