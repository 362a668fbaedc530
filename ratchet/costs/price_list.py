"""Reads AWS's Price List: what an instance costs an hour on demand, and a gigabyte a month in S3.

The client is the caller's. The Price List is served in us-east-1, eu-central-1 and ap-south-1 alone
and knows the prices of every region, so `region` here is a filter and not the client's. botocore
repeats throttled requests as the client's `retries` say; what is still refused then is an error.

Products are asked for by `instanceName` and `regionCode`, as the SageMaker SDK asks for them, and
told by their usage type: `USE1-Train:ml.m5.large`, and likewise `-Processing:`, `-Host:`, and
`-Tsform:`. Known, from published answers of GetProducts, from AWS's price files as others tabulate
them and from a published bill: those four words, each of them; the attributes `instanceName`
(`ml.m5.large`), `instanceType` (`ml.m5.large-Processing`; empty in many products), and
`platoinstancetype` (Training, Processing, Hosting, BatchTransform; and SpotTraining, AsyncInf,
Processing_DW, Processing_Geo, Notebook, Studio-…, Cluster, Cluster-Reserved and names with Free,
which are no job of a pipeline on demand). Not known: how batch transform is spelled as `component`,
so nothing is asked by it; and whether every product has `platoinstancetype`, so it may only rule a
product out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from ratchet.costs.rows import HOSTING, PROCESSING, TRAINING, TRANSFORM

if TYPE_CHECKING:
    from mypy_boto3_pricing.client import PricingClient
    from mypy_boto3_pricing.type_defs import FilterTypeDef

PERMISSION = "pricing:GetProducts"
ENDPOINT_REGIONS = ("us-east-1", "eu-central-1", "ap-south-1")
"""Where a client of the Price List may be made; a laptop's own region mostly is none of them."""

_USAGE = {"Train": TRAINING, "Processing": PROCESSING, "Host": HOSTING, "Tsform": TRANSFORM}
_KINDS = {
    TRAINING: "Training",
    PROCESSING: "Processing",
    HOSTING: "Hosting",
    TRANSFORM: "BatchTransform",
}
"""Component → `platoinstancetype`."""
_USAGE_TYPE = re.compile(r"(?:[A-Z]+[A-Z0-9]*-)?(?P<use>\w+):(?P<instance>ml\.[\w.-]+)")
"""`EU-Train:ml.m5.large`; bills also show it without the region's code."""
_STORED = re.compile(r"(?:[A-Z]+[A-Z0-9]*-)?TimedStorage-ByteHrs")
_HOURS = frozenset({"hrs", "hours", "hour"})
_THROTTLED = frozenset({"ThrottlingException", "Throttling", "TooManyRequestsException"})
_REFUSED = frozenset({"AccessDeniedException", "AccessDenied", "UnauthorizedOperation"})

Product = Mapping[str, Any]


class PriceListError(Exception):
    """A sentence for the user. `permission` names what the caller lacks, if that is the cause."""

    def __init__(self, message: str, *, permission: str | None = None) -> None:
        super().__init__(message)
        self.permission = permission


def hourly(pricing: PricingClient, *, region: str, instance_type: str) -> dict[str, Decimal]:
    """Component (of `rows.COMPONENTS`) → US dollars an hour, on demand.

    Empty when AWS lists no such instance in the region; a component that it lists no price for
    is left out.

    Raises:
        PriceListError: no answer, or one that cannot be read as one price for each component.
    """
    by_component: dict[str, set[Decimal]] = {}
    filters = {"regionCode": region, "instanceName": instance_type}
    for product in products(pricing, "AmazonSageMaker", filters):
        component = _component(product, instance_type)
        if component:
            by_component.setdefault(component, set()).update(_amounts(product, _HOURS))
    return {
        component: _only(amounts, f"an hour of {instance_type} for {component} in {region}")
        for component, amounts in sorted(by_component.items())
        if amounts
    }


def storage(pricing: PricingClient, *, region: str) -> Decimal | None:
    """US dollars for a GB-month in S3 Standard, up to 50 TB; None when none is listed.

    Raises:
        PriceListError: as for `hourly`.
    """
    filters = {"regionCode": region, "volumeType": "Standard"}
    amounts: set[Decimal] = set()
    for product in products(pricing, "AmazonS3", filters):
        if _STORED.fullmatch(attributes(product).get("usagetype", "")):
            amounts |= _amounts(product, frozenset({"gb-mo"}))
    return _only(amounts, f"a GB-month in S3 Standard in {region}") if amounts else None


def products(pricing: PricingClient, service: str, filters: Mapping[str, str]) -> Iterator[Product]:
    """All pages of GetProducts.

    Raises:
        PriceListError: no answer, or one that is no product.
    """
    matches: list[FilterTypeDef] = [
        {"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in filters.items()
    ]
    pages = pricing.get_paginator("get_products").paginate(
        ServiceCode=service, Filters=matches, FormatVersion="aws_v1"
    )
    try:
        for page in pages:
            yield from (_parsed(text) for text in page.get("PriceList", []))
    except ClientError as error:
        raise _refused(error) from error
    except BotoCoreError as error:
        raise PriceListError(f"AWS's Price List gave no answer: {error}") from error


def _refused(error: ClientError) -> PriceListError:
    code = error.response.get("Error", {}).get("Code", "")
    message = error.response.get("Error", {}).get("Message", "") or str(error)
    if code in _REFUSED:
        return PriceListError(
            f"AWS's Price List refused the request: {PERMISSION} is not allowed ({message}). "
            f"Allow {PERMISSION} on *.",
            permission=PERMISSION,
        )
    if code in _THROTTLED:
        attempts = error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0)
        return PriceListError(
            f"AWS's Price List is still throttling after {attempts} retries ({code}: {message}). "
            "Try again in a minute."
        )
    return PriceListError(f"AWS's Price List refused the request ({code}: {message}).")


def _parsed(text: str) -> Product:
    """A product with its terms: an item of PriceList is JSON within JSON."""
    try:
        product = json.loads(text)
    except (TypeError, ValueError):
        product = None
    if not isinstance(product, dict) or not isinstance(product.get("product"), dict):
        raise PriceListError(f"AWS's Price List answered with what is no product: {text[:120]!r}")
    return product


def attributes(product: Product) -> Mapping[str, str]:
    """Name → text; the list has no others."""
    about: Mapping[str, str] = product["product"].get("attributes") or {}
    return about


def _component(product: Product, instance_type: str) -> str | None:
    """What the product is a price of; None: nothing that Ratchet reckons."""
    about = attributes(product)
    usage = _USAGE_TYPE.fullmatch(about.get("usagetype", ""))
    if usage is None or usage["instance"] != instance_type:
        return None
    component = _USAGE.get(usage["use"])
    if component is None:
        return None
    elsewhere = about.get("locationType", "AWS Region") != "AWS Region"
    other_kind = about.get("platoinstancetype", _KINDS[component]) != _KINDS[component]
    return None if elsewhere or other_kind else component


def _amounts(product: Product, units: frozenset[str]) -> set[Decimal]:
    """On demand and from the first unit on. Prices of zero are the free tier's and no price."""
    amounts = set()
    for offer in (product.get("terms") or {}).get("OnDemand", {}).values():
        for rate in offer.get("priceDimensions", {}).values():
            if rate.get("unit", "").lower() in units and rate.get("beginRange", "0") == "0":
                amounts.add(dollars(rate, product))
    return {amount for amount in amounts if amount > 0}


def dollars(rate: Mapping[str, Any], product: Product) -> Decimal:
    """The price of one price dimension. PriceListError: it has none in US dollars."""
    try:
        return plain(Decimal(rate["pricePerUnit"]["USD"]))
    except (KeyError, TypeError, InvalidOperation):
        shown = json.dumps(rate.get("pricePerUnit"))
        sku = product["product"].get("sku", "?")
        raise PriceListError(
            f"AWS's Price List has no price in US dollars for the product {sku}: {shown}"
        ) from None


def plain(amount: Decimal) -> Decimal:
    """Without the zeros at the end that the list has; never as a power of ten."""
    return Decimal(f"{amount.normalize():f}")


def _only(amounts: set[Decimal], what: str) -> Decimal:
    if len(amounts) > 1:
        shown = " and ".join(f"{amount:f}" for amount in sorted(amounts))
        raise PriceListError(
            f"AWS's Price List has more than one price for {what}: {shown} dollars"
        )
    return next(iter(amounts))
