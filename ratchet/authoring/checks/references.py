"""Does every reference lead to something that will be there when it is needed?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ratchet.authoring.errors import Problem, a, did_you_mean
from ratchet.definition import service_model
from ratchet.definition.document import DefinedStep, Document
from ratchet.definition.expressions import function_of
from ratchet.definition.references import EXECUTION, EXECUTION_VARIABLES, STEPS, Key, Reference
from ratchet.definition.row import Properties

_Mistake = tuple[str, str] | None
"""What is expected, and the fix; None: nothing is wrong."""


def check(document: Document) -> Iterator[Problem]:
    for step in document.by_name.values():
        for name in step.depends_on:
            mistake = _step(step, name, document)
            yield from _problems(step, "depends_on", name, mistake)
        for call, reference in step.references:
            mistake = _reference(step, reference, document)
            yield from _problems(step, call.argument, reference.text, mistake)
        yield from _reports(step)
        if (reason := document.never_run.get(step.name)) is not None:
            fix = "give each branch a step of its own for it, or let it follow before the gate"
            yield Problem(step=step.name, argument="depends_on", expected=str(reason), fix=fix)
    if document.cycle:
        yield Problem(
            step=document.cycle[0],
            expected=f"it waits for itself: {' → '.join(document.cycle)} (→: needs)",
            fix="remove one of these references or depends_on",
        )


def _problems(step: DefinedStep, argument: str, value: Any, mistake: _Mistake) -> Iterator[Problem]:
    if mistake:
        expected, fix = mistake
        yield Problem(step=step.name, argument=argument, value=value, expected=expected, fix=fix)


def _reference(step: DefinedStep, reference: Reference, document: Document) -> _Mistake:
    if not reference.root:
        return "a reference is Parameters.…, Execution.… or Steps.<step>.…", ""
    variable = reference.text.removeprefix(f"{EXECUTION}.")
    if reference.root == EXECUTION and variable not in EXECUTION_VARIABLES:
        return "a run has no such variable", did_you_mean(variable, EXECUTION_VARIABLES)
    if reference.root != STEPS:
        return None  # parameters have a check of their own
    mistake = _step(step, reference.name, document)
    return mistake or _property(document.by_name[reference.name], reference)


def _step(step: DefinedStep, name: str, document: Document) -> _Mistake:
    target = document.by_name.get(name)
    if target is None:
        return f"there is no step {name!r}", did_you_mean(name, list(document.by_name))
    if target.row.ends_run:
        return f"{name!r} ends the run: nothing can follow it", "refer to another step"
    if target.branch and target.excludes(step):
        gate = target.branch.gate
        expected = f"{name!r} is in the other branch of {gate!r}, so it will not have run"
        return expected, "move the step that both need before the gate"
    return None


def _property(target: DefinedStep, reference: Reference) -> _Mistake:
    path = reference.path
    if not path or reference.fault:
        text = reference.text.removeprefix(f"{STEPS}.{target.name}")
        return f"{text!r} is no path of a property", "write it as .A.B['name'][0]"
    last = str(path[-1])
    if path[0] == "PropertyFiles":
        return _among(last, list(target.property_files), f"a report of {target.name!r}")
    if path[0] == "OutputParameters":
        return _among(last, list(target.output_parameters), f"returned by {target.name!r}")
    if target.row.properties is Properties.LISTED:
        return _listed(target, reference)
    described = service_model.describe_shape(target.type)
    if described is None:
        return None  # botocore does not know what this type answers
    try:
        service_model.follow(described, path)
    except service_model.PathError as error:
        fix = did_you_mean(error.part, error.members)
        return f"{target.name!r} has no property {error.part}", fix
    return _named_item(target, reference)


def _listed(target: DefinedStep, reference: Reference) -> _Mistake:
    members = target.row.members
    if len(reference.path) == 1 and reference.path[0] in members:
        return None
    return f"{target.name!r} has only {' and '.join(map(a, members))}", ""


def _named_item(target: DefinedStep, reference: Reference) -> _Mistake:
    """Outputs['x'] and ProcessingInputs['x'] must name one that the step has."""
    path = list(reference.path)
    for member, key, items, kind in (
        ("Outputs", "OutputName", _outputs(target), "an output"),
        ("ProcessingInputs", "InputName", target.arguments.get("ProcessingInputs", ()), "an input"),
    ):
        if member in path[:-1]:
            item = path[path.index(member) + 1]
            if isinstance(item, Key) and not function_of(items):
                names = [str(each.get(key)) for each in items]
                return _among(item, names, f"{kind} of {target.name!r}")
    return None


def _among(name: str, names: Sequence[str], role: str) -> _Mistake:
    return None if name in names else (f"{name!r} is not {role}", did_you_mean(name, names))


def _outputs(step: DefinedStep) -> Any:
    return step.arguments.get("ProcessingOutputConfig", {}).get("Outputs", ())


def _reports(step: DefinedStep) -> Iterator[Problem]:
    """A property file must be written by an output that the step has."""
    outputs = [str(output.get("OutputName")) for output in _outputs(step)]
    for file in step.property_files.values():
        mistake: _Mistake = None
        if file.output not in outputs:
            fix = did_you_mean(file.output, outputs)
            mistake = f"{file.output!r} is not an output of the step", fix
        elif not file.path or file.path.startswith("/"):
            mistake = "it names no file", f"write it as {file.output + '/<file>.json'!r}"
        value = f"{file.output}/{file.path}"
        yield from _problems(step, f"reports[{file.name!r}]", value, mistake)
