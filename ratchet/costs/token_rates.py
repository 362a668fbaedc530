"""Reads AWS's Price List: what a million tokens of a foundation model cost.

Bedrock's prices are under three service codes, and no product names a model's id. What is known of
the products, from published answers of GetProducts of 2026:

- `AmazonBedrock`: `model` (or `titanModel`) is a display name such as "Nova Lite", now and then an
  id; the usage type says the rest: `USE1-NovaLite-input-tokens`, with `-batch`, `-flex`,
  `-priority`, `-cross-region-global` behind it. Prices for 1K tokens, of some models for 1M.
- `AmazonBedrockService`: some models of Anthropic, in the same form.
- `AmazonBedrockFoundationModels`: what is sold through the Marketplace. `servicename` is a display
  name, "Claude Sonnet 4.6 (Amazon Bedrock Edition)"; the usage type is
  `USE1-MP:USE1_InputTokenCount-Units` or `USE1-MP:USE1_input_tokens_global_standard-Units`. Prices
  for 1M tokens, of which the unit may say no more than "Units".

A product counts only where each of its parts is one that is listed here: a price is right, or it is
left out. So are prompt caching, long contexts, other service tiers, other media, custom models,
provisioned capacity, and `mantle`, which is another endpoint with prices of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import product as combinations
from typing import TYPE_CHECKING, Any, Literal

from ratchet.costs import price_list
from ratchet.costs.price_list import Product

if TYPE_CHECKING:
    from mypy_boto3_pricing.client import PricingClient

SERVICES = ("AmazonBedrock", "AmazonBedrockService", "AmazonBedrockFoundationModels")

Direction = Literal["input", "output"]
Route = Literal["regional", "geographic", "global"]
"""Whether a request stays in its region, or goes through a profile to those of a geography, or to
any. AWS bills a geographic profile as the region that the request came from, unless the list has a
price of its own for it."""


@dataclass(frozen=True, kw_only=True)
class TokenRate:
    """The price of one kind of token, on demand, in US dollars for a million."""

    name: str
    """The model's display name; "": only its id is listed."""
    model_id: str
    """As in Bedrock, without its version; "": the list has none."""
    direction: Direction
    route: Route
    batch: bool
    """Of a batch job rather than a request."""
    per_million: Decimal
    usage_type: str


def listed(pricing: PricingClient, *, region: str) -> list[TokenRate]:
    """The rates of all models in a region.

    Raises:
        PriceListError: no answer, or one that cannot be read.
    """
    return [
        rate
        for service in SERVICES
        for product in price_list.products(pricing, service, {"regionCode": region})
        for rate in read(product)
    ]


def read(product: Product) -> Iterator[TokenRate]:
    """The rate that a product is; none where it is of something else, or not certain."""
    about = price_list.attributes(product)
    usage_type = about.get("usagetype", "")
    meter = _meter(usage_type)
    if meter is None or not _is_plain(about, meter):
        return
    direction, route, batch = meter.kind
    name, model_id = _names(about, meter.model)
    amounts = _amounts(product)
    if not (name or model_id) or len(amounts) != 1:
        return
    yield TokenRate(
        name=name,
        model_id=model_id,
        direction=direction,
        route=route,
        batch=batch,
        per_million=next(iter(amounts)),
        usage_type=usage_type,
    )


# -- usage types -----------------------------------------------------------------------------------

_Kind = tuple[Direction, Route, bool]


@dataclass(frozen=True)
class _Meter:
    kind: _Kind
    model: str
    """What the usage type calls the model; "": nothing."""


_DIRECTIONS: tuple[Direction, ...] = ("input", "output")
_MARKETPLACE = re.compile(r"[A-Z0-9]+-MP:[A-Z0-9]+_(?P<meter>\w+)-Units")
_OWN = re.compile(
    r"[A-Z]+[A-Z0-9]*-(?P<model>.+?)-(?:text-)?(?P<direction>input|output)-tokens(?P<ending>[\w-]*)"
)
_ENDINGS: Mapping[str, tuple[Route, bool]] = {
    "": ("regional", False),
    "-standard": ("regional", False),
    "-batch": ("regional", True),
    "-cross-region-geo": ("geographic", False),
    "-cross-region-geo-batch": ("geographic", True),
    "-cross-region-global": ("global", False),
    "-cross-region-global-batch": ("global", True),
    "-global-standard": ("global", False),
    "-global-batch": ("global", True),
}


def _marketplace_meters() -> Iterator[tuple[str, _Kind]]:
    routes: tuple[tuple[str, Route], ...] = (("", "regional"), ("_global", "global"))
    for direction, (suffix, route) in combinations(_DIRECTIONS, routes):
        count = f"{direction.title()}TokenCount{suffix.title()}"
        yield count, (direction, route, False)
        yield f"{count}_Batch", (direction, route, True)
        yield f"{direction}_tokens{suffix}_standard", (direction, route, False)
        yield f"{direction}_tokens{suffix}_batch", (direction, route, True)


_MARKETPLACE_METERS = dict(_marketplace_meters())


def _meter(usage_type: str) -> _Meter | None:
    if match := _MARKETPLACE.fullmatch(usage_type):
        kind = _MARKETPLACE_METERS.get(match["meter"])
        return None if kind is None else _Meter(kind, "")
    match = _OWN.fullmatch(usage_type)
    if match is None or match["ending"] not in _ENDINGS:
        return None
    direction = next(each for each in _DIRECTIONS if each == match["direction"])
    return _Meter((direction, *_ENDINGS[match["ending"]]), match["model"])


# -- attributes ------------------------------------------------------------------------------------

_OTHER = re.compile(
    "custom|provision|reserved|latency|cache|flex|priority|long.?c|mantle|image|video|audio|speech"
    "|train|storage|grounding"
)
_FEATURES = {"": None, "on-demand inference": None, "batch inference": True}
"""Attribute → whether it is of batch jobs; None: it does not say."""
_TIERS = frozenset({"", "standard", "global-standard", "batch", "global-batch"})


def _is_plain(about: Mapping[str, str], meter: _Meter) -> bool:
    """Whether the attributes agree with the usage type, and name no other kind of use."""
    direction, route, batch = meter.kind
    kind, feature, tier = (
        about.get(name, "").lower() for name in ("inferenceType", "feature", "service_tier")
    )
    if about.get("locationType", "AWS Region") != "AWS Region":
        return False
    if any(
        _OTHER.search(text) for text in (meter.model.lower(), kind, about.get("featuretype", ""))
    ):
        return False
    if feature not in _FEATURES or _FEATURES[feature] not in {None, batch} or tier not in _TIERS:
        return False
    if not kind:
        return True
    other = _DIRECTIONS[1 - _DIRECTIONS.index(direction)]
    return (
        other not in kind
        and not ("batch" in kind and not batch)
        and not ("global" in kind and route != "global")
    )


_EDITION = re.compile(r"\s*\(Amazon Bedrock Edition\)$")
_ID = re.compile(r"[a-z][a-z0-9-]*\.[a-z0-9][a-z0-9.:-]*")
_NO_MODEL = frozenset({"", "Amazon Bedrock"})


def _names(about: Mapping[str, str], metered: str) -> tuple[str, str]:
    """Display name and id, as far as the product has them."""
    name = about.get("model") or about.get("titanModel") or about.get("servicename", "")
    name = _EDITION.sub("", name)
    if _ID.fullmatch(name):
        return "", name
    return ("" if name in _NO_MODEL else name), (metered if _ID.fullmatch(metered) else "")


# -- amounts ---------------------------------------------------------------------------------------

_MILLION = re.compile(r"\b(1m|million|1,000,000)\b")
_THOUSAND = re.compile(r"\b(1k|thousand|1,000)\b(?!,)")


def _amounts(product: Product) -> set[Decimal]:
    """For a million tokens. Zero is no price; an amount of a doubtful unit is left out."""
    rates: Iterable[Mapping[str, Any]] = (
        rate
        for offer in (product.get("terms") or {}).get("OnDemand", {}).values()
        for rate in offer.get("priceDimensions", {}).values()
    )
    amounts = {
        price_list.plain(price_list.dollars(rate, product) * factor)
        for rate in rates
        if (factor := _factor(rate))
    }
    return {amount for amount in amounts if amount > 0}


def _factor(rate: Mapping[str, Any]) -> int | None:
    """From the rate's unit to a million tokens; None where unit and description do not agree."""
    unit, description = (str(rate.get(name, "")).lower() for name in ("unit", "description"))
    millions, thousands = bool(_MILLION.search(description)), bool(_THOUSAND.search(description))
    if unit == "1m tokens" and not thousands:
        return 1
    if unit == "1k tokens" and not millions:
        return 1000
    if unit == "units" and millions and not thousands:
        return 1
    return None
