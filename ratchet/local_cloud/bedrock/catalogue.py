"""The operations of bedrock that list models and profiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ratchet.local_cloud.bedrock.errors import not_found
from ratchet.local_cloud.bedrock.models import (
    MODELS,
    FoundationModel,
    model_of,
    profile_of,
    profiles,
)
from ratchet.local_cloud.billing.pages import page
from ratchet.local_cloud.sagemaker.store import AccountScope

_PAGE = 1000
_FILTERS: Mapping[str, Callable[[FoundationModel, str], bool]] = {
    "byProvider": lambda model, value: model.provider.lower() == value.lower(),
    "byOutputModality": lambda model, value: value in model.outputs,
    "byInferenceType": lambda model, value: value in model.inference,
    "byCustomizationType": lambda model, value: value in model.customizations,
}


def list_models(scope: AccountScope, request: Mapping[str, Any]) -> dict[str, Any]:
    """ListFoundationModels: all in one answer, as on AWS."""
    chosen = [
        model
        for model in MODELS
        if all(fits(model, request[name]) for name, fits in _FILTERS.items() if name in request)
    ]
    return {"modelSummaries": [model.to_json(scope.region) for model in chosen]}


def get_model(scope: AccountScope, request: Mapping[str, Any]) -> dict[str, Any]:
    """GetFoundationModel."""
    model = model_of(request["modelIdentifier"])
    if model is None:
        raise not_found("Could not resolve the foundation model from the provided identifier.")
    return {"modelDetails": model.to_json(scope.region)}


def list_profiles(scope: AccountScope, request: Mapping[str, Any]) -> dict[str, Any]:
    """ListInferenceProfiles: there are none but the system's."""
    system = request.get("typeEquals") != "APPLICATION"
    listed = profiles(scope.region) if system else []
    size = request.get("maxResults", _PAGE)
    chosen, token = page(listed, request.get("nextToken"), size)
    summaries = [profile.to_json(scope) for profile in chosen]
    return {"inferenceProfileSummaries": summaries, "nextToken": token}


def get_profile(scope: AccountScope, request: Mapping[str, Any]) -> dict[str, Any]:
    """GetInferenceProfile."""
    profile = profile_of(scope.region, request["inferenceProfileIdentifier"])
    if profile is None:
        raise not_found("The provided inference profile identifier is not found.")
    return profile.to_json(scope)
