"""The Condition step: decides which of its two branches runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ratchet.definition.expressions import function_of
from ratchet.runner.conditions import COMPARISONS, TYPES, holds
from ratchet.runner.definition import RunnableStep
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
    return {"Conditions": scope.resolve(step.arguments["Conditions"])}


def _run(attempt: Attempt) -> Done:
    outcome = all(holds(condition) for condition in attempt.arguments["Conditions"])
    text = "true" if outcome else "false"
    return Done(properties={"Outcome": text}, outcome=text)


CONDITION = Runner(
    name="Condition",
    check=_check,
    resolve=_resolve,
    run=_run,
)
