"""The Condition step: decides which of its two branches runs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from ratchet.definition.expressions import GET, JSON_GET, function_of
from ratchet.runner.conditions import COMPARISONS, TYPES, holds
from ratchet.runner.definition import RunnableStep
from ratchet.runner.errors import EvaluationError
from ratchet.runner.expressions import StepScope
from ratchet.runner.report import ProblemList
from ratchet.runner.step_types.contract import Attempt, Done, Runner


def _check(step: RunnableStep, report: ProblemList) -> None:
    place = f"{step.place}.Arguments"
    if report.require(step.arguments, place, "Conditions"):
        _check_list(step.arguments["Conditions"], f"{place}.Conditions", report)


def _check_list(conditions: Any, place: str, report: ProblemList) -> None:
    if conditions == []:
        report.add(place, "expected at least one condition")
    for at, condition in report.objects(conditions, place):
        _check_condition(condition, at, report)


def _check_condition(condition: Mapping[str, Any], place: str, report: ProblemList) -> None:
    kind = condition.get("Type")
    if kind in COMPARISONS:
        report.require(condition, place, "LeftValue", "RightValue")
    elif kind == "In":
        if report.require(condition, place, "QueryValue", "Values"):
            values = condition["Values"]
            if not isinstance(values, list) and function_of(values) is None:
                report.add(f"{place}.Values", "expected a list")
    elif kind == "Not":
        if report.require(condition, place, "Condition"):
            if isinstance(condition["Condition"], Mapping):
                _check_condition(condition["Condition"], f"{place}.Condition", report)
            else:
                report.add(f"{place}.Condition", "expected an object")
    elif kind == "Or":
        if report.require(condition, place, "Conditions"):
            _check_list(condition["Conditions"], f"{place}.Conditions", report)
    else:
        expected = ", ".join(sorted(TYPES))
        report.add(f"{place}.Type", f"{kind!r} is no condition: expected {expected}")


def _resolve(step: RunnableStep, scope: StepScope) -> dict[str, Any]:
    conditions = step.arguments["Conditions"]
    resolved = scope.resolve(conditions)
    for condition, values in zip(conditions, resolved, strict=True):
        _refuse_no_values(condition, values, scope)
    return {"Conditions": resolved}


def _refuse_no_values(
    condition: Mapping[str, Any], values: Mapping[str, Any], scope: StepScope
) -> None:
    """Raises EvaluationError where a side of a condition is NaN, infinite or null, wherever it
    stands: each would decide a gate by accident. NaN is not less than a limit, and `Not` of that
    passes; infinity is beyond any."""
    kind = condition["Type"]
    if kind == "Not":
        _refuse_no_values(condition["Condition"], values["Condition"], scope)
    elif kind == "Or":
        for inner, inner_values in zip(condition["Conditions"], values["Conditions"], strict=True):
            _refuse_no_values(inner, inner_values, scope)
    else:
        for key in ("LeftValue", "RightValue", "QueryValue", "Values"):
            if key not in values:
                continue
            value = no_value(values[key])
            if value is not None:
                raise EvaluationError(
                    f"{_source(condition[key], scope)} is {value}, which is no number: "
                    f"{kind} decides nothing by it"
                )


def no_value(value: Any) -> str | None:
    """`null`, `NaN` or `Infinity`, of a value or of one in a list; None: it is a value."""
    for each in value if isinstance(value, list) else [value]:
        if each is None or (isinstance(each, float) and not math.isfinite(each)):
            return json.dumps(each)
    return None


def _source(node: Any, scope: StepScope) -> str:
    """Where a side of a condition comes from: a path in a file, a reference, or itself."""
    if isinstance(node, list):
        return f"one of {json.dumps(node)}"
    if function_of(node) == JSON_GET:
        get = node[JSON_GET]
        uri = scope.resolve(get["S3Uri"] if "S3Uri" in get else get["PropertyFile"])
        return f"{scope.resolve(get['Path'])} in {uri}"
    if function_of(node) == GET:
        return str(node[GET])
    return json.dumps(node)


def _run(attempt: Attempt) -> Done:
    outcomes = [holds(condition) for condition in attempt.arguments["Conditions"]]
    text = "true" if all(outcomes) else "false"
    return Done(properties={"Outcome": text}, outcome=text)


CONDITION = Runner(
    name="Condition",
    check=_check,
    resolve=_resolve,
    run=_run,
)
