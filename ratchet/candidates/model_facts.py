"""Everything about one model, for `ratchet candidates show`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ratchet.candidates import access, bedrock_models, catalogue, hourly, jumpstart_models
from ratchet.candidates.catalogue import BedrockEntry
from ratchet.candidates.jumpstart_models import HubDocument
from ratchet.candidates.prices import TokenPrice, TokenPrices
from ratchet.costs.prices import Price
from ratchet.costs.rows import HOSTING, TRANSFORM
from ratchet.deployment.errors import UnknownNameError
from ratchet.deployment.target.environment import Target


@dataclass(frozen=True, kw_only=True)
class BedrockFacts:
    """A model of Bedrock."""

    entry: BedrockEntry
    ways: tuple[tuple[bedrock_models.Route, bool, TokenPrice], ...]
    """Each way to it, whether the settings allow it, and what it costs."""
    batch: TokenPrice
    """Of a batch job, on the way of the entry."""
    complaints: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class JumpStartFacts:
    """A model of JumpStart."""

    document: HubDocument
    hourly: Mapping[tuple[str, str], Price | None]
    """Component (Hosting, Transform) and instance type → the price of an hour."""


def read(target: Target, name: str) -> BedrockFacts | JumpStartFacts:
    """The model of this id in Bedrock, or else in JumpStart.

    Raises:
        UnknownNameError: neither has it.
        ClientError: AWS refuses.
    """
    bedrock = target.client("bedrock")
    models = bedrock_models.listed(bedrock)
    model = catalogue.find_bedrock(models, name)
    if model is not None:
        return _of_bedrock(target, model, models)
    try:
        return _of_jumpstart(target, name)
    except UnknownNameError:
        raise catalogue.no_such_model(name, models) from None


def _of_bedrock(
    target: Target,
    model: bedrock_models.BedrockModel,
    models: list[bedrock_models.BedrockModel],
) -> BedrockFacts:
    book = catalogue.token_book(target)
    prices = TokenPrices(book.listed, models)
    answers = access.of_models(target.client("bedrock"), [model.id])
    entry = replace(catalogue.entry(target, model, prices), access=answers[model.id])
    allowed = target.settings.candidates.allowed_regions(target.region)
    ways = bedrock_models.routes(model, region=target.region)
    return BedrockFacts(
        entry=entry,
        ways=tuple(
            (way, way.within(allowed), prices.price(model, profile=way.profile)) for way in ways
        ),
        batch=prices.price(model, profile=entry.route.profile, batch=True),
        complaints=(*book.complaints, *filter(None, [access.refusal(answers)])),
    )


def _of_jumpstart(target: Target, name: str) -> JumpStartFacts:
    document = jumpstart_models.described(target.client("sagemaker"), name)
    types = dict.fromkeys(filter(None, (document.default_instance, *document.instances)))
    wishes = [(component, each) for each in types for component in (HOSTING, TRANSFORM)]
    return JumpStartFacts(document=document, hourly=hourly.prices(target, wishes))
