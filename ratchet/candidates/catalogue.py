"""What there is to try: models with how they are called, what they cost, and whether they may be
used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice

from ratchet.candidates import access, bedrock_models, jumpstart_models
from ratchet.candidates.access import ModelAccess
from ratchet.candidates.bedrock_models import BedrockModel, Route
from ratchet.candidates.jumpstart_models import JumpStartModel
from ratchet.candidates.prices import TokenPrice, TokenPrices
from ratchet.costs import price_list
from ratchet.costs.token_book import TokenBook
from ratchet.deployment.errors import NotDeployedError, UnknownNameError, nearest
from ratchet.deployment.target import facts
from ratchet.deployment.target.environment import Target

NOT_ASKED = ModelAccess("")


@dataclass(frozen=True, kw_only=True)
class BedrockEntry:
    """A model of Bedrock, for this environment."""

    model: BedrockModel
    route: Route
    """The way that the settings allow, or else the first one."""
    allowed: bool
    """Whether the settings let rows take that way."""
    price: TokenPrice
    access: ModelAccess = NOT_ASKED


@dataclass(frozen=True, kw_only=True)
class ListedModels:
    """What a search came to."""

    bedrock: Sequence[BedrockEntry] = ()
    jumpstart: Sequence[JumpStartModel] = ()
    more: bool = False
    """Whether JumpStart has more of them than are here."""
    complaints: Sequence[str] = field(default_factory=tuple)
    """What could not be asked, and why."""


def search_bedrock(
    target: Target,
    *,
    provider: str = "",
    kind: str = "",
    word: str = "",
) -> ListedModels:
    """The models of Bedrock that match, with prices and access.

    Args:
        kind: results.TEXT or results.EMBEDDING; "": both.
        word: what an id or a name has in it.

    Raises:
        ClientError: Bedrock does not list its models.
    """
    bedrock = target.client("bedrock")
    models = bedrock_models.listed(bedrock)
    book = token_book(target)
    prices = TokenPrices(book.listed, models)
    chosen = [
        model
        for model in models
        if model.is_of(provider) and kind in ("", model.kind) and model.is_about(word)
    ]
    answers = access.of_models(bedrock, [model.id for model in chosen])
    entries = [replace(entry(target, model, prices), access=answers[model.id]) for model in chosen]
    complaints = [*book.complaints, *filter(None, [access.refusal(answers)])]
    return ListedModels(bedrock=entries, complaints=complaints)


def entry(target: Target, model: BedrockModel, prices: TokenPrices) -> BedrockEntry:
    """A model as the settings let it be called. Its access is not asked."""
    allowed = target.settings.candidates.allowed_regions(target.region)
    ways = bedrock_models.routes(model, region=target.region)
    way = next((each for each in ways if each.within(allowed)), ways[0])
    return BedrockEntry(
        model=model,
        route=way,
        allowed=way.within(allowed),
        price=prices.price(model, profile=way.profile),
    )


def search_jumpstart(
    target: Target, *, provider: str = "", task: str = "", word: str = "", limit: int | None
) -> ListedModels:
    """The models of JumpStart that match; at most `limit` of them.

    Raises:
        ClientError: SageMaker does not list its hub.
    """
    models = jumpstart_models.listed(target.client("sagemaker"))
    matches = (
        model
        for model in models
        if (not provider or provider.lower() in model.provider.lower())
        and model.is_for(task)
        and model.is_about(word)
    )
    first = list(islice(matches, None if limit is None else limit + 1))
    return ListedModels(jumpstart=first[:limit], more=limit is not None and len(first) > limit)


def find_bedrock(models: Iterable[BedrockModel], name: str) -> BedrockModel | None:
    """The model of this id, or the one that a profile of this id or ARN leads to."""
    for model in models:
        ids = {model.id, model.arn}
        ids |= {text for each in model.profiles for text in (each.id, each.arn)}
        if name in ids:
            return model
    return None


def no_such_model(name: str, models: Iterable[BedrockModel]) -> UnknownNameError:
    near = nearest(name, [model.id for model in models])
    return UnknownNameError(f"neither Bedrock nor JumpStart has a model {name!r}{near}")


def token_book(target: Target) -> TokenBook:
    return TokenBook(
        s3=target.client("s3"),
        pricing=target.client("pricing", region=price_list.ENDPOINT_REGIONS[0]),
        bucket=artifacts_bucket(target),
        region=target.region,
        today=datetime.now(UTC).date(),
    )


def artifacts_bucket(target: Target) -> str:
    """Where answers of the Price List are kept; "" where nothing is deployed."""
    try:
        return facts.read(target).artifacts_bucket
    except NotDeployedError:
        return ""
