"""From the ids that were typed to models that may be tried: way, access, regions and price."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ratchet.candidates import (
    access,
    bedrock_models,
    catalogue,
    deployments,
    hourly,
    jumpstart_models,
)
from ratchet.candidates.bedrock_models import BedrockModel
from ratchet.candidates.catalogue import BedrockEntry
from ratchet.candidates.jumpstart_models import HubDocument
from ratchet.candidates.plans import TriedModel
from ratchet.candidates.prices import TokenPrices
from ratchet.candidates.results import JUMPSTART, TrialPrice
from ratchet.costs.rows import TRANSFORM, UNKNOWN
from ratchet.deployment.errors import DeploymentError, UnknownNameError
from ratchet.deployment.target.environment import Target

_HUB_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
"""HubContentName."""


@dataclass(frozen=True, kw_only=True)
class TriedHubModel:
    """A model of JumpStart that may be tried, and what it is served by."""

    tried: TriedModel
    document: HubDocument
    instance: str


def tried_models(
    target: Target, names: Sequence[str], *, batch: bool = False, instance: str = ""
) -> list[TriedModel | TriedHubModel]:
    """The models with these ids, each once, in their order.

    Args:
        names: ids of models, or of profiles of Bedrock that lead to one: then rows take that way
            alone.
        batch: whether Bedrock's are priced as batch jobs are.
        instance: of JumpStart's; "": the hub's default.

    Raises:
        DeploymentError: there is none of an id, the account may not use it, or its rows would go to
            a region that the settings do not allow.
    """
    names = list(dict.fromkeys(names))
    models = bedrock_models.listed(target.client("bedrock"))
    chosen = {name: model for name in names if (model := _named(name, models))}
    hub = {name: _of_hub(target, name, models, instance) for name in names if name not in chosen}
    of_bedrock = _of_bedrock(target, chosen, models, batch=batch)
    return [of_bedrock.get(name) or hub[name] for name in names]


def _of_bedrock(
    target: Target,
    chosen: Mapping[str, BedrockModel],
    models: Sequence[BedrockModel],
    *,
    batch: bool,
) -> dict[str, TriedModel]:
    if not chosen:
        return {}
    bedrock = target.client("bedrock")
    prices = TokenPrices(catalogue.token_book(target).listed, models)
    entries = {name: catalogue.entry(target, model, prices) for name, model in chosen.items()}
    allowed = target.settings.candidates.allowed_regions(target.region)
    for entry in entries.values():
        if not entry.allowed:
            bedrock_models.route(entry.model, region=target.region, allowed=allowed)  # says why
    states = access.of_models(bedrock, [model.id for model in chosen.values()])
    for entry in entries.values():
        _check_access(target, entry, states[entry.model.id])
    return {name: _tried(name, entry, prices, batch=batch) for name, entry in entries.items()}


def _of_hub(
    target: Target, name: str, models: Sequence[BedrockModel], instance: str
) -> TriedHubModel:
    if not _HUB_NAME.fullmatch(name):  # the hub is not asked about a name that none has
        raise catalogue.no_such_model(name, models)
    try:
        document = jumpstart_models.described(target.client("sagemaker"), name)
    except UnknownNameError:
        raise catalogue.no_such_model(name, models) from None
    chosen = deployments.instance(document, instance)
    price = hourly.prices(target, [(TRANSFORM, chosen)])[TRANSFORM, chosen]
    tried = TriedModel(
        id=name,
        kind=JUMPSTART,
        called_as=document.arn,
        counted_as=name,
        regions=(target.region,),
        price=TrialPrice(
            source=price.source if price else UNKNOWN,
            date=price.date if price else "",
            hourly=price.amount if price else None,
        ),
    )
    return TriedHubModel(tried=tried, document=document, instance=chosen)


def _named(name: str, models: Sequence[BedrockModel]) -> BedrockModel | None:
    """The model; with the one profile that was typed, if one was."""
    model = catalogue.find_bedrock(models, name)
    if model is None:
        return None
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
