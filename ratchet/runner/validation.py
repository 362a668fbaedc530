"""Refuses a definition that cannot run, before anything runs, with the place of each mistake."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from ratchet.definition.document import Document, read, type_name
from ratchet.definition.step import DefinedParameter as DocumentParameter
from ratchet.definition.step import DefinedStep as DocumentStep
from ratchet.definition.violations import DocumentError
from ratchet.runner import parameters as parameter_values
from ratchet.runner.definition import Definition, RetryRule, RunnableStep, parse_duration
from ratchet.runner.errors import CannotRunError
from ratchet.runner.parameters import RunParameter
from ratchet.runner.references import check_references
from ratchet.runner.report import ProblemList
from ratchet.runner.retries import read_policies
from ratchet.runner.step_types import RUNNERS, runner_of
from ratchet.runner.step_types.stand_in import way_out, why_not

StandIns = Mapping[str, Mapping[str, Any]]


def validate(
    definition: Mapping[str, Any] | str, *, stand_ins: StandIns | None = MappingProxyType({})
) -> Definition:
    """Read and check a definition. Raises `DefinitionError` with every mistake found.

    `stand_ins`: properties of steps that shall not run, by name; every step that cannot run on
    this machine needs one. None: they are still to come, so such steps are let through.
    """
    try:
        document = read(definition)
    except DocumentError as error:
        raise CannotRunError(error.violations) from None
    report = ProblemList(document.violations)
    parameters = tuple(_parameters(document, report))
    for step in document.steps:
        _check_runnable(step, stand_ins, report)
    _check_stand_ins(stand_ins or {}, document, report)
    report.raise_violations()
    steps = {
        step.name: _step(step, (stand_ins or {}).get(step.name), report) for step in document.steps
    }
    report.raise_violations()
    check_references(document, steps, report)
    for step in steps.values():
        runner_of(step).check(step, report)
    if document.cycle:
        place = steps[document.cycle[0]].place
        report.add(place, f"a cycle: {' waits for '.join(document.cycle)}")
    report.raise_violations()
    return Definition(document=document, parameters=parameters, steps=steps)


def _parameters(document: Document, report: ProblemList) -> Iterator[RunParameter]:
    for declared in document.parameters:
        if declared.type not in parameter_values.TYPES:
            expected = ", ".join(parameter_values.TYPES)
            message = f"{declared.type!r} is no parameter type: expected {expected}"
            report.add(f"{declared.place}.Type", message)
            continue
        parameter = _parameter(declared, report)
        if parameter is not None:
            yield parameter


def _parameter(declared: DocumentParameter, report: ProblemList) -> RunParameter | None:
    kind, default = declared.type, declared.default
    try:
        at = f"{declared.place}.EnumValues"
        allowed = tuple(_typed(value, kind) for value in declared.choices or ())
        at = f"{declared.place}.DefaultValue"
        if default is not None:
            default = _typed(default, kind)
            if allowed and default not in allowed:
                raise ValueError(f"{default!r} is none of EnumValues {list(allowed)!r}")
    except ValueError as error:
        report.add(at, str(error))
        return None
    return RunParameter(name=declared.name, type=kind, default=default, allowed=allowed)


def _typed(value: Any, kind: str) -> Any:
    """A value in the definition has its JSON type; only an integer may stand for a Float."""
    if isinstance(value, str) != (kind == "String"):
        raise ValueError(f"{value!r} ({type_name(value)}) is no {kind}")
    return parameter_values.coerce(value, kind)


def _check_runnable(step: DocumentStep, stand_ins: StandIns | None, report: ProblemList) -> None:
    if not step.type or stand_ins is None or step.name in stand_ins:
        return
    if obstacle := why_not(step, RUNNERS):
        report.add(f"{step.place}.{obstacle.place}", f"{obstacle.reason}{way_out(step.name)}")


def _check_stand_ins(stand_ins: StandIns, document: Document, report: ProblemList) -> None:
    for name, properties in stand_ins.items():
        step = document.by_name.get(name)
        if step is None:
            names = ", ".join(document.by_name)
            report.add(f"stand-in {name}", f"there is no step {name!r}; the steps are {names}")
        elif step.row.holds_branches or step.row.ends_run:
            report.add(f"stand-in {name}", f"a {step.type} step has no result to stand in for")
        elif not isinstance(properties, Mapping):
            report.add(f"stand-in {name}", "expected an object: the step's Describe answer")


def _step(
    step: DocumentStep, stand_in: Mapping[str, Any] | None, report: ProblemList
) -> RunnableStep:
    _check_property_files(step, report)
    return RunnableStep(
        name=step.name,
        type=step.type,
        keys=step.keys,
        body_with_branches=step.body_with_branches,
        branch=step.branch,
        cache_for=_cache(step, report),
        retries=_retries(step, report),
        stand_in=stand_in,
    )


def _cache(step: DocumentStep, report: ProblemList) -> Any:
    config = step.body.get("CacheConfig") or {}
    place = f"{step.place}.CacheConfig"
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


def _retries(step: DocumentStep, report: ProblemList) -> tuple[RetryRule, ...]:
    policies = step.body.get("RetryPolicies") or []
    if policies and not step.row.is_retryable:
        report.add(f"{step.place}.RetryPolicies", f"a {step.type} step takes no retry policy")
        return ()
    return tuple(read_policies(policies, f"{step.place}.RetryPolicies", report))


def _check_property_files(step: DocumentStep, report: ProblemList) -> None:
    names: set[str] = set()
    place = f"{step.place}.PropertyFiles"
    for at, file in report.objects(step.body.get("PropertyFiles") or [], place):
        name, output, path = (file.get(k) for k in ("PropertyFileName", "OutputName", "FilePath"))
        if not all(isinstance(value, str) and value for value in (name, output, path)):
            report.add(at, "expected PropertyFileName, OutputName and FilePath")
        elif name in names:
            report.add(f"{at}.PropertyFileName", f"{name!r} is declared twice")
        names.add(str(name))
