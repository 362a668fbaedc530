"""From the ids that were typed to models that may be tried: way, access, regions and price."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from ratchet.candidates import access, bedrock_models
from ratchet.candidates.bedrock_models import BedrockModel, InferenceProfile, Route
from ratchet.candidates.plans import TriedModel
from ratchet.candidates.prices import TokenPrices
from ratchet.costs import price_list
from ratchet.costs.token_book import TokenBook
from ratchet.deployment.errors import DeploymentError, UnknownNameError, nearest
from ratchet.deployment.target.environment import Target
from ratchet.loop.facts import TrainingFacts


def tried_models(target: Target, deployed: TrainingFacts, ids: Sequence[str]) -> list[TriedModel]:
    """The models of these ids, each once, in their order.

    Raises:
        DeploymentError: there is none of an id, the account may not use it, or its rows would go to
            a region that the settings do not allow.
    """
    bedrock = target.client("bedrock")
    models = bedrock_models.listed(bedrock)
    chosen = {name: model_named(name, models) for name in dict.fromkeys(ids)}
    allowed = target.settings.candidates.allowed_regions(target.region)
    states = access.of_models(bedrock, [model.id for model in chosen.values()])
    prices = TokenPrices(
        TokenBook(
            s3=target.client("s3"),
            pricing=target.client("pricing", region=price_list.ENDPOINT_REGIONS[0]),
            bucket=deployed.artifacts_bucket,
            region=target.region,
            today=datetime.now(UTC).date(),
        ).listed,
        models,
    )
    tried = []
    for name, model in chosen.items():
        state = states[model.id]
        if state.state not in (access.YES, access.UNKNOWN):
            raise DeploymentError(
                f"{model.id}: this account may not use it ({state.state}). "
                f"`{target.command(f'candidates list {model.id}')}` says what to do about it"
            )
        route = route_of(name, model, region=target.region, allowed=allowed)
        price = prices.price(model, profile=route.profile)
        tried.append(
            TriedModel(
                id=name,
                kind=model.kind,
                called_as=route.model_id,
                counted_as=model.id,
                regions=route.regions,
                price=price.of_trial,
            )
        )
    return tried


def model_named(name: str, models: Sequence[BedrockModel]) -> BedrockModel:
    """The model with this id, or that a profile of this id leads to.

    Raises:
        UnknownNameError: there is none.
    """
    for model in models:
        if name in (model.id, model.arn) or _profiles(name, model):
            return model
    raise UnknownNameError(
        f"there is no model {name!r} here{nearest(name, [model.id for model in models])} "
        "`ratchet candidates list` has them"
    )


def route_of(name: str, model: BedrockModel, *, region: str, allowed: Collection[str]) -> Route:
    """The way to the model; through a profile that was typed, and no other.

    Raises:
        DeploymentError: it leads to a region that is not allowed.
    """
    if profiles := _profiles(name, model):
        model = replace(model, on_demand=False, profiles=profiles)
    return bedrock_models.route(model, region=region, allowed=allowed)


def _profiles(name: str, model: BedrockModel) -> tuple[InferenceProfile, ...]:
    return tuple(profile for profile in model.profiles if name in (profile.id, profile.arn))
