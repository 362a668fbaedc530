"""Are the pipeline's parameters sound, and is each of them used?

A parameter that nothing refers to is worse than none: whoever overrides it is not obeyed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from ratchet.authoring.errors import Problem, a, did_you_mean
from ratchet.definition import service_model
from ratchet.definition.document import DefinedParameter, Document
from ratchet.definition.expressions import GET, Call, is_token
from ratchet.definition.references import PARAMETERS
from ratchet.loop import names

_PYTHON: Mapping[str, tuple[type, ...]] = {
    "String": (str,),
    "Integer": (int,),
    "Float": (int, float),
    "Boolean": (bool,),
}
# StartPipelineExecution takes values of 1,024 characters: a longer default could not be repeated.
_LONGEST_VALUE = 1024


def check(document: Document) -> Iterator[Problem]:
    declared: list[str] = []
    for parameter in document.parameters:
        if parameter.name in declared:
            yield Problem(
                argument=f"parameter {parameter.name!r}",
                expected="it is declared twice",
                fix="declare it once and pass it on"
                + (
                    " (every pipeline has it by itself)"
                    if parameter.name == names.EXPERIMENT_PARAMETER
                    else ""
                ),
            )
        declared.append(parameter.name)
        yield from _name(parameter)
        yield from _values(parameter)
    yield from _undeclared(document, declared)
    yield from unused(document)


def _name(parameter: DefinedParameter) -> Iterator[Problem]:
    name = parameter.name
    shape = service_model.shape("PipelineParameterName")
    pattern = service_model.pattern(shape["pattern"])
    if not shape["min"] <= len(name) <= shape["max"] or (pattern and not pattern.fullmatch(name)):
        expected = f"a name has 1 to {shape['max']} letters, digits, hyphens and underscores"
        yield Problem(argument=f"parameter {name!r}", expected=expected)


def _values(parameter: DefinedParameter) -> Iterator[Problem]:
    where, choices, default = f"parameter {parameter.name!r}", parameter.choices, parameter.default
    if choices == ():
        yield Problem(argument=f"{where}, choices", expected="there are none", fix="leave them out")
    for role, value in (("default", default), *(("choices", value) for value in choices or ())):
        if value is not None and not is_token(value):
            for expected in _mistakes(value, parameter.type):
                yield Problem(argument=f"{where}, {role}", value=value, expected=expected)
    if choices and default is not None and default not in choices:
        fix = f"choose one of: {', '.join(map(str, choices))}"
        expected = "it is none of the choices"
        yield Problem(argument=f"{where}, default", value=default, expected=expected, fix=fix)


def _mistakes(value: Any, kind: str) -> Iterator[str]:
    # To Python, True is an int.
    if not isinstance(value, _PYTHON[kind]) or (isinstance(value, bool) != (kind == "Boolean")):
        yield f"the parameter is {a(kind)}"
    elif isinstance(value, float) and not math.isfinite(value):
        yield "JSON has no such number"
    elif isinstance(value, str) and len(value) > _LONGEST_VALUE:
        yield f"{len(value)} characters, and a run can be given at most {_LONGEST_VALUE}"


def _undeclared(document: Document, declared: list[str]) -> Iterator[Problem]:
    for step, argument, name in _uses(document):
        if name not in declared:
            yield Problem(
                step=step,
                argument=argument,
                value=f"{PARAMETERS}.{name}",
                expected="no such parameter is declared",
                fix=did_you_mean(name, declared),
            )


def unused(document: Document) -> Iterator[Problem]:
    """A problem for each parameter that nothing refers to."""
    used = {name for _, _, name in _uses(document)}
    for name in document.parameters_by_name:
        if name not in used:
            yield Problem(
                argument=f"parameter {name!r}",
                expected="no step uses it, so its value has no effect",
                fix="use it in a step or remove it",
            )


def _uses(document: Document) -> Iterator[tuple[str | None, str, str]]:
    """(step, argument, parameter) of every reference to one; step None: in the experiment.

    The parameter is all that follows the root: a name that is none is said of its declaration.
    """
    calls: list[tuple[str | None, Call]] = [(None, call) for call in document.experiment_calls]
    calls += [(step.name, call) for step in document.steps for call in step.calls]
    for step, call in calls:
        root, _, name = str(call.operand).partition(".")
        if call.function == GET and root == PARAMETERS:
            yield step, call.argument.removeprefix("PipelineExperimentConfig."), name
