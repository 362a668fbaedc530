"""The Lambda step: invokes a function and takes named values out of its answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ratchet.definition.document import type_name
from ratchet.runner import parameters
from ratchet.runner.definition import RunnableStep
from ratchet.runner.errors import LambdaFailed, StepFailed
from ratchet.runner.report import ProblemList
from ratchet.runner.step_types import declared_outputs
from ratchet.runner.step_types.contract import Attempt, Done, Runner


def _check(step: RunnableStep, report: ProblemList) -> None:
    if not isinstance(step.body.get("FunctionArn"), str):
        report.add(f"{step.place}.FunctionArn", "expected the ARN of a function")
    declared_outputs.check(step, report)


def _run(attempt: Attempt) -> Done:
    try:
        answer = attempt.services.invoke_lambda(
            attempt.step.body["FunctionArn"], dict(attempt.arguments)
        )
    except LambdaFailed as error:
        raise StepFailed(f"ClientError: Lambda function failed: {error}") from None
    outputs = _take(answer, attempt.step.output_parameters)
    return Done(
        properties={"OutputParameters": outputs, "Arn": attempt.step.body["FunctionArn"]},
        output_parameters=outputs,
    )


def _take(answer: Any, declared: Mapping[str, str]) -> dict[str, Any]:
    if not declared:
        return {}
    if not isinstance(answer, dict):
        raise StepFailed(
            f"ClientError: the Lambda function answered with a {type_name(answer)}; an object "
            f"with {', '.join(declared)} is expected"
        )
    outputs = {}
    for name, kind in declared.items():
        if name not in answer:
            shown = json.dumps(answer, ensure_ascii=False, default=str)[:200]
            raise StepFailed(
                f"ClientError: the Lambda function's answer has no {name!r}: it is {shown}"
            )
        try:
            outputs[name] = parameters.coerce(answer[name], kind)
        except ValueError as error:
            raise StepFailed(f"ClientError: output parameter {name!r}: {error}") from None
    return outputs


LAMBDA = Runner(name="Lambda", check=_check, run=_run)
