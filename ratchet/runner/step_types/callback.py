"""The Callback step: sends a message to a queue, and waits to be told how it ended.

Developer guide, "Callback Step". What the message holds is shown there by its consumer, which reads
`token`, `arguments` and `status`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ratchet.runner import parameters
from ratchet.runner.callbacks import WaitingStep
from ratchet.runner.definition import RunnableStep
from ratchet.runner.errors import StepFailed, StepStopped
from ratchet.runner.report import ProblemList
from ratchet.runner.step_types import declared_outputs
from ratchet.runner.step_types.contract import Attempt, Done, Runner

_LOOK_SECONDS = 0.2


def _check(step: RunnableStep, report: ProblemList) -> None:
    if not step.body.get("SqsQueueUrl"):
        report.add(f"{step.place}.SqsQueueUrl", "expected the URL of a queue")
    declared_outputs.check(step, report)


def _run(attempt: Attempt) -> Done:
    declared = attempt.step.output_parameters
    callbacks = attempt.services.callbacks
    waiting = callbacks.open(attempt.identity.execution_arn, outputs=frozenset(declared))
    try:
        _send(attempt, waiting, "Executing")
        attempt.progress(properties=_properties(attempt, waiting, {}))
        _wait(attempt, waiting)
    finally:
        callbacks.close(waiting)
    if attempt.stop.is_set():
        raise StepStopped(_properties(attempt, waiting, {}))
    if waiting.answer.failure is not None:
        raise StepFailed(
            f"ClientError: {waiting.answer.failure}",
            properties=_properties(attempt, waiting, {}),
        )
    outputs = _typed(waiting.answer.outputs, declared)
    return Done(properties=_properties(attempt, waiting, outputs), output_parameters=outputs)


def _wait(attempt: Attempt, waiting: WaitingStep) -> None:
    """Until the answer. A stop is told to the queue, and ends with the answer to that, as the
    guide says; the time for it is that of a process between SIGTERM and SIGKILL."""
    while not waiting.answered.wait(_LOOK_SECONDS):
        if attempt.stop.is_set():
            _send(attempt, waiting, "Stopping")
            waiting.answered.wait(attempt.stop.grace_seconds)
            return


def _send(attempt: Attempt, waiting: WaitingStep, status: str) -> None:
    body = {
        "token": waiting.token,
        "pipelineExecutionArn": attempt.identity.execution_arn,
        "arguments": attempt.arguments,
        "status": status,
    }
    attempt.services.send_message(attempt.step.body["SqsQueueUrl"], json.dumps(body))


def _typed(outputs: Mapping[str, str], declared: Mapping[str, str]) -> dict[str, Any]:
    typed: dict[str, Any] = {}
    for name, kind in declared.items():
        if name not in outputs:
            raise StepFailed(
                f"ClientError: the answer has no {name!r}; it has {', '.join(outputs) or 'nothing'}"
            )
        try:
            typed[name] = parameters.coerce(outputs[name], kind)
        except ValueError as error:
            raise StepFailed(f"ClientError: output parameter {name!r}: {error}") from None
    return typed


def _properties(
    attempt: Attempt, waiting: WaitingStep, outputs: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "CallbackToken": waiting.token,
        "SqsQueueUrl": attempt.step.body["SqsQueueUrl"],
        "OutputParameters": dict(outputs),
    }


CALLBACK = Runner(name="Callback", check=_check, run=_run)
