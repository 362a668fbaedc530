"""Models as Bedrock lists them, in the form of ListFoundationModels and ListInferenceProfiles, for
the prices of tests/unit/costs/token_products.py."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.stub import Stubber

from ratchet.candidates import bedrock_models
from ratchet.candidates.bedrock_models import BedrockModel

GEOGRAPHY = ("us-east-1", "us-east-2", "us-west-2")


def summary(
    model_id: str,
    name: str,
    provider: str,
    *,
    output: str = "TEXT",
    inference: tuple[str, ...] = ("ON_DEMAND",),
    **lifecycle: Any,
) -> dict[str, Any]:
    return {
        "modelArn": f"arn:aws:bedrock:us-east-1::foundation-model/{model_id}",
        "modelId": model_id,
        "modelName": name,
        "providerName": provider,
        "inputModalities": ["TEXT"],
        "outputModalities": [output],
        "responseStreamingSupported": True,
        "customizationsSupported": [],
        "inferenceTypesSupported": list(inference),
        "modelLifecycle": {"status": "ACTIVE", **lifecycle},
    }


def profile(
    profile_id: str, *regions: str, kind: str = "SYSTEM_DEFINED", model: str = ""
) -> dict[str, Any]:
    """A profile of the model that its id names behind the first point."""
    model_id = model or profile_id.partition(".")[2]
    scope = "application-inference-profile" if kind == "APPLICATION" else "inference-profile"
    return {
        "inferenceProfileName": profile_id.replace(".", " ").replace(":", " "),
        "inferenceProfileArn": f"arn:aws:bedrock:us-east-1:123456789012:{scope}/{profile_id}",
        "models": [
            {"modelArn": f"arn:aws:bedrock:{region}::foundation-model/{model_id}"}
            for region in regions
        ],
        "inferenceProfileId": profile_id,
        "status": "ACTIVE",
        "type": kind,
    }


THROUGH_PROFILE = ("INFERENCE_PROFILE",)
SUMMARIES = [
    summary("amazon.nova-micro-v1:0", "Nova Micro", "Amazon"),
    summary("amazon.nova-lite-v1:0", "Nova Lite", "Amazon"),
    summary("amazon.nova-lite-v1:0:24k", "Nova Lite", "Amazon", inference=("PROVISIONED",)),
    summary("amazon.nova-pro-v1:0", "Nova Pro", "Amazon"),
    summary("amazon.nova-2-lite-v1:0", "Nova 2 Lite", "Amazon", inference=THROUGH_PROFILE),
    summary("amazon.nova-canvas-v1:0", "Nova Canvas", "Amazon", output="IMAGE"),
    summary(
        "amazon.titan-embed-text-v2:0", "Titan Text Embeddings V2", "Amazon", output="EMBEDDING"
    ),
    summary(
        "anthropic.claude-3-haiku-20240307-v1:0",
        "Claude 3 Haiku",
        "Anthropic",
        status="LEGACY",
        endOfLifeTime=datetime(2027, 3, 1, tzinfo=UTC),
    ),
    summary("anthropic.claude-3-5-sonnet-20240620-v1:0", "Claude 3.5 Sonnet", "Anthropic"),
    summary("anthropic.claude-3-5-sonnet-20241022-v2:0", "Claude 3.5 Sonnet v2", "Anthropic"),
    summary(
        "anthropic.claude-haiku-4-5-20251001-v1:0",
        "Claude Haiku 4.5",
        "Anthropic",
        inference=THROUGH_PROFILE,
    ),
    summary(
        "anthropic.claude-sonnet-4-20250514-v1:0",
        "Claude Sonnet 4",
        "Anthropic",
        inference=THROUGH_PROFILE,
    ),
    summary(
        "anthropic.claude-sonnet-4-6", "Claude Sonnet 4.6", "Anthropic", inference=THROUGH_PROFILE
    ),
    summary("anthropic.claude-opus-4-7", "Claude Opus 4.7", "Anthropic", inference=THROUGH_PROFILE),
    summary("meta.llama3-3-70b-instruct-v1:0", "Llama 3.3 70B Instruct", "Meta"),
    summary("meta.llama3-2-1b-instruct-v1:0", "Llama 3.2 1B Instruct", "Meta"),
    summary("meta.llama3-1-8b-instruct-v1:0", "Llama 3.1 8B Instruct", "Meta"),
    summary("mistral.mistral-large-3-675b-instruct", "Mistral Large 3", "Mistral AI"),
    summary("mistral.mistral-large-2407-v1:0", "Mistral Large (24.07)", "Mistral AI"),
    summary("mistral.mistral-small-2402-v1:0", "Mistral Small (24.02)", "Mistral AI"),
    summary("deepseek.v3.2", "DeepSeek V3.2", "DeepSeek"),
    summary("openai.gpt-oss-20b-1:0", "gpt-oss-20b", "OpenAI"),
    summary("moonshotai.kimi-k3", "Kimi K3", "Moonshot AI"),
    summary("xai.grok-4.6", "Grok 4.6", "xAI"),
    summary("cohere.command-r-plus-v1:0", "Command R+", "Cohere"),
    summary("ai21.jamba-1-5-mini-v1:0", "Jamba 1.5 Mini", "AI21 Labs"),
]

PROFILES = [
    profile("us.amazon.nova-micro-v1:0", *GEOGRAPHY),
    profile("us.amazon.nova-lite-v1:0", *GEOGRAPHY),
    profile("us.amazon.nova-2-lite-v1:0", *GEOGRAPHY),
    profile("global.amazon.nova-2-lite-v1:0", "us-east-1", ""),
    profile("us.anthropic.claude-haiku-4-5-20251001-v1:0", *GEOGRAPHY),
    profile("us.anthropic.claude-sonnet-4-20250514-v1:0", *GEOGRAPHY),
    profile("global.anthropic.claude-sonnet-4-20250514-v1:0", "us-east-1", ""),
    profile("us.anthropic.claude-sonnet-4-6", *GEOGRAPHY),
    profile("global.anthropic.claude-sonnet-4-6", "us-east-1"),  # its name says more than its ARNs
    profile("us.anthropic.claude-opus-4-7", *GEOGRAPHY),
    profile("global.anthropic.claude-opus-4-7", ""),
    profile(
        "team-haiku",
        "us-east-1",
        kind="APPLICATION",
        model="anthropic.claude-3-haiku-20240307-v1:0",
    ),
]


def models() -> list[BedrockModel]:
    """Read by way of a client whose answers are held against botocore's shapes."""
    client = boto3.client(
        "bedrock", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    with Stubber(client) as stubber:
        answer(stubber)
        return bedrock_models.listed(client)


def answer(stubber: Stubber) -> None:
    """The two answers that a list of models is read from."""
    stubber.add_response("list_foundation_models", {"modelSummaries": SUMMARIES}, {})
    half = len(PROFILES) // 2
    first = {"inferenceProfileSummaries": PROFILES[:half], "nextToken": "more"}
    stubber.add_response("list_inference_profiles", first, {})
    second = {"inferenceProfileSummaries": PROFILES[half:]}
    stubber.add_response("list_inference_profiles", second, {"nextToken": "more"})
