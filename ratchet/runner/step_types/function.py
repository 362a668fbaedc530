"""The Lambda step: invokes a function and takes named values out of its answer."""

from __future__ import annotations

import json
from typing import Any

from ratchet.runner import parameters
from ratchet.runner.definition import Step
from ratchet.runner.errors import LambdaFailed, StepFailed
from ratchet.runner.expressions import Reference, type_name
from ratchet.runner.report import Report
from ratchet.runner.step_types.contract import Attempt, Done, StepType


def _declared(step: Step) -> dict[str, str]:
    return {
        output["OutputName"]: output.get("OutputType", "String")
        for output in step.body.get("OutputParameters") or []
    }


def _check(step: Step, report: Report) -> None:
    if not isinstance(step.body.get("FunctionArn"), str):
        report.add(f"{step.place}.FunctionArn", "expected the ARN of a function")
    place = f"{step.place}.OutputParameters"
    for at, output in report.objects(step.body.get("OutputParameters") or [], place):
        report.require(output, at, "OutputName")
        if output.get("OutputType", "String") not in parameters.TYPES:
            expected = ", ".join(parameters.TYPES)
            report.add(f"{at}.OutputType", f"expected one of {expected}")


def _check_reference(step: Step, reference: Reference) -> str | None:
    outputs = _declared(step)
    if len(reference.path) != 2 or reference.path[0] != "OutputParameters":
        return "a Lambda step has OutputParameters['…'] only"
    if reference.path[1] not in outputs:
        return f"step {step.name!r} declares {', '.join(outputs) or 'no output parameters'}"
    return None


def _run(attempt: Attempt) -> Done:
    try:
        answer = attempt.services.invoke_lambda(
            attempt.step.body["FunctionArn"], dict(attempt.arguments)
        )
    except LambdaFailed as error:
        raise StepFailed(f"ClientError: Lambda function failed: {error}") from None
    outputs = _take(answer, _declared(attempt.step))
    return Done(
        properties={"OutputParameters": outputs, "Arn": attempt.step.body["FunctionArn"]},
        output_parameters=outputs,
    )


def _take(answer: Any, declared: dict[str, str]) -> dict[str, Any]:
    if not declared:
        return {}
    if not isinstance(answer, dict):
        raise StepFailed(
            f"ClientError: the Lambda function answered with a {type_name(answer)}; an object "
            f"with {', '.join(declared)} is expected"
        )
    taken = {}
    for name, kind in declared.items():
        if name not in answer:
            shown = json.dumps(answer, ensure_ascii=False, default=str)[:200]
            raise StepFailed(
                f"ClientError: the Lambda function's answer has no {name!r}: it is {shown}"
            )
        try:
            taken[name] = parameters.coerce(answer[name], kind)
        except ValueError as error:
            raise StepFailed(f"ClientError: output parameter {name!r}: {error}") from None
    return taken


LAMBDA = StepType(name="Lambda", check=_check, check_reference=_check_reference, run=_run)
