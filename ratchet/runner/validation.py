"""Refuses a definition that cannot run, before anything runs, with the place of each mistake."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any

from ratchet.runner import parameters as parameter_values
from ratchet.runner.definition import (
    Definition,
    PropertyFile,
    RetryPolicy,
    Step,
    parse_duration,
    references_of,
)
from ratchet.runner.errors import DefinitionError, Problem
from ratchet.runner.expressions import type_name
from ratchet.runner.parameters import Parameter
from ratchet.runner.references import check_references
from ratchet.runner.report import Report
from ratchet.runner.retries import read_policies
from ratchet.runner.step_types import STEP_TYPES, type_of
from ratchet.runner.step_types.stand_in import NEVER_STOOD_IN, way_out, why_not

_STEP_KEYS = ("Name", "Type", "Arguments")


StandIns = Mapping[str, Mapping[str, Any]]


def validate(
    definition: Mapping[str, Any] | str, *, stand_ins: StandIns | None = MappingProxyType({})
) -> Definition:
    """Read and check a definition. Raises `DefinitionError` with every mistake found.

    `stand_ins`: properties of steps that shall not run, by name; every step that cannot run on
    this machine needs one. None: they are still to come, so such steps are let through.
    """
    document = _document(definition)
    report = Report()
    parameters = tuple(_parameters(document, report))
    listed = _listed_steps(document, stand_ins, report)
    _check_stand_ins(stand_ins or {}, listed, report)
    report.raise_problems()
    given = stand_ins or {}
    steps = {name: _step(*found, given.get(name), report) for name, found in listed.items()}
    report.raise_problems()
    check_references(document, {parameter.name for parameter in parameters}, steps, report)
    for step in steps.values():
        type_of(step).check(step, report)
    _check_cycles(steps, report)
    report.raise_problems()
    return Definition(
        parameters=parameters,
        steps=steps,
        experiment=document.get("PipelineExperimentConfig") or {},
    )


def _document(definition: Mapping[str, Any] | str) -> Mapping[str, Any]:
    if isinstance(definition, str):
        try:
            definition = json.loads(definition)
        except json.JSONDecodeError as error:
            place = f"line {error.lineno}, column {error.colno}"
            raise DefinitionError([Problem(place, f"not JSON: {error.msg}")]) from None
    if not isinstance(definition, Mapping):
        raise DefinitionError([Problem("$", f"expected an object, got {type_name(definition)}")])
    if not isinstance(definition.get("Steps"), list) or not definition["Steps"]:
        raise DefinitionError([Problem("Steps", "expected a list of at least one step")])
    return definition


def _parameters(document: Mapping[str, Any], report: Report) -> Iterator[Parameter]:
    seen: dict[str, str] = {}
    for place, body in report.objects(document.get("Parameters", []), "Parameters"):
        name, kind = body.get("Name"), body.get("Type")
        if not report.name(name, f"{place}.Name", seen):
            continue
        if kind not in parameter_values.TYPES:
            expected = ", ".join(parameter_values.TYPES)
            report.add(f"{place}.Type", f"{kind!r} is no parameter type: expected {expected}")
            continue
        parameter = _parameter(body, place, report)
        if parameter is not None:
            yield parameter


def _parameter(body: Mapping[str, Any], place: str, report: Report) -> Parameter | None:
    kind = body["Type"]
    try:
        at = f"{place}.EnumValues"
        allowed = tuple(_typed(value, kind) for value in body.get("EnumValues") or ())
        at = f"{place}.DefaultValue"
        default = body.get("DefaultValue")
        if default is not None:
            default = _typed(default, kind)
            if allowed and default not in allowed:
                raise ValueError(f"{default!r} is none of EnumValues {list(allowed)!r}")
    except ValueError as error:
        report.add(at, str(error))
        return None
    return Parameter(name=body["Name"], type=kind, default=default, allowed=allowed)


def _typed(value: Any, kind: str) -> Any:
    """A value in the definition has its JSON type; only an integer may stand for a Float."""
    if isinstance(value, str) != (kind == "String"):
        raise ValueError(f"{value!r} ({type_name(value)}) is no {kind}")
    return parameter_values.coerce(value, kind)


_Found = tuple[Mapping[str, Any], str, tuple[str, bool] | None]


def _listed_steps(
    document: Mapping[str, Any], stand_ins: StandIns | None, report: Report
) -> dict[str, _Found]:
    """All steps by name, those of branches after their Condition."""
    found: dict[str, _Found] = {}
    places: dict[str, str] = {}

    def collect(steps: Any, place: str, branch: tuple[str, bool] | None) -> None:
        for at, body in report.objects(steps, place):
            if not report.name(body.get("Name"), f"{at}.Name", places):
                continue
            if _check_type(body, at, branch, stand_ins, report):
                found[body["Name"]] = (body, at, branch)
            if body.get("Type") == "Condition" and branch is None:
                arguments = body.get("Arguments", {})
                for key, outcome in (("IfSteps", True), ("ElseSteps", False)):
                    inner = arguments.get(key, []) if isinstance(arguments, Mapping) else []
                    collect(inner, f"{at}.Arguments.{key}", (body["Name"], outcome))

    collect(document["Steps"], "Steps", None)
    return found


def _check_type(
    body: Mapping[str, Any],
    place: str,
    branch: tuple[str, bool] | None,
    stand_ins: StandIns | None,
    report: Report,
) -> bool:
    kind = body.get("Type")
    obstacle = why_not(body, STEP_TYPES)
    if not isinstance(kind, str):
        report.add(f"{place}.Type", f"{kind!r} is no step type: expected a string")
    elif obstacle and stand_ins is not None and body["Name"] not in stand_ins:
        where, reason = obstacle
        report.add(f"{place}.{where}", f"{reason}{way_out(body['Name'])}")
        return kind in STEP_TYPES  # what else is wrong with it is told too
    elif not isinstance(body.get("Arguments", {}), Mapping):
        report.add(f"{place}.Arguments", "expected an object")
    elif kind == "Condition" and branch is not None:
        report.add(f"{place}.Type", "a Condition cannot stand inside of a branch of another")
    else:
        return True
    return False


def _check_stand_ins(stand_ins: StandIns, listed: Mapping[str, _Found], report: Report) -> None:
    for name in stand_ins:
        if name not in listed:
            known = ", ".join(listed)
            report.add(f"stand-in {name}", f"there is no step {name!r}; the steps are {known}")
        elif listed[name][0].get("Type") in NEVER_STOOD_IN:
            kind = listed[name][0]["Type"]
            report.add(f"stand-in {name}", f"a {kind} step has no result to stand in for")
        elif not isinstance(stand_ins[name], Mapping):
            report.add(f"stand-in {name}", "expected an object: the step's Describe answer")


def _step(
    body: Mapping[str, Any],
    place: str,
    branch: tuple[str, bool] | None,
    stand_in: Mapping[str, Any] | None,
    report: Report,
) -> Step:
    depends_on = body.get("DependsOn") or []
    if not isinstance(depends_on, list) or not all(isinstance(name, str) for name in depends_on):
        report.add(f"{place}.DependsOn", "expected a list of step names")
        depends_on = []
    waits_for = set(depends_on) | ({branch[0]} if branch else set())
    with suppress(ValueError, TypeError):  # the check of references says where and why
        waits_for |= references_of(body)
    return Step(
        name=body["Name"],
        type=body["Type"],
        place=place,
        body=body,
        waits_for=frozenset(waits_for),
        branch=branch,
        cache_for=_cache(body, place, report),
        retries=_retries(body, place, report),
        property_files=dict(_property_files(body, place, report)),
        stand_in=stand_in,
    )


def _cache(body: Mapping[str, Any], place: str, report: Report) -> Any:
    config = body.get("CacheConfig") or {}
    place = f"{place}.CacheConfig"
    if not isinstance(config, Mapping) or not isinstance(config.get("Enabled", False), bool):
        report.add(place, 'expected {"Enabled": true or false, "ExpireAfter": a duration}')
        return None
    if not config.get("Enabled"):
        return None
    try:
        # The service wants a time-out with caching; without one nothing would expire.
        return parse_duration(str(config.get("ExpireAfter", "")))
    except ValueError as error:
        report.add(f"{place}.ExpireAfter", str(error))
        return None


def _retries(body: Mapping[str, Any], place: str, report: Report) -> tuple[RetryPolicy, ...]:
    policies = body.get("RetryPolicies") or []
    kind = STEP_TYPES.get(body["Type"])
    if policies and kind is not None and not kind.retryable:
        report.add(f"{place}.RetryPolicies", f"a {body['Type']} step takes no retry policy")
        return ()
    return tuple(read_policies(policies, f"{place}.RetryPolicies", report))


def _property_files(
    body: Mapping[str, Any], place: str, report: Report
) -> Iterator[tuple[str, PropertyFile]]:
    seen: set[str] = set()
    for at, file in report.objects(body.get("PropertyFiles") or [], f"{place}.PropertyFiles"):
        name, output, path = (file.get(k) for k in ("PropertyFileName", "OutputName", "FilePath"))
        if not all(isinstance(value, str) and value for value in (name, output, path)):
            report.add(at, "expected PropertyFileName, OutputName and FilePath")
        elif name in seen:
            report.add(f"{at}.PropertyFileName", f"{name!r} is declared twice")
        else:
            seen.add(str(name))
            yield str(name), PropertyFile(output=str(output), path=str(path))


def _check_cycles(steps: Mapping[str, Step], report: Report) -> None:
    done: set[str] = set()
    path: dict[str, None] = {}

    def visit(name: str) -> bool:
        if name in path:
            round_trip = [*list(path)[list(path).index(name) :], name]
            report.add(steps[name].place, f"a cycle: {' waits for '.join(round_trip)}")
            return True
        if name in done:
            return False
        path[name] = None
        cyclic = any(visit(other) for other in sorted(steps[name].waits_for) if other in steps)
        del path[name]
        done.add(name)
        return cyclic

    for name in steps:
        if visit(name):
            return
