"""Steps that cannot run on this machine, and results given in their place.

A stand-in is the JSON of a step's properties: what its Describe operation would answer, or
`{"OutputParameters": {…}}` for a step that has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ratchet.runner.definition import Step
from ratchet.runner.errors import EvaluationError
from ratchet.runner.expressions import Reference, follow, function_of, parse_reference
from ratchet.runner.report import Report
from ratchet.runner.step_types import spark
from ratchet.runner.step_types.contract import Attempt, Done, StepType

EXPLANATION = "stand-in: its result was given by hand, nothing ran"
NEVER_STOOD_IN = ("Condition", "Fail")

_ONLY_ON_AWS: Mapping[str, str] = {
    "AutoML": "SageMaker Autopilot runs on AWS only",
    "ClarifyCheck": "the SageMaker Clarify container is on AWS only",
    "EMR": "it needs an EMR cluster",
    "EMRServerless": "it needs an EMR Serverless application",
    "Endpoint": "endpoints are the serving stack's here",
    "EndpointConfig": "endpoints are the serving stack's here",
    "Job": "its job runs on AWS only",
    "Lineage": "SageMaker's lineage store is on AWS only",
    "NotebookJob": "the notebook's image runs on AWS only",
}
_PROGRAM, _DIRECTORY = "sagemaker_program", "sagemaker_submit_directory"


def why_not(body: Mapping[str, Any], known: Mapping[str, StepType]) -> tuple[str, str] | None:
    """Why a step cannot run on this machine, and where below it that stands; None when it can.

    ``known``: the step types that run.
    """
    kind = body.get("Type")
    if kind not in known:
        if reason := _ONLY_ON_AWS.get(str(kind)):
            return "Type", f"a step of type {kind} cannot run here: {reason}"
        names = ", ".join(sorted(known))
        return "Type", f"the runner has no step type {kind!r}: expected {names}"
    arguments = body.get("Arguments")
    if not isinstance(arguments, Mapping):
        return None
    if kind == "Processing":
        return _processing(arguments)
    return _training(arguments) if kind == "Training" else None


def _processing(arguments: Mapping[str, Any]) -> tuple[str, str] | None:
    application = arguments.get("AppSpecification")
    if not isinstance(application, Mapping):
        return None
    if spark.is_spark(application):
        lacking = spark.missing()
        return ("Arguments.AppSpecification.ImageUri", lacking) if lacking else None
    if application.get("ContainerEntrypoint"):
        return None
    return (
        "Arguments.AppSpecification.ContainerEntrypoint",
        "is required here: the image's own entry point cannot run without the image",
    )


def _training(arguments: Mapping[str, Any]) -> tuple[str, str] | None:
    hyperparameters = arguments.get("HyperParameters") or {}
    environment = arguments.get("Environment") or {}
    algorithm = arguments.get("AlgorithmSpecification") or {}
    if algorithm.get("ContainerEntrypoint") or function_of(hyperparameters) is not None:
        return None
    for name in (_PROGRAM, _DIRECTORY):
        if name not in hyperparameters and name.upper() not in environment:
            return (
                f"Arguments.HyperParameters.{name}",
                "is required here: the image's own training program cannot run without the image; "
                f"give {_PROGRAM} and {_DIRECTORY}, or AlgorithmSpecification.ContainerEntrypoint",
            )
    return None


def way_out(step: str) -> str:
    """What to type so that the run goes on without the step."""
    return f"; or give its result: --stand-in {step}=FILE.json (its Describe answer)"


def _check(step: Step, report: Report) -> None:
    """Nothing of the step itself is used."""


def _check_reference(step: Step, reference: Reference) -> str | None:
    """Every part of the step that others use must be in its stand-in."""
    if step.stand_in is None:
        return None
    if reference.path[:1] == ("PropertyFiles",):
        output = step.property_files[str(reference.path[1])].output
        wanted = f"ProcessingOutputConfig.Outputs['{output}'].S3Output.S3Uri"
        reference = parse_reference(f"Steps.{step.name}.{wanted}")
    try:
        follow(step.stand_in, reference)
    except EvaluationError as error:
        return f"the stand-in of step {step.name!r} lacks it: {error}"
    return None


def _run(attempt: Attempt) -> Done:
    given = attempt.step.stand_in or {}
    outputs = given.get("OutputParameters")
    named = outputs if isinstance(outputs, Mapping) else {}
    return Done(properties=given, output_parameters=named)


STOOD_IN = StepType(
    name="stand-in",
    check=_check,
    check_reference=_check_reference,
    resolve=lambda step, scope: {},
    run=_run,
    retryable=True,
)
"""What every step is that has a stand-in, or is still to get one."""
