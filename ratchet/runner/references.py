"""Checks every function call of a definition: that what it refers to is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ratchet.runner import json_path
from ratchet.runner.definition import EXECUTION_VARIABLES, Step, without_branches
from ratchet.runner.expressions import Reference, function_of, parse_reference, walk
from ratchet.runner.report import Report
from ratchet.runner.step_types import type_of


def check_references(
    document: Mapping[str, Any], parameters: set[str], steps: Mapping[str, Step], report: Report
) -> None:
    """Report every reference, join, JSON path and DependsOn entry that leads nowhere."""
    check = _Check(parameters, steps, report)
    for place, function, argument in walk(
        document.get("PipelineExperimentConfig") or {}, "PipelineExperimentConfig"
    ):
        check.call(place, function, argument)
    for step in steps.values():
        for place, function, argument in walk(without_branches(step.body), step.place):
            check.call(place, function, argument, step)
        check.depends_on(step)


class _Check:
    def __init__(self, parameters: set[str], steps: Mapping[str, Step], report: Report) -> None:
        self._parameters = parameters
        self._steps = steps
        self._report = report

    def call(self, place: str, function: str, argument: Any, step: Step | None = None) -> None:
        place = f"{place}.{function}"
        if function == "Get":
            self._get(place, argument, step)
        elif function == "Std:Join":
            fits = isinstance(argument, Mapping) and isinstance(argument.get("Values"), list)
            if not fits or not isinstance(argument.get("On", ""), str):
                self._report.add(place, 'expected {"On": a string, "Values": a list}')
        else:
            self._json_get(place, argument)

    def depends_on(self, step: Step) -> None:
        for index, name in enumerate(step.body.get("DependsOn") or []):
            place = f"{step.place}.DependsOn[{index}]"
            if name not in self._steps:
                self._report.add(place, f"there is no step {name!r}; {self._known()}")
            elif self._steps[name].type == "Fail":
                self._report.add(place, f"{name!r} is a Fail step: nothing can wait for it")
            self._branches(place, step, self._steps.get(name))

    def _branches(self, place: str, step: Step | None, other: Step | None) -> None:
        if step is None or other is None or step.branch is None or other.branch is None:
            return
        if step.branch[0] == other.branch[0] and step.branch[1] != other.branch[1]:
            self._report.add(
                place,
                f"step {other.name!r} is in the other branch of {step.branch[0]!r}: "
                "only one of the two ever runs",
            )

    def _known(self) -> str:
        return f"the steps are {', '.join(self._steps)}"

    def _get(self, place: str, text: Any, referrer: Step | None) -> None:
        try:
            reference = parse_reference(text)
        except (ValueError, TypeError) as error:
            self._report.add(place, str(error))
            return
        name = reference.name
        if reference.root == "Parameters" and name not in self._parameters:
            known = ", ".join(sorted(self._parameters)) or "none"
            self._report.add(place, f"{text}: no such parameter; declared are {known}")
        elif reference.root == "Execution" and name not in EXECUTION_VARIABLES:
            known = ", ".join(sorted(EXECUTION_VARIABLES))
            self._report.add(place, f"{text}: no such execution variable; there are {known}")
        elif reference.root == "Steps":
            self._step_reference(place, reference)
            self._branches(place, referrer, self._steps.get(name))

    def _step_reference(self, place: str, reference: Reference) -> None:
        step = self._steps.get(reference.name)
        if step is None:
            self._report.add(place, f"{reference.text}: no such step; {self._known()}")
            return
        if reference.path[:1] == ("PropertyFiles",):
            if len(reference.path) != 2 or reference.path[1] not in step.property_files:
                known = ", ".join(step.property_files) or "none"
                self._report.add(
                    place,
                    f"{reference.text}: step {step.name!r} has no such property file; "
                    f"its PropertyFiles are {known}",
                )
                return
            if step.stand_in is None:
                return
        problem = type_of(step).check_reference(step, reference)
        if problem:
            self._report.add(place, f"{reference.text}: {problem}")

    def _json_get(self, place: str, argument: Any) -> None:
        sources = ("PropertyFile", "S3Uri")
        if not isinstance(argument, Mapping) or sum(key in argument for key in sources) != 1:
            self._report.add(place, "expected Path with either PropertyFile or S3Uri")
            return
        path = argument.get("Path")
        if function_of(path) is None:
            problem = json_path.check(path) if isinstance(path, str) else "expected a JSON path"
            if problem:
                self._report.add(f"{place}.Path", problem)
        source = argument.get("PropertyFile")
        if source is not None and not _is_property_file(source):
            self._report.add(
                f"{place}.PropertyFile", 'expected {"Get": "Steps.<step>.PropertyFiles.<name>"}'
            )


def _is_property_file(source: Any) -> bool:
    if function_of(source) != "Get":
        return False
    try:
        reference = parse_reference(source["Get"])
    except (ValueError, TypeError):
        return True  # reported where the Get is checked
    return reference.root == "Steps" and reference.path[:1] == ("PropertyFiles",)
