"""Callback steps: the message, the answer, a failure, a stop."""

import threading
from typing import Any

import pytest

from ratchet.runner import StopSignal
from ratchet.runner.callbacks import CallbackResult
from tests.runner.workbench import Workbench, callback, compare, condition, definition, fail, get

LABEL = {"label": "String", "rows": "Integer"}


def answering(workbench: Workbench, **outputs: str) -> None:
    """Answers every message that says Executing."""

    def answer(message: dict[str, Any]) -> None:
        callbacks = workbench.services.callbacks
        callbacks.answer(message["token"], CallbackResult(outputs=outputs))

    workbench.services.on_message = answer


def test_a_callback_step_sends_its_token_and_arguments_and_takes_the_answer(
    workbench: Workbench,
) -> None:
    answering(workbench, label="done", rows="12")
    step = callback("review", LABEL, run=get("Execution.PipelineExecutionId"), rows=3)
    result = workbench.run(definition(step))
    assert result.status == "Succeeded", result.failure_reason
    ((queue, message),) = workbench.services.messages
    assert queue == "https://queues/review"
    assert message["arguments"] == {"run": "run1", "rows": 3}
    assert message["status"] == "Executing"
    assert message["pipelineExecutionArn"].endswith("/execution/run1")
    assert len(message["token"]) == 10
    assert result.step("review").output_parameters == {"label": "done", "rows": 12}


def test_the_outputs_of_a_callback_step_decide_a_condition(workbench: Workbench) -> None:
    answering(workbench, label="done", rows="12")
    rows = get("Steps.review.OutputParameters['rows']")
    gate = condition("gate", compare("GreaterThan", rows, 20), otherwise=[fail("halt", "too few")])
    result = workbench.run(definition(callback("review", LABEL), gate))
    assert result.failure_reason is not None
    assert "too few" in result.failure_reason


def test_a_failure_that_is_sent_fails_the_step_with_its_reason(workbench: Workbench) -> None:
    callbacks = workbench.services.callbacks

    def refuse(message: dict[str, Any]) -> None:
        callbacks.answer(message["token"], CallbackResult(failure="nobody is there"))

    workbench.services.on_message = refuse
    result = workbench.run(definition(callback("review", LABEL)))
    assert result.status == "Failed"
    assert result.step("review").failure_reason == "ClientError: nobody is there"


@pytest.mark.parametrize(
    ("outputs", "message"),
    [({"label": "x"}, "no 'rows'"), ({"label": "x", "rows": "many"}, "is no Integer")],
)
def test_an_answer_that_does_not_fit_fails_the_step(
    workbench: Workbench, outputs: dict[str, str], message: str
) -> None:
    answering(workbench, **outputs)
    result = workbench.run(definition(callback("review", LABEL)))
    assert message in str(result.step("review").failure_reason)


def test_a_stop_is_told_to_the_queue_and_waits_for_the_answer_to_that(workbench: Workbench) -> None:
    stop = StopSignal(grace_seconds=30)
    callbacks = workbench.services.callbacks

    def react(message: dict[str, Any]) -> None:
        if message["status"] == "Executing":
            threading.Thread(target=stop.request).start()
        else:
            callbacks.answer(message["token"], CallbackResult(failure="cleaned up"))

    workbench.services.on_message = react
    result = workbench.run(definition(callback("review", LABEL)), stop=stop)
    assert result.status == "Stopped"
    assert [message["status"] for _, message in workbench.services.messages] == [
        "Executing",
        "Stopping",
    ]


def test_after_the_run_nobody_waits_by_the_token(workbench: Workbench) -> None:
    answering(workbench, label="done", rows="12")
    workbench.run(definition(callback("review", LABEL)))
    token = workbench.services.messages[0][1]["token"]
    with pytest.raises(KeyError):
        workbench.services.callbacks.answer(token, CallbackResult())
