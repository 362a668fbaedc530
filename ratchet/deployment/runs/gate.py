"""The comparison of a gate: the conditions of a Condition step, with the run's numbers."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ratchet.definition import references
from ratchet.definition.expressions import GET, JSON_GET
from ratchet.definition.references import PARAMETERS
from ratchet.deployment.pipelines.outline import PlannedStep
from ratchet.deployment.runs.executions import RunState

SIGNS: Mapping[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "Equals": ("=", operator.eq),
    "GreaterThan": (">", operator.gt),
    "GreaterThanOrEqualTo": ("≥", operator.ge),
    "LessThan": ("<", operator.lt),
    "LessThanOrEqualTo": ("≤", operator.le),
    "In": ("is", lambda value, choices: value in choices),
}

Reports = Mapping[tuple[str, str], Any]
"""(step, property file) → its content."""


@dataclass(frozen=True, kw_only=True)
class Operand:
    """One side of a comparison: its name in the definition, and its value."""

    label: str
    value: Any
    """None: not known (the step that makes it was not reached, or the report is gone)."""
    measured: bool = False
    """Whether a step measured it; a limit is written by somebody."""


@dataclass(frozen=True, kw_only=True)
class GateComparison:
    left: Operand
    sign: str
    right: Operand
    holds: bool | None = None
    """None: a side is not known."""
    any_of: tuple[GateComparison, ...] = ()
    """One of them must hold; then this has no sides of its own."""


@dataclass(frozen=True, kw_only=True)
class Gate:
    """A Condition step, what it compared and how it decided."""

    name: str
    passed: bool | None
    """None: not decided (yet)."""
    comparisons: tuple[GateComparison, ...]
    """All must hold."""


def gates(state: RunState, reports: Reports) -> list[Gate]:
    """Every gate of a run's plan with the numbers it looked at."""
    return [_gate(planned, state, reports) for planned in state.plan if planned.row.holds_branches]


def _gate(planned: PlannedStep, state: RunState, reports: Reports) -> Gate:
    step = state.step(planned.name)
    conditions = planned.arguments.get("Conditions") or ()
    return Gate(
        name=planned.name,
        passed=step.metadata.outcome if step else None,
        comparisons=tuple(_comparison(condition, state, reports) for condition in conditions),
    )


def _comparison(condition: Mapping[str, Any], state: RunState, reports: Reports) -> GateComparison:
    kind = condition["Type"]
    if kind == "Not":
        inner = _comparison(condition["Condition"], state, reports)
        holds = None if inner.holds is None else not inner.holds
        sign = "≠" if inner.sign == "=" else f"not {inner.sign}"
        return GateComparison(left=inner.left, sign=sign, right=inner.right, holds=holds)
    if kind == "Or":
        parts = [_comparison(c, state, reports) for c in condition["Conditions"]]
        label = " or ".join(f"{p.left.label} {p.sign} {p.right.label}" for p in parts)
        outcomes = [p.holds for p in parts]
        holds = True if True in outcomes else None if None in outcomes else False
        return GateComparison(
            left=Operand(label=label, value=None),
            sign="",
            right=_literal(""),
            holds=holds,
            any_of=tuple(parts),
        )
    if kind == "In":
        values = [_operand(v, state, reports).value for v in condition["Values"]]
        right = Operand(label=" or ".join(str(v) for v in values), value=values)
        left = _operand(condition["QueryValue"], state, reports)
    else:
        left = _operand(condition["LeftValue"], state, reports)
        right = _operand(condition["RightValue"], state, reports)
    sign, test = SIGNS.get(kind, (kind, None))
    return GateComparison(left=left, sign=sign, right=right, holds=_holds(left, test, right))


def _holds(left: Operand, test: Callable[[Any, Any], bool] | None, right: Operand) -> bool | None:
    if test is None or left.value is None or right.value is None:
        return None
    try:
        return test(left.value, right.value)
    except TypeError:  # a text against a number: what SageMaker decided is in the outcome
        return None


def _literal(value: Any) -> Operand:
    return Operand(label=str(value), value=value)


def _operand(node: Any, state: RunState, reports: Reports) -> Operand:
    if not isinstance(node, Mapping):
        return _literal(node)
    if JSON_GET in node:
        return _from_report(node[JSON_GET], reports)
    reference = references.parse(str(node.get(GET, "")))
    if reference.root == PARAMETERS:
        value = _number(state.parameters.get(reference.name))
        return Operand(label=reference.name, value=value)
    if output := reference.output_parameter:
        step = state.step(reference.name)
        value = step.metadata.outputs.get(output) if step else None
        return Operand(label=f"{reference.name} {output}", value=value)
    return Operand(label=reference.text or "a joined text", value=None)


def _from_report(get: Mapping[str, Any], reports: Reports) -> Operand:
    path = get["Path"]
    source = references.parse(str(get.get("PropertyFile", {}).get(GET, "")))
    report = reports.get((source.name, source.property_file or ""))
    return Operand(
        label=path.removeprefix("$."),
        value=None if report is None else look_up(report, path),
        measured=True,
    )


def look_up(document: Any, path: str) -> Any:
    """The first match of a JSONPath in a document; None when there is none."""
    import jsonpath

    match = jsonpath.match(path if path.startswith("$") else f"$.{path}", document)
    return match.obj if match else None


def _number(text: str | None) -> Any:
    """A parameter's value arrives as text, whatever its type."""
    try:
        return float(text) if text is not None else None
    except ValueError:
        return text
