"""Does every reference lead to something that will be there when it is needed?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from pipeline_defs.authoring import schema
from pipeline_defs.authoring.checks.document import (
    Placed,
    is_variable,
    placed_steps,
    step_reference,
    variables_of,
)
from pipeline_defs.authoring.errors import Problem, did_you_mean

_EXECUTION = (
    "StartDateTime",
    "CurrentDateTime",
    "PipelineName",
    "PipelineArn",
    "PipelineExecutionId",
    "PipelineExecutionArn",
    "TrainingJobName",
    "ProcessingJobName",
)


def check(definition: Mapping[str, Any]) -> Iterator[Problem]:
    steps = {placed.name: placed for placed in placed_steps(definition)}
    needs: dict[str, set[str]] = {name: set() for name in steps}
    for placed in steps.values():
        if placed.gate in steps:
            needs[placed.name].add(str(placed.gate))
        for path, got, name, inside in _references(placed):
            if name in steps:
                needs[placed.name].add(name)
            yield from _problems(placed, path, got, steps.get(name), inside, list(steps), name)
        for path, got in variables_of(placed.own):
            yield from _variable(placed, path, got)
        yield from _reports(placed)
    yield from _cycle(needs)


def _references(placed: Placed) -> Iterator[tuple[str, str, str, str | None]]:
    """(argument, value, step, path of a property or None for an order alone)."""
    for name in placed.step.get("DependsOn", ()):
        yield "depends_on", name, name, None
    for path, got in variables_of(placed.own):
        reference = step_reference(got)
        if reference:
            yield path, got, *reference


def _problems(
    placed: Placed,
    argument: str,
    value: str,
    target: Placed | None,
    path: str | None,
    known: list[str],
    name: str,
) -> Iterator[Problem]:
    expected, fix = "", ""
    if target is None:
        expected, fix = f"there is no step {name!r}", did_you_mean(name, known)
    elif target.type == "Fail":
        expected, fix = f"{name!r} ends the run: nothing can follow it", "refer to another step"
    elif target.gate is not None and target.gate == placed.gate and target.branch != placed.branch:
        expected = f"{name!r} is in the other branch of {target.gate!r}, so it will not have run"
        fix = "move the step that both need before the gate"
    elif path is not None:
        found = _property(target, path)
        if found:
            expected, fix = found
    if expected:
        yield Problem(step=placed.name, argument=argument, value=value, expected=expected, fix=fix)


def _property(target: Placed, path: str) -> tuple[str, str] | None:
    """What is wrong with a property path, and what to do; None if it leads somewhere."""
    parts = schema.path_parts(path)
    if not parts:
        return f"{path!r} is no path of a property", "write it as .A.B['name'][0]"
    first = str(parts[0])
    if first == "PropertyFiles":
        files = [file["PropertyFileName"] for file in target.step.get("PropertyFiles", ())]
        return _among(str(parts[-1]), files, f"a report of {target.name!r}")
    if first == "OutputParameters":
        returned = [output["OutputName"] for output in target.step.get("OutputParameters", ())]
        return _among(str(parts[-1]).strip("'"), returned, f"returned by {target.name!r}")
    if target.type == "Condition":
        return None if path == ".Outcome" else (f"{target.name!r} has only an Outcome", "")
    described = schema.describe_shape(target.type)
    if described is None:
        return None  # botocore does not know what this type answers
    try:
        schema.follow(described, path)
    except schema.PathError as error:
        return f"{target.name!r} has no property {error.at}", did_you_mean(error.at, error.known)
    return _named_item(target, parts)


def _named_item(target: Placed, parts: list[str | int]) -> tuple[str, str] | None:
    """Outputs['x'] and ProcessingInputs['x'] must name one that the step has."""
    arguments = target.step.get("Arguments", {})
    for name, key, items in (
        ("Outputs", "OutputName", arguments.get("ProcessingOutputConfig", {}).get("Outputs", ())),
        ("ProcessingInputs", "InputName", arguments.get("ProcessingInputs", ())),
    ):
        if name in parts[:-1]:
            item = parts[parts.index(name) + 1]
            if isinstance(item, str) and item.startswith("'") and not is_variable(items):
                kind = "an output" if name == "Outputs" else "an input"
                known = [str(each.get(key)) for each in items]
                return _among(item.strip("'"), known, f"{kind} of {target.name!r}")
    return None


def _among(name: str, known: list[str], role: str) -> tuple[str, str] | None:
    return None if name in known else (f"{name!r} is not {role}", did_you_mean(name, known))


def _variable(placed: Placed, path: str, got: str) -> Iterator[Problem]:
    kind, _, name = got.partition(".")
    if kind == "Execution" and name not in _EXECUTION:
        expected, fix = "a run has no such variable", did_you_mean(name, _EXECUTION)
    elif kind not in ("Execution", "Parameters") and step_reference(got) is None:
        expected, fix = "a reference is Parameters.…, Execution.… or Steps.<step>.…", ""
    else:
        return
    yield Problem(step=placed.name, argument=path, value=got, expected=expected, fix=fix)


def _reports(placed: Placed) -> Iterator[Problem]:
    """A property file must be written by an output that the step has."""
    config = placed.step.get("Arguments", {}).get("ProcessingOutputConfig", {})
    outputs = [str(output.get("OutputName")) for output in config.get("Outputs", ())]
    for file in placed.step.get("PropertyFiles", ()):
        name, output, path = (file[key] for key in ("PropertyFileName", "OutputName", "FilePath"))
        where = f"reports[{name!r}]"
        if output not in outputs:
            expected, fix = (
                f"{output!r} is not an output of the step",
                did_you_mean(output, outputs),
            )
        elif not path or path.startswith("/"):
            expected, fix = "it names no file", f"write it as {output + '/<file>.json'!r}"
        else:
            continue
        yield Problem(
            step=placed.name, argument=where, value=f"{output}/{path}", expected=expected, fix=fix
        )


def _cycle(needs: Mapping[str, set[str]]) -> Iterator[Problem]:
    try:
        TopologicalSorter({step: sorted(others) for step, others in needs.items()}).prepare()
    except CycleError as error:
        # graphlib lists each node before the one that needs it.
        circle = list(reversed(error.args[1]))
        yield Problem(
            step=circle[0],
            expected=f"it waits for itself: {' → '.join(circle)} (→: needs)",
            fix="remove one of these references or depends_on",
        )
