"""How Callback steps are told that they have succeeded or failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ratchet.local_cloud.sagemaker.errors import invalid, not_found
from ratchet.local_cloud.sagemaker.store import AccountScope
from ratchet.runner.callbacks import CallbackResult as CallbackAnswer
from ratchet.runner.callbacks import Callbacks

if TYPE_CHECKING:
    from ratchet.local_cloud.sagemaker.api import Answer, Api, Handler, Request

_NO_REASON = "the callback step was failed by SendPipelineExecutionStepFailure"


def operations(callbacks: Callbacks) -> dict[str, Handler]:
    """The two operations, over the steps that wait."""

    def answered(api: Api, scope: AccountScope, request: Request, answer: CallbackAnswer) -> Answer:
        token = request["CallbackToken"]
        key = f"callback/{token}/{request.get('ClientRequestToken', '')}"
        earlier = api.store.get(scope, "ClientToken", key)
        if earlier:
            return {"PipelineExecutionArn": earlier["Arn"]}
        try:
            _check_outputs(answer, callbacks.find(token).outputs)
            waiting = callbacks.answer(token, answer)
        except KeyError:
            raise not_found(
                f"No callback step waits by token {token}: it has been answered already, or its "
                "execution has ended."
            ) from None
        api.store.put(scope, "ClientToken", key, {"Arn": waiting.execution_arn})
        return {"PipelineExecutionArn": waiting.execution_arn}

    def success(api: Api, scope: AccountScope, request: Request) -> Answer:
        outputs = {item["Name"]: item["Value"] for item in request.get("OutputParameters", [])}
        return answered(api, scope, request, CallbackAnswer(outputs=outputs))

    def failure(api: Api, scope: AccountScope, request: Request) -> Answer:
        reason = request.get("FailureReason") or _NO_REASON
        return answered(api, scope, request, CallbackAnswer(failure=reason))

    return {
        "SendPipelineExecutionStepSuccess": success,
        "SendPipelineExecutionStepFailure": failure,
    }


def _check_outputs(answer: CallbackAnswer, declared: frozenset[str]) -> None:
    """The step goes on waiting when an answer does not fit."""
    if answer.failure is not None or set(answer.outputs) == declared:
        return
    expected, answered = (
        ", ".join(sorted(names)) or "none" for names in (declared, answer.outputs)
    )
    raise invalid(f"The callback step has the output parameters {expected}; given are {answered}.")
