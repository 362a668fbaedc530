"""InvokeModel on the local cloud: the bodies of each provider, and embeddings."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_cloud.openai_stub import OpenAIStub, letters
from tests.local_cloud.sagemaker_calls import RunningCloud

pytestmark = pytest.mark.cloud

TITAN, COHERE = "amazon.titan-embed-text-v2:0", "cohere.embed-english-v3"
HAIKU, NOVA = "us.anthropic.claude-haiku-4-5-20251001-v1:0", "amazon.nova-micro-v1:0"
QWEN = "qwen.qwen3-32b-v1:0"


def invoke(
    cloud: RunningCloud, model: str, body: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """The answer's body and headers."""
    answer = cloud.client("bedrock-runtime").invoke_model(modelId=model, body=json.dumps(body))
    return json.loads(answer["body"].read()), answer["ResponseMetadata"]["HTTPHeaders"]


def test_titan_answers_a_vector_of_length_one(cloud: RunningCloud, stub: OpenAIStub) -> None:
    answer, headers = invoke(cloud, TITAN, {"inputText": "a late flight"})
    assert math.isclose(sum(value * value for value in answer["embedding"]), 1.0)
    assert answer["inputTextTokenCount"] == 3
    assert answer["embeddingsByType"]["float"] == answer["embedding"]
    assert headers["x-amzn-bedrock-input-token-count"] == "3"
    assert int(headers["x-amzn-bedrock-invocation-latency"]) >= 0
    raw, _ = invoke(cloud, TITAN, {"inputText": "abba", "normalize": False, "dimensions": 256})
    assert raw["embedding"] == letters("abba", 256)
    assert stub.requests[1]["dimensions"] == 256


def test_cohere_answers_a_vector_for_each_text(cloud: RunningCloud, stub: OpenAIStub) -> None:
    body = {"texts": ["abba", "late"], "input_type": "classification"}
    answer, headers = invoke(cloud, COHERE, body)
    assert answer["embeddings"] == [letters("abba", 16), letters("late", 16)]
    assert answer["response_type"] == "embeddings_floats"
    assert headers["x-amzn-bedrock-input-token-count"] == "2"
    typed, _ = invoke(cloud, COHERE, {**body, "embedding_types": ["float"]})
    assert typed["embeddings"] == {"float": answer["embeddings"]}
    assert stub.requests[0] == {"model": COHERE, "input": ["abba", "late"]}


def test_each_provider_has_its_own_words_for_a_text(cloud: RunningCloud, stub: OpenAIStub) -> None:
    claude = {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 9,
        "system": "Be short.",
        "messages": [{"role": "user", "content": "hello"}],
    }
    answer, headers = invoke(cloud, HAIKU, claude)
    assert answer["content"] == [{"type": "text", "text": "heard hello"}]
    assert answer["usage"] == {"input_tokens": 3, "output_tokens": 2}
    assert answer["stop_reason"] == "end_turn"
    assert headers["x-amzn-bedrock-output-token-count"] == "2"
    blocks = [{"type": "text", "text": "hello"}]
    claude["messages"] = [{"role": "user", "content": blocks}]
    assert invoke(cloud, HAIKU, claude)[0]["content"] == answer["content"]

    nova = {"messages": [{"role": "user", "content": [{"text": "hello"}]}]}
    answer, _ = invoke(cloud, NOVA, {**nova, "inferenceConfig": {"maxTokens": 9}})
    assert answer["output"]["message"]["content"] == [{"text": "heard hello"}]
    assert answer["usage"] == {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3}

    qwen = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 9}
    answer, _ = invoke(cloud, QWEN, qwen)
    assert answer["choices"][0]["message"]["content"] == "heard hello"
    assert [request["max_tokens"] for request in stub.requests] == [9, 9, 9, 9]


@pytest.mark.parametrize(
    ("model", "body", "message"),
    [
        (TITAN, {"inputText": ""}, "required key .inputText."),
        (TITAN, {"inputText": "a", "dimensions": 300}, "dimensions is not one of"),
        (TITAN, {"inputText": "a", "size": 3}, "extraneous key .size. is not permitted"),
        (TITAN, {"inputText": "a", "embeddingTypes": ["binary"]}, "embeddingTypes"),
        (COHERE, {"texts": ["a"]}, "input_type"),
        (COHERE, {"texts": ["a"] * 97, "input_type": "clustering"}, "maximum item count: 96"),
        (HAIKU, {"max_tokens": 5, "messages": []}, "anthropic_version: Field required"),
        (NOVA, {"messages": [{"role": "user", "content": "text"}]}, "messages"),
        ("us.meta.llama3-3-70b-instruct-v1:0", {"prompt": "a"}, "Call it by Converse"),
    ],
)
def test_a_body_that_does_not_fit_is_refused(
    cloud: RunningCloud, stub: OpenAIStub, model: str, body: dict[str, Any], message: str
) -> None:
    with pytest.raises(ClientError, match=message) as caught:
        invoke(cloud, model, body)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert stub.requests == []


def test_vectors_that_are_not_as_asked_are_no_answer(cloud: RunningCloud, stub: OpenAIStub) -> None:
    stub.usage = False
    with pytest.raises(ClientError, match=r"has no usage\.prompt_tokens"):
        invoke(cloud, TITAN, {"inputText": "a"})
    stub.usage, stub.vector_size = True, 16
    with pytest.raises(ClientError, match="16 dimensions; 256 were asked for"):
        invoke(cloud, TITAN, {"inputText": "a", "dimensions": 256})
    stub.vectors_left_out = 1
    with pytest.raises(ClientError, match="1 vectors for 2 texts"):
        invoke(cloud, COHERE, {"texts": ["a", "b"], "input_type": "clustering"})
