"""The foundation models of Bedrock in a region, and how each is called.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_ListFoundationModels.html
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_ListInferenceProfiles.html
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ratchet.candidates.results import EMBEDDING, TEXT
from ratchet.deployment.errors import DeploymentError
from ratchet.settings.candidates import ANY_REGION

if TYPE_CHECKING:
    from mypy_boto3_bedrock.client import BedrockClient

_ON_DEMAND, _LEGACY, _OWN_PROFILE = "ON_DEMAND", "LEGACY", "APPLICATION"
_WORLDWIDE = "global."
_KINDS = {"TEXT": TEXT, "EMBEDDING": EMBEDDING}
"""Output modality → kind. Models that answer with pictures or sound are no candidates."""
_ARN = re.compile(r"arn:[^:]+:bedrock:(?P<region>[^:]*)::foundation-model/(?P<model>.+)")


@dataclass(frozen=True, kw_only=True)
class InferenceProfile:
    """A name under which a model is called, in one of several regions."""

    id: str
    arn: str
    model_ids: frozenset[str]
    regions: frozenset[str]
    """Where a request may be answered; ANY_REGION in it: anywhere."""
    own: bool
    """Whether somebody made it in this account, for cost tags (APPLICATION)."""

    @property
    def caller_id(self) -> str:
        """What a request names: of one that the account has made, the ARN."""
        return self.arn if self.own else self.id

    @property
    def worldwide(self) -> bool:
        return ANY_REGION in self.regions


@dataclass(frozen=True, kw_only=True)
class BedrockModel:
    """One foundation model."""

    id: str
    arn: str
    name: str
    provider: str
    kind: str
    """TEXT or EMBEDDING."""
    legacy: bool
    end_of_life: datetime | None
    on_demand: bool
    """Whether it is called by its own id, in this region."""
    profiles: tuple[InferenceProfile, ...] = ()
    """Those that lead to it, the ones with the fewest regions first."""

    @property
    def callable(self) -> bool:
        """Whether it answers without provisioned throughput."""
        return self.on_demand or bool(self.profiles)

    def is_of(self, provider: str) -> bool:
        """Whether it is the provider's, by its name or by the beginning of the id; "" is all."""
        return provider.lower() in (self.provider.lower(), self.id.split(".")[0], "")

    def is_about(self, word: str) -> bool:
        """Whether its id or name has this in it."""
        return word.lower() in f"{self.id} {self.name}".lower()


@dataclass(frozen=True, kw_only=True)
class Route:
    """How the rows of a trial reach a model."""

    model_id: str
    """What the request names: the model, or a profile."""
    regions: tuple[str, ...]
    """Where a row may go, sorted."""
    profile: InferenceProfile | None = None
    """None: the model itself, in the environment's region."""

    def within(self, allowed: Collection[str]) -> bool:
        """Whether no row can leave the allowed regions."""
        return ANY_REGION in allowed or frozenset(self.regions) <= frozenset(allowed)


def listed(bedrock: BedrockClient) -> list[BedrockModel]:
    """The models that answer text with text or with a vector, sorted by provider and id.

    Raises:
        ClientError: Bedrock refuses.
    """
    summaries = bedrock.list_foundation_models()["modelSummaries"]
    pages = bedrock.get_paginator("list_inference_profiles").paginate()
    profiles = [
        _profile(summary) for page in pages for summary in page["inferenceProfileSummaries"]
    ]
    models = (_model(summary, profiles) for summary in summaries)
    return sorted(
        (each for each in models if each and each.callable),
        key=lambda model: (model.provider.lower(), model.id),
    )


def routes(model: BedrockModel, *, region: str) -> list[Route]:
    """Every way to the model: its own id first, then the profiles with the fewest regions."""
    own = [Route(model_id=model.id, regions=(region,))] if model.on_demand else []
    return own + [
        Route(model_id=each.caller_id, regions=tuple(sorted(each.regions)), profile=each)
        for each in model.profiles
    ]


def route(model: BedrockModel, *, region: str, allowed: Collection[str]) -> Route:
    """The first way on which rows stay within the allowed regions.

    Args:
        region: of the environment.
        allowed: as `CandidateSettings.allowed_regions`.

    Raises:
        DeploymentError: every way leads to a region that is not allowed.
    """
    ways = routes(model, region=region)
    for way in ways:
        if way.within(allowed):
            return way
    raise DeploymentError(_outside(model, ways[0], allowed))


def _outside(model: BedrockModel, way: Route, allowed: Collection[str]) -> str:
    """Why no way leads to the model, with the line to write."""
    through = f"the profile {way.model_id}" if way.profile else "its own id"
    where = "any region" if ANY_REGION in way.regions else ", ".join(way.regions)
    regions = [ANY_REGION] if ANY_REGION in way.regions else way.regions
    written = ", ".join(f'"{each}"' for each in regions)
    return (
        f"{model.id} is called through {through}, which may send rows to {where}; the settings "
        f"allow {', '.join(sorted(allowed))}. If rows may go there: [candidates] regions = "
        f"[{written}]"
    )


def _model(summary: Mapping[str, Any], profiles: Iterable[InferenceProfile]) -> BedrockModel | None:
    """None: it does not answer text with text or with a vector."""
    kinds = [_KINDS[each] for each in summary.get("outputModalities", []) if each in _KINDS]
    if not kinds or "TEXT" not in summary.get("inputModalities", []):
        return None
    lifecycle = summary.get("modelLifecycle", {})
    leading = [each for each in profiles if summary["modelId"] in each.model_ids]
    return BedrockModel(
        id=summary["modelId"],
        arn=summary["modelArn"],
        name=summary.get("modelName", ""),
        provider=summary.get("providerName", ""),
        kind=kinds[0],
        legacy=lifecycle.get("status") == _LEGACY,
        end_of_life=lifecycle.get("endOfLifeTime"),
        on_demand=_ON_DEMAND in summary.get("inferenceTypesSupported", []),
        profiles=tuple(sorted(leading, key=_width)),
    )


def _profile(summary: Mapping[str, Any]) -> InferenceProfile:
    arns = [_ARN.fullmatch(each.get("modelArn", "")) for each in summary["models"]]
    matches = [each for each in arns if each]
    regions = frozenset(each["region"] or ANY_REGION for each in matches)
    if summary["inferenceProfileId"].startswith(_WORLDWIDE):
        regions = frozenset({ANY_REGION})
    return InferenceProfile(
        id=summary["inferenceProfileId"],
        arn=summary["inferenceProfileArn"],
        model_ids=frozenset(each["model"] for each in matches),
        regions=regions,
        own=summary["type"] == _OWN_PROFILE,
    )


def _width(profile: InferenceProfile) -> tuple[bool, bool, int, str]:
    return profile.worldwide, profile.own, len(profile.regions), profile.id
