"""Are a gate's conditions ones that SageMaker can decide?

The notation is the one that the SageMaker SDK's `workflow/conditions.py` writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ratchet.authoring.errors import Problem, a
from ratchet.definition.document import BRANCHES, DefinedStep, Document
from ratchet.definition.expressions import function_of
from ratchet.definition.types import type_of

_NUMBERS = ("Integer", "Float")
_ORDERED = ("GreaterThan", "GreaterThanOrEqualTo", "LessThan", "LessThanOrEqualTo")


def check(document: Document) -> Iterator[Problem]:
    for step in document.steps:
        if step.row.holds_branches:
            yield from _gate(step, document)


def _gate(step: DefinedStep, document: Document) -> Iterator[Problem]:
    conditions = step.arguments.get("Conditions", ())
    if not conditions:
        yield Problem(
            step=step.name,
            argument="conditions",
            expected="a gate without conditions is always open",
            fix='add one, such as step.metric("regression") <= tolerance',
        )
    arguments = step.body_with_branches.get("Arguments", {})
    if not any(arguments.get(branch) for branch in BRANCHES):
        yield Problem(
            step=step.name,
            argument="then",
            expected="neither branch has a step, so the gate decides nothing",
            fix="give it then=[…] or otherwise=[…]",
        )
    for index, condition in enumerate(conditions):
        for expected in _mistakes(condition, document):
            argument = f"conditions[{index}]"
            yield Problem(step=step.name, argument=argument, value=condition, expected=expected)


def _mistakes(condition: Any, document: Document) -> Iterator[str]:
    if not isinstance(condition, Mapping) or "Type" not in condition:
        yield "it is no condition: compare a parameter, property or metric with <=, ==, is_in(…)"
    elif condition["Type"] == "Not":
        yield from _mistakes(condition.get("Condition"), document)
    elif condition["Type"] == "Or":
        for part in condition.get("Conditions", ()):
            yield from _mistakes(part, document)
    elif condition["Type"] == "In":
        if not condition.get("Values"):
            yield "the list of values is empty: name them"
        for value in condition.get("Values", ()):
            yield from _comparable(condition.get("QueryValue"), value, document, ordered=False)
    elif condition["Type"] in (*_ORDERED, "Equals"):
        ordered = condition["Type"] in _ORDERED
        left, right = condition.get("LeftValue"), condition.get("RightValue")
        yield from _comparable(left, right, document, ordered=ordered)
    else:
        yield f"SageMaker has no condition {condition['Type']!r}"


def _comparable(left: Any, right: Any, document: Document, *, ordered: bool) -> Iterator[str]:
    kinds = [kind for side in (left, right) if (kind := _kind(side, document)) is not None]
    for kind in kinds:
        if kind in ("structure", "list", "map") or (ordered and kind not in _NUMBERS):
            order = " by size" if ordered else ""
            yield f"{a(kind)} cannot be compared{order}"
            return
    if len({"Number" if kind in _NUMBERS else kind for kind in kinds}) > 1:
        yield f"{a(kinds[0])} is never equal to {a(kinds[1])}"


def _kind(value: Any, document: Document) -> str | None:
    """Its type; None where the definition does not say."""
    if function_of(value):
        return type_of(value, document)
    if isinstance(value, bool):
        return "Boolean"
    if isinstance(value, int | float):
        return "Float"
    return "String" if isinstance(value, str) else None
