"""Which model a call is for: by a model's id, or through a profile; and which needs it has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ratchet.local_cloud.bedrock.errors import invalid
from ratchet.local_cloud.bedrock.models import (
    ON_DEMAND,
    FoundationModel,
    SystemProfile,
    model_of,
    profile_of,
)
from ratchet.local_cloud.sagemaker.authorisation import Need
from ratchet.local_cloud.sagemaker.store import AccountScope

_INVALID = "The provided model identifier is invalid."


@dataclass(frozen=True, kw_only=True)
class ModelCall:
    """One request for a model's answer."""

    model: FoundationModel
    profile: SystemProfile | None = None


def call_of(scope: AccountScope, model_id: str) -> ModelCall:
    """The model behind a ``modelId``: a model's id or ARN, or a profile's.

    Raises ApiError (ValidationException) for one that is not listed, and for a model that is not
    called by its own id.
    """
    profile = profile_of(scope.region, model_id)
    if profile is not None:
        return ModelCall(model=profile.model, profile=profile)
    model = model_of(model_id)
    if model is None:
        raise invalid(_INVALID)
    if ON_DEMAND not in model.inference:
        raise invalid(
            f"Invocation of model ID {model.id} with on-demand throughput isn\u2019t supported. "
            "Retry your request with the ID or ARN of an inference profile that contains this "
            "model."
        )
    return ModelCall(model=model)


def resources(scope: AccountScope, model_id: str) -> list[str]:
    """ARNs of what a ``modelId`` stands for: of a profile itself and its model in every region.

    https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-prereq.html
    """
    profile = profile_of(scope.region, model_id)
    if profile is not None:
        return [profile.arn(scope), *profile.model_arns()]
    if model_id.startswith("arn:"):
        return [model_id]
    return [f"arn:aws:bedrock:{scope.region}::foundation-model/{model_id}"]


def invocation_needs(scope: AccountScope, model_id: str) -> Iterator[Need]:
    """What calling a model needs. A policy may allow the models only when the profile is used
    (condition ``bedrock:InferenceProfileArn``)."""
    profile = profile_of(scope.region, model_id)
    context = {"bedrock:InferenceProfileArn": profile.arn(scope)} if profile else {}
    for arn in resources(scope, model_id):
        yield Need("bedrock:InvokeModel", arn, context)
