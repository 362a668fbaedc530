"""The foundation models and inference profiles that the local cloud lists (pure).

A fixture: real ids in the documented form, which stand for the cases that a program meets. It is
neither AWS's list nor up to date.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_FoundationModelSummary.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ratchet.local_cloud.sagemaker.store import AccountScope

TEXT, IMAGE, EMBEDDING = "TEXT", "IMAGE", "EMBEDDING"
ON_DEMAND, THROUGH_PROFILE = "ON_DEMAND", "INFERENCE_PROFILE"
ACTIVE = {"status": "ACTIVE"}

BEYOND_THE_SHAPES = frozenset({THROUGH_PROFILE, "Titan Text Embeddings V2"})
"""Values that AWS answers though botocore's shapes do not allow them: an inference type that is
not in the enum, and a name of more than 20 characters."""

_GEOGRAPHIES: Mapping[str, tuple[str, ...]] = {
    "us": ("us-east-1", "us-east-2", "us-west-2"),
    "eu": ("eu-central-1", "eu-north-1", "eu-west-1", "eu-west-3"),
    "apac": ("ap-northeast-1", "ap-southeast-1", "ap-southeast-2"),
}
"""Prefix of a system-defined profile → the regions that it sends requests to."""
_CREATED = 1735689600.0  # 2025-01-01


@dataclass(frozen=True, kw_only=True)
class FoundationModel:
    """One model, as every region has it."""

    id: str
    name: str
    provider: str
    inputs: tuple[str, ...] = (TEXT,)
    outputs: tuple[str, ...] = (TEXT,)
    customizations: tuple[str, ...] = ()
    inference: tuple[str, ...] = (ON_DEMAND,)
    geographies: tuple[str, ...] = ()
    """Prefixes of the profiles that have it."""
    lifecycle: Mapping[str, str] = field(default_factory=lambda: ACTIVE)
    subscribed: bool = True
    """Whether it may be used before anybody accepts an agreement."""
    counts_tokens: bool = False
    structured_output: bool = False
    """Whether Converse takes an ``outputConfig.textFormat``."""
    body: str | None = None
    """Whose body InvokeModel takes (see ``bodies``); None where only Converse is known."""

    def arn(self, region: str) -> str:
        return f"arn:aws:bedrock:{region}::foundation-model/{self.id}"

    def to_json(self, region: str) -> dict[str, Any]:
        """As ListFoundationModels and GetFoundationModel answer it."""
        return {
            "modelArn": self.arn(region),
            "modelId": self.id,
            "modelName": self.name,
            "providerName": self.provider,
            "inputModalities": list(self.inputs),
            "outputModalities": list(self.outputs),
            "responseStreamingSupported": TEXT in self.outputs,
            "customizationsSupported": list(self.customizations),
            "inferenceTypesSupported": list(self.inference),
            "modelLifecycle": dict(self.lifecycle),
        }


@dataclass(frozen=True, kw_only=True)
class SystemProfile:
    """A system-defined profile: one model in several regions."""

    id: str
    model: FoundationModel
    regions: tuple[str, ...]

    def arn(self, scope: AccountScope) -> str:
        return scope.of_service("bedrock", f"inference-profile/{self.id}")

    def model_arns(self) -> list[str]:
        return [self.model.arn(region) for region in self.regions]

    def to_json(self, scope: AccountScope) -> dict[str, Any]:
        """As ListInferenceProfiles and GetInferenceProfile answer it."""
        geography = self.id.partition(".")[0].upper()
        name = self.model.name.replace(".", "-")  # the shape allows no dot in a name
        return {
            "inferenceProfileName": f"{geography} {self.model.provider} {name}",
            "description": f"Routes requests to {self.model.name} in {' '.join(self.regions)}.",
            "createdAt": _CREATED,
            "updatedAt": _CREATED,
            "inferenceProfileArn": self.arn(scope),
            "models": [{"modelArn": arn} for arn in self.model_arns()],
            "inferenceProfileId": self.id,
            "status": "ACTIVE",
            "type": "SYSTEM_DEFINED",
        }


MODELS = (
    FoundationModel(
        id="amazon.nova-micro-v1:0",
        name="Nova Micro",
        provider="Amazon",
        customizations=("FINE_TUNING",),
        geographies=("us", "eu", "apac"),
        body="nova",
    ),
    FoundationModel(
        id="amazon.nova-lite-v1:0",
        name="Nova Lite",
        provider="Amazon",
        inputs=(TEXT, IMAGE),
        geographies=("us", "eu", "apac"),
        body="nova",
    ),
    FoundationModel(
        id="amazon.titan-embed-text-v2:0",
        name="Titan Text Embeddings V2",
        provider="Amazon",
        outputs=(EMBEDDING,),
        body="titan-embed",
    ),
    FoundationModel(
        id="anthropic.claude-3-haiku-20240307-v1:0",
        name="Claude 3 Haiku",
        provider="Anthropic",
        inputs=(TEXT, IMAGE),
        geographies=("us", "eu"),
        lifecycle={
            "status": "LEGACY",
            "startOfLifeTime": "2024-03-13T00:00:00Z",
            "legacyTime": "2026-10-01T00:00:00Z",
            "endOfLifeTime": "2027-10-01T00:00:00Z",
        },
        counts_tokens=True,
        body="anthropic",
    ),
    FoundationModel(
        id="anthropic.claude-haiku-4-5-20251001-v1:0",
        name="Claude Haiku 4.5",
        provider="Anthropic",
        inputs=(TEXT, IMAGE),
        inference=(THROUGH_PROFILE,),
        geographies=("us", "eu"),
        counts_tokens=True,
        structured_output=True,
        body="anthropic",
    ),
    FoundationModel(
        id="anthropic.claude-sonnet-4-5-20250929-v1:0",
        name="Claude Sonnet 4.5",
        provider="Anthropic",
        inputs=(TEXT, IMAGE),
        inference=(THROUGH_PROFILE,),
        geographies=("us", "eu"),
        subscribed=False,
        counts_tokens=True,
        structured_output=True,
        body="anthropic",
    ),
    FoundationModel(
        id="cohere.embed-english-v3",
        name="Embed English",
        provider="Cohere",
        outputs=(EMBEDDING,),
        body="cohere-embed",
    ),
    FoundationModel(
        id="meta.llama3-3-70b-instruct-v1:0",
        name="Llama 3.3 70B",
        provider="Meta",
        inference=(THROUGH_PROFILE,),
        geographies=("us",),
    ),
    FoundationModel(
        id="mistral.mistral-large-2402-v1:0",
        name="Mistral Large",
        provider="Mistral AI",
        subscribed=False,
    ),
    FoundationModel(
        id="qwen.qwen3-32b-v1:0",
        name="Qwen3 32B",
        provider="Qwen",
        structured_output=True,
        body="openai",
    ),
)

_BY_ID = {model.id: model for model in MODELS}


def model_of(model_id: str) -> FoundationModel | None:
    """A model by its id or ARN."""
    return _BY_ID.get(model_id.partition(":foundation-model/")[2] or model_id)


def profiles(region: str) -> list[SystemProfile]:
    """The system-defined profiles that a region can call: those of its own geography."""
    return [
        SystemProfile(id=f"{geography}.{model.id}", model=model, regions=regions)
        for geography, regions in _GEOGRAPHIES.items()
        if region in regions
        for model in MODELS
        if geography in model.geographies
    ]


def profile_of(region: str, profile_id: str) -> SystemProfile | None:
    """A profile by its id or ARN."""
    name = profile_id.partition(":inference-profile/")[2] or profile_id
    return next((profile for profile in profiles(region) if profile.id == name), None)
