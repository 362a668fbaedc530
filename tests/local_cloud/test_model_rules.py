"""The rules of foundation models on the local cloud, without a server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ratchet.costs import bundled_prices
from ratchet.costs.rows import HOSTING
from ratchet.local_cloud.bedrock import calls, converse, jobs, models, records
from ratchet.local_cloud.bedrock.tokens import tokens_of_converse, tokens_of_text
from ratchet.local_cloud.sagemaker.errors import ApiError
from ratchet.local_cloud.sagemaker.hub import documents
from ratchet.local_cloud.sagemaker.hub.scripts import words
from ratchet.local_cloud.sagemaker.store import AccountScope
from ratchet.local_cloud.sagemaker.switches import Switches

HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("a", 1),
        ("abc", 1),
        ("abcd", 2),
        ("late late", 4),
        ("2013", 4),
        ("12.5", 4),
        ("B6,JFK", 4),
        ("ü", 2),
        ("日", 3),
        ("a  \n b", 2),
    ],
)
def test_tokens_are_estimated_by_letters_digits_and_signs(text: str, tokens: int) -> None:
    assert tokens_of_text(text) == tokens


def test_messages_and_system_texts_count_with_eight_each() -> None:
    request = {
        "system": [{"text": "abc"}],
        "messages": [
            {"role": "user", "content": [{"text": "abc"}, {"text": "abc"}]},
            {"role": "assistant", "content": [{"text": "abc"}]},
        ],
    }
    assert tokens_of_converse(request) == 4 + 3 * 8


@pytest.mark.parametrize(
    ("table", "name"),
    [
        ("", "a.b-v1:0"),
        ("qwen3:8b", "qwen3:8b"),
        ("a.b-v1:0=llama3:1b, c=d", "llama3:1b"),
        ("c=d", "a.b-v1:0"),
        ("c=d,*=other", "other"),
    ],
)
def test_a_models_name_at_the_server(table: str, name: str) -> None:
    assert Switches(bedrock_model=table).server_model("a.b-v1:0") == name


@pytest.mark.parametrize("url", ["127.0.0.1:11434/v1", "file:///etc/passwd", "ollama"])
def test_an_address_that_is_none_is_refused_where_it_is_set(url: str) -> None:
    with pytest.raises(ValueError, match="RATCHET_BEDROCK_URL is"):
        Switches.of({"RATCHET_BEDROCK_URL": url})
    switches = Switches()
    with pytest.raises(ValueError, match="expected an address"):
        switches.change({"bedrock_model": "x", "bedrock_url": url})
    assert switches == Switches()


@pytest.mark.parametrize(
    ("settings", "fits"),
    [
        ({"bedrock_url": "http://127.0.0.1:1/v1"}, True),
        ({"bedrock_model": ""}, True),
        ({"bedrock_timeout_seconds": 3}, True),
        ({"bedrock_timeout_seconds": 0}, False),
        ({"bedrock_timeout_seconds": "3"}, False),
        ({"bedrock_url": 3}, False),
        ({"bedrock_url": None}, False),
        ({"monitoring_closed": 1}, False),
        ({"monitoring_closed": True}, True),
        ({"time_scale": True}, False),
    ],
)
def test_a_setting_is_of_its_own_type(settings: dict[str, Any], *, fits: bool) -> None:
    if fits:
        Switches().change(settings)
        return
    with pytest.raises(ValueError, match="settings are"):
        Switches().change(settings)


@pytest.mark.parametrize(
    ("region", "prefix"),
    [("us-west-2", "us"), ("eu-west-1", "eu"), ("ap-southeast-2", "apac"), ("sa-east-1", None)],
)
def test_profiles_are_those_of_the_regions_geography(region: str, prefix: str | None) -> None:
    prefixes = {profile.id.partition(".")[0] for profile in models.profiles(region)}
    assert prefixes == ({prefix} if prefix else set())


def test_a_profile_stands_for_itself_and_its_model_in_each_region() -> None:
    scope = AccountScope(account="000000000000", region="eu-west-1")
    needs = list(calls.invocation_needs(scope, f"eu.{HAIKU}"))
    profile = f"arn:aws:bedrock:eu-west-1:000000000000:inference-profile/eu.{HAIKU}"
    regions = ("eu-central-1", "eu-north-1", "eu-west-1", "eu-west-3")
    assert [need.resource for need in needs] == [
        profile,
        *(f"arn:aws:bedrock:{region}::foundation-model/{HAIKU}" for region in regions),
    ]
    assert {need.action for need in needs} == {"bedrock:InvokeModel"}
    assert all(need.context == {"bedrock:InferenceProfileArn": profile} for need in needs)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {}},
        {"type": "object", "additionalProperties": True},
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {"a": {"type": "array", "items": {"type": "object"}}},
        },
    ],
)
def test_every_object_of_a_schema_is_closed(schema: dict[str, Any]) -> None:
    structure = {"jsonSchema": {"schema": json.dumps(schema)}}
    request = {
        "messages": [{"role": "user", "content": [{"text": "a"}]}],
        "outputConfig": {"textFormat": {"type": "json_schema", "structure": structure}},
    }
    with pytest.raises(ApiError, match="additionalProperties"):
        converse.chat_request(request, name="m")


def answered(**changes: Any) -> dict[str, Any]:
    return {
        "choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1},
        **changes,
    }


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"choices": []}, "choices.0"),
        ({"choices": [{"message": {"content": "a"}}]}, "finish_reason"),
        ({"choices": [{"message": {}, "finish_reason": "tool_calls"}]}, "finish_reason"),
        ({"usage": None}, "usage.prompt_tokens"),
        ({"usage": {"prompt_tokens": 3}}, "usage.completion_tokens"),
        ({"usage": {"prompt_tokens": "3", "completion_tokens": 1}}, "usage.prompt_tokens"),
        ({"usage": {"prompt_tokens": True, "completion_tokens": 1}}, "usage.prompt_tokens"),
    ],
)
def test_an_answer_without_a_part_is_none(changes: dict[str, Any], missing: str) -> None:
    with pytest.raises(ApiError, match=missing.replace(".", r"\.")) as caught:
        converse.answer_of(answered(**changes), milliseconds=1, model_id="m")
    assert (caught.value.code, caught.value.status) == ("ModelErrorException", 424)


def test_an_empty_text_is_an_answer_without_content() -> None:
    chat = answered(choices=[{"message": {"content": ""}, "finish_reason": "length"}])
    answer = converse.answer_of(chat, milliseconds=1, model_id="m")
    assert answer["output"]["message"]["content"] == []
    assert answer["stopReason"] == "max_tokens"


@pytest.mark.parametrize(("count", "fits"), [(99, False), (100, True), (50_000, True)])
def test_a_batch_has_at_least_a_hundred_records(count: int, *, fits: bool) -> None:
    if fits:
        records.check_count(count)
        return
    with pytest.raises(records.UnfitInputError, match="fewer than the required minimum of 100"):
        records.check_count(count)


def test_a_batch_has_at_most_fifty_thousand_records() -> None:
    with pytest.raises(records.UnfitInputError, match="more than the maximum of 50000"):
        records.check_count(50_001)


@pytest.mark.parametrize(
    ("before", "after", "status"),
    [
        ("Submitted", "Validating", "Validating"),
        ("Stopping", "Validating", None),
        ("Stopping", "InProgress", None),
        ("Stopping", "Stopped", "Stopped"),
        ("Stopping", "Failed", "Failed"),
    ],
)
def test_a_job_that_is_being_stopped_does_not_go_on(
    before: str, after: str, status: str | None
) -> None:
    changes = jobs.allowed({"status": before}, {"status": after, "totalRecordCount": 1})
    assert (changes.get("status"), changes["totalRecordCount"]) == (status, 1)


def test_the_default_instances_of_the_hub_have_an_hourly_price() -> None:
    for model in documents.MODELS:
        price = bundled_prices.price("us-east-1", HOSTING, model.instances[0])
        assert price is not None, model.name


@pytest.mark.parametrize(
    ("text", "label"),
    [("Broken again", "LABEL_1"), ("in time", "LABEL_0"), ("unbroken", "LABEL_0")],
)
def test_the_stand_in_for_a_classifier_follows_its_rule(text: str, label: str) -> None:
    texts = words.input_fn(json.dumps({"inputs": text}), "application/json")
    assert words.predict_fn(texts, words.model_fn("")) == [{"label": label, "score": 0.9}]
