"""Steps that cannot run on this machine, and results given in their place.

A stand-in is the JSON of a step's properties: what its Describe operation would answer, or
`{"OutputParameters": {…}}` for a step that has them.
"""

from __future__ import annotations

from collections.abc import Mapping

from ratchet.definition.references import Reference
from ratchet.definition.step import DefinedStep as DocumentStep
from ratchet.runner.definition import RunnableStep
from ratchet.runner.errors import EvaluationError
from ratchet.runner.expressions import follow
from ratchet.runner.report import ProblemList
from ratchet.runner.step_types.contract import Attempt, Done, Obstacle, Runner

EXPLANATION = "stand-in: its result was given by hand, nothing ran"


def why_not(step: DocumentStep, runners: Mapping[str, Runner]) -> Obstacle | None:
    """Why a step cannot run on this machine; None when it can. `runners`: of the types that run."""
    if step.type in runners:
        return runners[step.type].obstacle(step.arguments)
    if step.row.aws_only:
        return Obstacle("Type", f"a step of type {step.type} cannot run here: {step.row.aws_only}")
    names = ", ".join(sorted(runners))
    return Obstacle("Type", f"the runner has no step type {step.type!r}: expected {names}")


def way_out(step: str) -> str:
    """What to type so that the run goes on without the step."""
    return f"; or give its result: --stand-in {step}=FILE.json (its Describe answer)"


def _check(step: RunnableStep, report: ProblemList) -> None:
    """Nothing of the step itself is used."""


def _check_reference(step: RunnableStep, reference: Reference) -> str | None:
    """Every part of the step that others use must be in its stand-in."""
    if step.stand_in is None:
        return None
    if reference.property_file is not None:
        reference = step.folder_of(reference.property_file)
    try:
        follow(step.stand_in, reference)
    except EvaluationError as error:
        return f"the stand-in of step {step.name!r} lacks it: {error}"
    return None


def _run(attempt: Attempt) -> Done:
    properties = attempt.step.stand_in or {}
    outputs = properties.get("OutputParameters")
    named = outputs if isinstance(outputs, Mapping) else {}
    return Done(properties=properties, output_parameters=named)


STOOD_IN = Runner(
    name="stand-in",
    check=_check,
    check_reference=_check_reference,
    resolve=lambda step, scope: {},
    run=_run,
)
"""What every step is that has a stand-in, or is still to get one."""
