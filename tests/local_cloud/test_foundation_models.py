"""Foundation models on the local cloud, as boto3 sees them: listed, asked, refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_cloud.openai_stub import OpenAIStub
from tests.local_cloud.sagemaker_calls import RunningCloud

pytestmark = pytest.mark.cloud

QWEN, NOVA = "qwen.qwen3-32b-v1:0", "amazon.nova-micro-v1:0"
HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"
LARGE = "mistral.mistral-large-2402-v1:0"
SCHEMA = {
    "type": "object",
    "properties": {"late": {"type": "boolean"}},
    "required": ["late"],
    "additionalProperties": False,
}


def ask(cloud: RunningCloud, model: str = QWEN, text: str = "hello", **more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": [{"text": text}]}]
    answer: dict[str, Any] = cloud.client("bedrock-runtime").converse(
        modelId=model, messages=messages, **more
    )
    return answer


def refused(cloud: RunningCloud, **call: Any) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as caught:
        ask(cloud, **call)
    error = caught.value.response
    return (
        error["Error"]["Code"],
        error["ResponseMetadata"]["HTTPStatusCode"],
        error["Error"]["Message"],
    )


def test_the_filters_of_the_list_are_awss(cloud: RunningCloud) -> None:
    bedrock = cloud.client("bedrock")

    def ids(**filters: str) -> list[str]:
        listed = bedrock.list_foundation_models(**filters)["modelSummaries"]
        return [model["modelId"] for model in listed]

    assert len(ids()) == 10
    assert ids(byProvider="Meta") == ["meta.llama3-3-70b-instruct-v1:0"]
    assert ids(byOutputModality="EMBEDDING") == [
        "amazon.titan-embed-text-v2:0",
        "cohere.embed-english-v3",
    ]
    assert HAIKU not in ids(byInferenceType="ON_DEMAND")
    assert ids(byCustomizationType="FINE_TUNING") == [NOVA]


def test_a_profile_names_its_model_in_the_regions_of_the_clouds_geography(
    cloud: RunningCloud,
) -> None:
    bedrock = cloud.client("bedrock")
    profiles = bedrock.list_inference_profiles(typeEquals="SYSTEM_DEFINED")
    ids = [profile["inferenceProfileId"] for profile in profiles["inferenceProfileSummaries"]]
    assert f"us.{HAIKU}" in ids
    assert not [name for name in ids if name.startswith("eu.")]
    profile = bedrock.get_inference_profile(inferenceProfileIdentifier=f"us.{HAIKU}")
    assert [model["modelArn"] for model in profile["models"]] == [
        f"arn:aws:bedrock:{region}::foundation-model/{HAIKU}"
        for region in ("us-east-1", "us-east-2", "us-west-2")
    ]
    listed = bedrock.list_inference_profiles(typeEquals="APPLICATION")
    assert listed["inferenceProfileSummaries"] == []


def test_a_legacy_model_says_when_its_life_ends(cloud: RunningCloud) -> None:
    details = cloud.client("bedrock").get_foundation_model(
        modelIdentifier="anthropic.claude-3-haiku-20240307-v1:0"
    )["modelDetails"]
    assert details["modelLifecycle"]["status"] == "LEGACY"
    assert details["modelLifecycle"]["endOfLifeTime"].year == 2027


def test_the_server_answers_for_the_model(cloud: RunningCloud, stub: OpenAIStub) -> None:
    answer = ask(
        cloud,
        system=[{"text": "Be short."}],
        inferenceConfig={"maxTokens": 20, "temperature": 0.0, "stopSequences": ["."]},
        requestMetadata={"run": "1"},
    )
    assert answer["output"]["message"] == {
        "role": "assistant",
        "content": [{"text": "heard hello"}],
    }
    assert answer["stopReason"] == "end_turn"
    assert answer["usage"] == {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}
    assert answer["metrics"]["latencyMs"] >= 0
    assert stub.requests == [
        {
            "model": QWEN,
            "messages": [
                {"role": "system", "content": "Be short."},
                {"role": "user", "content": "hello"},
            ],
            "max_tokens": 20,
            "temperature": 0.0,
            "stop": ["."],
        }
    ]


def test_the_latency_is_that_of_the_server(cloud: RunningCloud, stub: OpenAIStub) -> None:
    stub.delay = 0.25
    assert ask(cloud)["metrics"]["latencyMs"] >= 250


def test_a_schema_goes_to_the_server(cloud: RunningCloud, stub: OpenAIStub) -> None:
    structure = {"jsonSchema": {"schema": json.dumps(SCHEMA), "name": "delay"}}
    text_format = {"type": "json_schema", "structure": structure}
    ask(cloud, outputConfig={"textFormat": text_format})
    assert stub.requests[0]["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "delay", "schema": SCHEMA, "strict": True},
    }
    code, _, message = refused(cloud, model=NOVA, outputConfig={"textFormat": text_format})
    assert (code, "doesn't support" in message) == ("ValidationException", True)
    open_schema = {"jsonSchema": {"schema": '{"type": "object"}'}}
    text_format["structure"] = open_schema
    code, _, message = refused(cloud, outputConfig={"textFormat": text_format})
    assert (code, "additionalProperties" in message) == ("ValidationException", True)


def test_models_have_the_servers_own_names_by_a_table(
    cloud: RunningCloud, stub: OpenAIStub
) -> None:
    cloud.admin("POST", "settings", {"bedrock_model": f"{NOVA}=tiny:1b,*=qwen3:8b"})
    ask(cloud, NOVA)
    ask(cloud, QWEN)
    cloud.admin("POST", "settings", {"bedrock_model": "one-for-all"})
    ask(cloud, QWEN)
    assert [request["model"] for request in stub.requests] == ["tiny:1b", "qwen3:8b", "one-for-all"]


def test_without_a_server_nothing_is_made_up(cloud: RunningCloud) -> None:
    code, status, message = refused(cloud)
    assert (code, status) == ("ValidationException", 400)
    assert "RATCHET_BEDROCK_URL=http://" in message


def test_a_dead_server_is_refused(cloud: RunningCloud, stub: OpenAIStub) -> None:
    ask(cloud)
    stub.die()
    code, status, message = refused(cloud)
    assert (code, status) == ("ServiceUnavailableException", 503)
    assert "does not answer" in message
    assert stub.url in message


def test_a_throttled_call_is_tried_again_by_boto3(cloud: RunningCloud, stub: OpenAIStub) -> None:
    stub.throttled = 1
    assert ask(cloud)["ResponseMetadata"]["RetryAttempts"] == 1
    stub.throttled = 9
    code, status, _ = refused(cloud)
    assert (code, status) == ("ThrottlingException", 429)


def test_the_faults_of_a_server_have_bedrocks_names(cloud: RunningCloud, stub: OpenAIStub) -> None:
    stub.failing = lambda prompt: "crash" in prompt
    assert refused(cloud, text="crash")[:2] == ("ModelErrorException", 424)
    stub.missing_model = QWEN
    code, _, message = refused(cloud)
    assert code == "ValidationException"
    assert "RATCHET_BEDROCK_MODEL" in message
    stub.missing_model = None
    cloud.admin("POST", "settings", {"bedrock_timeout_seconds": 0.1})
    stub.delay = 0.5
    assert refused(cloud)[:2] == ("ModelTimeoutException", 408)


def test_what_a_server_leaves_out_is_not_made_up(cloud: RunningCloud, stub: OpenAIStub) -> None:
    stub.usage = False
    code, status, message = refused(cloud)
    assert (code, status) == ("ModelErrorException", 424)
    assert "usage.prompt_tokens" in message
    stub.usage, stub.finish_reason = True, None
    assert "finish_reason" in refused(cloud)[2]
    stub.finish_reason = "length"
    assert ask(cloud)["stopReason"] == "max_tokens"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"model": "amazon.no-such-v1:0"}, "identifier is invalid"),
        ({"model": HAIKU}, "Retry your request with the ID or ARN of an inference profile"),
        ({"model": f"eu.{HAIKU}"}, "identifier is invalid"),
        ({"model": "amazon.titan-embed-text-v2:0"}, "supported text or chat model"),
        ({"text": " "}, "is blank"),
        ({"additionalModelRequestFields": {"top_k": 5}}, "additionalModelRequestFields"),
    ],
)
def test_what_aws_refuses_is_refused(
    cloud: RunningCloud, stub: OpenAIStub, call: dict[str, Any], message: str
) -> None:
    code, status, answer = refused(cloud, **call)
    assert (code, status) == ("ValidationException", 400)
    assert message in answer
    assert stub.requests == []


def test_a_profile_is_called_by_its_id_and_by_its_arn(
    cloud: RunningCloud, stub: OpenAIStub
) -> None:
    arn = f"arn:aws:bedrock:us-east-1:000000000000:inference-profile/us.{HAIKU}"
    assert ask(cloud, f"us.{HAIKU}")["stopReason"] == "end_turn"
    assert ask(cloud, arn)["stopReason"] == "end_turn"
    assert [request["model"] for request in stub.requests] == [HAIKU, HAIKU]


def test_a_model_is_refused_until_its_agreement_is_accepted(
    cloud: RunningCloud, stub: OpenAIStub
) -> None:
    bedrock = cloud.client("bedrock")

    def availability() -> tuple[str, str]:
        answer = bedrock.get_foundation_model_availability(modelId=LARGE)
        return answer["agreementAvailability"]["status"], answer["entitlementAvailability"]

    assert availability() == ("NOT_AVAILABLE", "NOT_AVAILABLE")
    assert refused(cloud, model=LARGE)[:2] == ("AccessDeniedException", 403)
    offer = bedrock.list_foundation_model_agreement_offers(modelId=LARGE)["offers"][0]
    with pytest.raises(ClientError, match="offerToken"):
        bedrock.create_foundation_model_agreement(modelId=LARGE, offerToken="mine")
    bedrock.create_foundation_model_agreement(modelId=LARGE, offerToken=offer["offerToken"])
    assert availability() == ("AVAILABLE", "AVAILABLE")
    assert ask(cloud, LARGE)["stopReason"] == "end_turn"
    bedrock.delete_foundation_model_agreement(modelId=LARGE)
    assert refused(cloud, model=LARGE)[0] == "AccessDeniedException"
    assert bedrock.list_foundation_model_agreement_offers(modelId=QWEN)["offers"] == []


def test_tokens_are_counted_for_the_models_own_id_only(cloud: RunningCloud) -> None:
    runtime = cloud.client("bedrock-runtime")
    request = {"converse": {"messages": [{"role": "user", "content": [{"text": "a b"}]}]}}
    assert runtime.count_tokens(modelId=HAIKU, input=request)["inputTokens"] == 10
    for model in (f"us.{HAIKU}", NOVA, "amazon.no-such-v1:0"):
        with pytest.raises(ClientError, match="doesn't support counting tokens"):
            runtime.count_tokens(modelId=model, input=request)


def test_ministacks_other_models_are_closed(cloud: RunningCloud) -> None:
    with pytest.raises(ClientError, match="has no bedrock-agent-runtime"):
        cloud.client("bedrock-agent-runtime").retrieve_and_generate(input={"text": "hello"})
    with pytest.raises(ClientError, match="does not implement bedrock-runtime:ConverseStream"):
        cloud.client("bedrock-runtime").converse_stream(
            modelId=QWEN, messages=[{"role": "user", "content": [{"text": "hello"}]}]
        )
