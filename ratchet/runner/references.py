"""Checks every function call of a definition: that what it refers to is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ratchet.definition import references
from ratchet.definition.document import Document
from ratchet.definition.expressions import GET, JOIN, Call, function_of
from ratchet.definition.references import (
    EXECUTION,
    EXECUTION_VARIABLES,
    PARAMETERS,
    STEPS,
    Reference,
)
from ratchet.definition.row import Properties
from ratchet.definition.step import DefinedStep as DocumentStep
from ratchet.runner import json_path
from ratchet.runner.definition import RunnableStep
from ratchet.runner.report import ProblemList
from ratchet.runner.step_types import runner_of


def check_references(
    document: Document, steps: Mapping[str, RunnableStep], report: ProblemList
) -> None:
    """Report every reference, join, JSON path and DependsOn entry that leads nowhere."""
    check = _Check(document, steps, report)
    for call in document.experiment_calls:
        check.call(call.place, call)
    for step in document.steps:
        for call in step.calls:
            check.call(f"{step.place}.{call.place}", call, step)
        check.depends_on(step)
    for name, reason in document.never_run.items():
        # Whether CreatePipeline refuses it too is not documented; AWS skips what needs a skipped
        # step (SageMaker SDK, `local/pipeline.py`), and the run succeeds without a word.
        report.add(steps[name].place, str(reason))


class _Check:
    def __init__(
        self, document: Document, steps: Mapping[str, RunnableStep], report: ProblemList
    ) -> None:
        self._document = document
        self._steps = steps
        self._report = report

    def call(self, place: str, call: Call, step: DocumentStep | None = None) -> None:
        place = f"{place}.{call.function}"
        if call.function == GET:
            self._get(place, _parsed(call.operand), step)
        elif call.function == JOIN:
            operand = call.operand
            fits = isinstance(operand, Mapping) and isinstance(operand.get("Values"), list)
            if not fits or not isinstance(operand.get("On", ""), str):
                self._report.add(place, 'expected {"On": a string, "Values": a list}')
        else:
            self._json_get(place, call.operand)

    def depends_on(self, step: DocumentStep) -> None:
        for index, name in enumerate(step.depends_on):
            place = f"{step.place}.DependsOn[{index}]"
            if name not in self._steps:
                self._report.add(place, f"there is no step {name!r}; {self._step_names()}")
            elif self._steps[name].row.ends_run:
                kind = self._steps[name].type
                self._report.add(place, f"{name!r} is a {kind} step: nothing can wait for it")
            self._branches(place, step, self._steps.get(name))

    def _branches(self, place: str, step: DocumentStep | None, other: RunnableStep | None) -> None:
        if step and other and step.branch and step.excludes(other):
            self._report.add(
                place,
                f"step {other.name!r} is in the other branch of {step.branch.gate!r}: "
                "only one of the two ever runs",
            )

    def _step_names(self) -> str:
        return f"the steps are {', '.join(self._steps)}"

    def _get(self, place: str, reference: Reference, referrer: DocumentStep | None) -> None:
        text, name = reference.text, reference.name
        if reference.fault:
            self._report.add(place, reference.fault)
        elif reference.root == PARAMETERS and name not in self._document.parameters_by_name:
            declared = ", ".join(sorted(self._document.parameters_by_name)) or "none"
            self._report.add(place, f"{text}: no such parameter; declared are {declared}")
        elif reference.root == EXECUTION and name not in EXECUTION_VARIABLES:
            variables = ", ".join(sorted(EXECUTION_VARIABLES))
            self._report.add(place, f"{text}: no such execution variable; there are {variables}")
        elif reference.root == STEPS:
            self._step_reference(place, reference)
            self._branches(place, referrer, self._steps.get(name))

    def _step_reference(self, place: str, reference: Reference) -> None:
        step = self._steps.get(reference.name)
        if step is None:
            self._report.add(place, f"{reference.text}: no such step; {self._step_names()}")
            return
        fault = _fault_of_property(step, reference)
        if not fault and (reference.property_file is None or step.stand_in is not None):
            fault = runner_of(step).check_reference(step, reference)
        if fault:
            self._report.add(place, f"{reference.text}: {fault}")

    def _json_get(self, place: str, operand: Any) -> None:
        sources = ("PropertyFile", "S3Uri")
        if not isinstance(operand, Mapping) or sum(key in operand for key in sources) != 1:
            self._report.add(place, "expected Path with either PropertyFile or S3Uri")
            return
        path = operand.get("Path")
        if function_of(path) is None:
            fault = json_path.check(path) if isinstance(path, str) else "expected a JSON path"
            if fault:
                self._report.add(f"{place}.Path", fault)
        source = operand.get("PropertyFile")
        if source is not None and not _is_property_file(source):
            self._report.add(
                f"{place}.PropertyFile", 'expected {"Get": "Steps.<step>.PropertyFiles.<name>"}'
            )


def _fault_of_property(step: RunnableStep, reference: Reference) -> str | None:
    """What the table and the step's own declarations say against a reference to it, or None."""
    if reference.path[:1] == ("PropertyFiles",):
        if reference.property_file in step.property_files:
            return None
        files = ", ".join(step.property_files) or "none"
        return f"step {step.name!r} has no such property file; its PropertyFiles are {files}"
    if step.row.properties is Properties.DECLARED:
        return _fault_of_output(step, reference)
    if step.row.properties is Properties.LISTED and reference.path[:1] not in _listed(step):
        members = ", ".join(step.row.members)
        return f"a {step.type} step has {f'{members} only' if members else 'no properties'}"
    return None


def _fault_of_output(step: RunnableStep, reference: Reference) -> str | None:
    if reference.output_parameter is None:
        return f"a {step.type} step has OutputParameters['…'] only"
    outputs = step.output_parameters
    if reference.output_parameter not in outputs:
        return f"step {step.name!r} declares {', '.join(outputs) or 'no output parameters'}"
    return None


def _listed(step: RunnableStep) -> list[tuple[str, ...]]:
    return [(member,) for member in step.row.members]


def _parsed(text: Any) -> Reference:
    if isinstance(text, str):
        return references.parse(text)
    return Reference(str(text), fault=f"{text!r} is not a reference: expected a string")


def _is_property_file(source: Any) -> bool:
    if function_of(source) != GET:
        return False
    reference = _parsed(source[GET])
    # What cannot be read is reported where the Get is checked.
    return bool(reference.fault) or reference.path[:1] == ("PropertyFiles",)
