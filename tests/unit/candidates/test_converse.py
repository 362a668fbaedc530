"""What Bedrock is asked, held against botocore's shapes, and what its answers and errors mean."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from botocore.validate import ParamValidator

from ratchet.candidates.budget import Usage
from ratchet.candidates.converse import SCHEMA, SYSTEM, TEMPERATURE, Conversation, tag_text
from ratchet.candidates.failures import Failures
from ratchet.candidates.prompts import RowQuestion
from ratchet.candidates.replies import (
    BusyModelError,
    RefusedTrialError,
    UnansweredRowError,
    VoidTrialError,
)

QUESTION = RowQuestion(problem="binary", label="late", classes=("0", "1"))
MODEL = "amazon.nova-lite-v1:0"


class Runtime:
    """Answers in place of Bedrock, and holds each request against botocore's model."""

    def __init__(self, answer: Callable[[dict[str, Any]], Any]) -> None:
        self._answer = answer
        self._model = boto3.client("bedrock-runtime", region_name="us-east-1").meta.service_model
        self.requests: list[dict[str, Any]] = []

    def converse(self, **request: Any) -> Any:
        return self._asked("Converse", request)

    def count_tokens(self, **request: Any) -> Any:
        return self._asked("CountTokens", request)

    def _asked(self, operation: str, request: dict[str, Any]) -> Any:
        shape = self._model.operation_model(operation).input_shape
        problems = ParamValidator().validate(request, shape)
        assert not problems.has_errors(), problems.generate_report()
        self.requests.append(request)
        result = self._answer(request)
        if isinstance(result, Exception):
            raise result
        return result


def refused(code: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Converse")


def answer(text: str, **more: Any) -> dict[str, Any]:
    return {
        "output": {"message": {"role": "assistant", "content": [{"text": text}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 160, "outputTokens": 12, "totalTokens": 172},
        "metrics": {"latencyMs": 321},
        **more,
    }


def _always(result: object) -> Callable[[dict[str, Any]], Any]:
    return lambda _: result


def conversation(runtime: Runtime, *, local: bool = False) -> Conversation:
    return Conversation(
        runtime=runtime,
        model_id=f"us.{MODEL}",
        counted_as=MODEL,
        question=QUESTION,
        max_tokens=100,
        tags={"project": "flights", "trial": "20261128-x"},
        failures=Failures(seconds=60, hint="Run: ratchet candidates list", local=local),
    )


def test_a_row_is_asked_with_a_schema_words_and_tags() -> None:
    runtime = Runtime(lambda _: answer('{"probability": 0.5}'))
    reply = conversation(runtime).ask("Is it late?")
    assert reply.content == '{"probability": 0.5}'
    assert reply.usage == Usage(input_tokens=160, output_tokens=12)
    assert reply.latency_ms == 321
    (request,) = runtime.requests
    assert request["messages"] == [{"role": "user", "content": [{"text": "Is it late?"}]}]
    assert '"probability"' in request["system"][0]["text"]
    assert request["requestMetadata"] == {"project": "flights", "trial": "20261128-x"}
    schema = request["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"]
    assert json.loads(schema)["required"] == ["probability"]
    assert request["inferenceConfig"] == {"maxTokens": 100, "temperature": 0.0}


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        (SCHEMA, "This model doesn't support the outputConfig.textFormat field"),
        (SCHEMA, "Structured output is not available for this model"),
        (SYSTEM, "This model doesn't support system messages. Try again with another model"),
        (TEMPERATURE, "`temperature` is deprecated for this model"),
    ],
)
def test_what_a_model_does_not_take_is_left_away_from_then_on(feature: str, message: str) -> None:
    def reply(request: dict[str, Any]) -> Any:
        has = {
            SCHEMA: "outputConfig" in request,
            SYSTEM: "system" in request,
            TEMPERATURE: "temperature" in request["inferenceConfig"],
        }
        return refused("ValidationException", message) if has[feature] else answer("0.5")

    runtime = Runtime(reply)
    asked = conversation(runtime)
    asked.ask("row 1")
    asked.ask("row 2")
    assert asked.without == {feature}
    assert len(runtime.requests) == 3
    sent = json.dumps(runtime.requests[-1])
    assert sent.count("probability") >= 1  # the words stay whatever goes


def test_a_model_that_takes_none_of_them_is_asked_in_one_message() -> None:
    def reply(request: dict[str, Any]) -> Any:
        for member, message in (("outputConfig", "no textFormat"), ("system", "no system prompt")):
            if member in request:
                return refused("ValidationException", message)
        return answer("0.5")

    runtime = Runtime(reply)
    conversation(runtime).ask("the row")
    text = runtime.requests[-1]["messages"][0]["content"][0]["text"]
    assert text.startswith("the row\n\nAnswer with one JSON object")


@pytest.mark.parametrize(
    ("problem", "kind"),
    [
        (refused("ThrottlingException", "Too many requests"), BusyModelError),
        (refused("ServiceUnavailableException"), BusyModelError),
        (refused("ModelNotReadyException"), BusyModelError),
        (refused("InternalServerException"), BusyModelError),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), BusyModelError),
        (ConnectTimeoutError(endpoint_url="http://127.0.0.1:1"), BusyModelError),
        (ReadTimeoutError(endpoint_url="http://127.0.0.1:1"), UnansweredRowError),
        (refused("ModelTimeoutException"), UnansweredRowError),
        (refused("ModelErrorException"), UnansweredRowError),
        (
            refused("ValidationException", "Input is too long for requested model"),
            UnansweredRowError,
        ),
        (refused("AccessDeniedException", "no access to the model"), RefusedTrialError),
        (refused("ResourceNotFoundException", "no such model"), RefusedTrialError),
        (
            refused("ValidationException", "on-demand isn't supported"),
            RefusedTrialError,
        ),
        (answer("[ministack mock] I am a language model"), VoidTrialError),
    ],
)
def test_each_way_of_not_answering_is_what_it_is(problem: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind) as raised:
        conversation(Runtime(lambda _: problem)).ask("the row")
    assert raised.type is kind
    assert str(raised.value)


def test_a_row_that_timed_out_may_be_billed_and_one_that_was_refused_is_not() -> None:
    for problem, billed in (
        (ReadTimeoutError(endpoint_url="x"), True),
        (refused("ValidationException", "Input is too long"), False),
    ):
        with pytest.raises(UnansweredRowError) as raised:
            conversation(Runtime(_always(problem))).ask("the row")
        assert raised.value.billed is billed


def test_a_refusal_ends_with_the_next_command() -> None:
    problem = refused("AccessDeniedException", "You don't have access to the model")
    with pytest.raises(RefusedTrialError) as raised:
        conversation(Runtime(lambda _: problem)).ask("the row")
    assert "You don't have access to the model" in str(raised.value)
    assert str(raised.value).endswith("Run: ratchet candidates list")


def test_a_server_that_is_not_there_does_not_come_back_on_the_local_cloud() -> None:
    problem = refused("ServiceUnavailableException", "no server")
    for local, attempts in ((True, 2), (False, None)):
        with pytest.raises(BusyModelError) as raised:
            conversation(Runtime(lambda _: problem), local=local).ask("the row")
        assert raised.value.attempts == attempts


def test_tokens_are_counted_for_the_request_as_it_would_be_sent() -> None:
    runtime = Runtime(lambda _: {"inputTokens": 171})
    assert conversation(runtime).count("the row") == 171
    assert set(runtime.requests[0]["input"]["converse"]) == {"messages", "system"}
    assert runtime.requests[0]["modelId"] == MODEL  # it takes no profile


def test_a_model_without_a_count_has_none() -> None:
    problem = refused("ValidationException", "The provided model doesn't support counting tokens")
    assert conversation(Runtime(lambda _: problem)).count("the row") is None


def test_an_answer_that_was_cut_off_says_so_and_reasoning_is_no_answer() -> None:
    content = [{"reasoningContent": {"reasoningText": {"text": "0.9?"}}}, {"text": "0.5"}]
    message = {"message": {"role": "assistant", "content": content}}
    runtime = Runtime(lambda _: answer("", output=message, stopReason="max_tokens"))
    reply = conversation(runtime).ask("the row")
    assert (reply.content, reply.cut_off) == ("0.5", True)


def test_a_tag_holds_what_request_metadata_may() -> None:
    assert tag_text("Müller's (team) a/b+c=1.0") == "M-ller-s -team- a/b+c=1.0"
    assert len(tag_text("x" * 999)) == 256
