"""From the ids that were typed to models that may be tried: way, access, regions and price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ratchet.candidates import access, bedrock_models, catalogue
from ratchet.candidates.bedrock_models import BedrockModel
from ratchet.candidates.catalogue import BedrockEntry
from ratchet.candidates.plans import TriedModel
from ratchet.candidates.prices import TokenPrices
from ratchet.deployment.errors import DeploymentError
from ratchet.deployment.target.environment import Target


def tried_models(target: Target, names: Sequence[str], *, batch: bool = False) -> list[TriedModel]:
    """The models of Bedrock with these ids, each once, in their order.

    Args:
        names: ids of models, or of profiles that lead to one: then rows take that way alone.
        batch: whether they are priced as batch jobs are.

    Raises:
        DeploymentError: there is none of an id, the account may not use it, or its rows would go to
            a region that the settings do not allow.
    """
    bedrock = target.client("bedrock")
    models = bedrock_models.listed(bedrock)
    chosen = {name: _named(name, models) for name in dict.fromkeys(names)}
    prices = TokenPrices(catalogue.token_book(target).listed, models)
    entries = {name: catalogue.entry(target, model, prices) for name, model in chosen.items()}
    allowed = target.settings.candidates.allowed_regions(target.region)
    for entry in entries.values():
        if not entry.allowed:
            bedrock_models.route(entry.model, region=target.region, allowed=allowed)  # says why
    states = access.of_models(bedrock, [model.id for model in chosen.values()])
    for entry in entries.values():
        _check_access(target, entry, states[entry.model.id])
    return [_tried(name, entry, prices, batch=batch) for name, entry in entries.items()]


def _named(name: str, models: Sequence[BedrockModel]) -> BedrockModel:
    """The model; with the one profile that was typed, if one was."""
    model = catalogue.find_bedrock(models, name)
    if model is None:
        raise catalogue.no_such_model(name, models)
    typed = tuple(profile for profile in model.profiles if name in (profile.id, profile.arn))
    return replace(model, on_demand=False, profiles=typed) if typed else model


def _check_access(target: Target, entry: BedrockEntry, state: access.ModelAccess) -> None:
    """What cannot be asked about may be allowed all the same: the first request tells."""
    if state.state in (access.YES, access.UNKNOWN):
        return
    detail = f" ({state.detail})" if state.detail else ""
    command = target.command(f"candidates show {entry.model.id}")
    raise DeploymentError(
        f"{entry.model.id} cannot be tried: {state.state}{detail}. `{command}` says what to do"
    )


def _tried(name: str, entry: BedrockEntry, prices: TokenPrices, *, batch: bool) -> TriedModel:
    model, route = entry.model, entry.route
    return TriedModel(
        id=name,
        kind=model.kind,
        called_as=route.model_id,
        counted_as=model.id,
        regions=route.regions,
        price=prices.price(model, profile=route.profile, batch=batch).of_trial,
    )
