"""Are the pipeline's parameters sound, and is each of them used?

A parameter that nothing refers to is worse than none: whoever overrides it is not obeyed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline_defs.authoring import schema
from pipeline_defs.authoring.checks.document import placed_steps, variables, variables_of
from pipeline_defs.authoring.errors import Problem, a, did_you_mean
from ratchet.loop import names

_PYTHON: Mapping[str, tuple[type, ...]] = {
    "String": (str,),
    "Integer": (int,),
    "Float": (int, float),
    "Boolean": (bool,),
}
# StartPipelineExecution takes values of 1,024 characters: a longer default could not be repeated.
_LONGEST_VALUE = 1024


def check(definition: Mapping[str, Any]) -> Iterator[Problem]:
    declared: list[str] = []
    for parameter in definition.get("Parameters", ()):
        name = parameter["Name"]
        if name in declared:
            yield Problem(
                argument=f"parameter {name!r}",
                expected="it is declared twice",
                fix="declare it once and pass it on"
                + (
                    " (every pipeline has it by itself)"
                    if name == names.EXPERIMENT_PARAMETER
                    else ""
                ),
            )
        declared.append(name)
        yield from _declaration(parameter)
    yield from _use(definition, declared)


def _declaration(parameter: Mapping[str, Any]) -> Iterator[Problem]:
    name, kind = parameter["Name"], parameter["Type"]
    where = f"parameter {name!r}"
    shape = schema.shape("PipelineParameterName")
    pattern = schema.pattern(shape["pattern"])
    if not shape["min"] <= len(name) <= shape["max"] or (pattern and not pattern.fullmatch(name)):
        expected = f"a name has 1 to {shape['max']} letters, digits, hyphens and underscores"
        yield Problem(argument=where, expected=expected)
    values = parameter.get("EnumValues")
    if values is not None and not values:
        yield Problem(argument=f"{where}, choices", expected="there are none", fix="leave them out")
    default = parameter.get("DefaultValue")
    for role, value in (("default", default), *(("choices", value) for value in values or ())):
        if value is None or schema.is_token(value):
            continue
        if not isinstance(value, _PYTHON[kind]) or (isinstance(value, bool) != (kind == "Boolean")):
            expected = f"the parameter is {a(kind)}"
            yield Problem(argument=f"{where}, {role}", value=value, expected=expected)
        elif isinstance(value, float) and not math.isfinite(value):
            expected = "JSON has no such number"
            yield Problem(argument=f"{where}, {role}", value=value, expected=expected)
        elif isinstance(value, str) and len(value) > _LONGEST_VALUE:
            expected = f"{len(value)} characters, and a run can be given at most {_LONGEST_VALUE}"
            yield Problem(argument=f"{where}, {role}", value=value, expected=expected)
    if values and default is not None and default not in values:
        fix = f"choose one of: {', '.join(map(str, values))}"
        expected = "it is none of the choices"
        yield Problem(argument=f"{where}, default", value=default, expected=expected, fix=fix)


def _use(definition: Mapping[str, Any], declared: list[str]) -> Iterator[Problem]:
    used: set[str] = set()
    config = definition.get("PipelineExperimentConfig", {})
    uses: list[tuple[str | None, str, str]] = [(None, path, got) for path, got in variables(config)]
    for placed in placed_steps(definition):
        uses += [(placed.name, path, got) for path, got in variables_of(placed.own)]
    for step, path, got in uses:
        if got.startswith("Parameters."):
            name = got.removeprefix("Parameters.")
            used.add(name)
            if name not in declared:
                expected, fix = "no such parameter is declared", did_you_mean(name, declared)
                yield Problem(step=step, argument=path, value=got, expected=expected, fix=fix)
    for name in dict.fromkeys(declared):
        if name not in used:
            yield Problem(
                argument=f"parameter {name!r}",
                expected="nothing refers to it, so whoever sets it changes nothing",
                fix="use it in a step or remove it",
            )
