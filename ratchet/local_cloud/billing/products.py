"""Prices as the Price List's products (pure): see `ratchet/costs/price_list.py` for their form."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ratchet.costs.rows import HOSTING, PROCESSING, TRAINING, TRANSFORM
from ratchet.local_cloud.billing.catalogue import Catalogue
from ratchet.local_cloud.billing.model_products import TokenProduct, token_products

SAGEMAKER, S3 = "AmazonSageMaker", "AmazonS3"

_USES = {
    TRAINING: ("Train", "Training"),
    PROCESSING: ("Processing", "Processing"),
    HOSTING: ("Host", "Hosting"),
    TRANSFORM: ("Tsform", "BatchTransform"),
}
"""Component → its word in usage types, and its `platoinstancetype`."""
_CODES = {
    "ap-northeast-1": "APN1",
    "ap-northeast-2": "APN2",
    "ap-south-1": "APS3",
    "ap-southeast-1": "APS1",
    "ap-southeast-2": "APS2",
    "ca-central-1": "CAN1",
    "eu-central-1": "EUC1",
    "eu-north-1": "EUN1",
    "eu-west-1": "EU",
    "eu-west-2": "EUW2",
    "eu-west-3": "EUW3",
    "sa-east-1": "SAE1",
    "us-east-1": "USE1",
    "us-east-2": "USE2",
    "us-west-1": "USW1",
    "us-west-2": "USW2",
}
"""What bills call a region."""
_ON_DEMAND, _HOURLY_RATE = "JRTCKXETXF", "6YS6EN2CT7"
_FIRST_TIER_GB = "51200"


@dataclass(frozen=True, kw_only=True)
class Product:
    service: str
    family: str
    attributes: Mapping[str, str]
    sku: str
    rate: Mapping[str, Any]
    date: str

    def field(self, name: str) -> str | None:
        """The value of a field, as a filter of GetProducts sees it."""
        return {"ServiceCode": self.service, "productFamily": self.family, "sku": self.sku}.get(
            name, self.attributes.get(name)
        )

    def text(self) -> str:
        """An item of PriceList."""
        offer = f"{self.sku}.{_ON_DEMAND}"
        rate_code = f"{offer}.{_HOURLY_RATE}"
        terms = {
            "sku": self.sku,
            "offerTermCode": _ON_DEMAND,
            "effectiveDate": f"{self.date}T00:00:00Z",
            "termAttributes": {},
            "priceDimensions": {rate_code: {**self.rate, "rateCode": rate_code, "appliesTo": []}},
        }
        content = {
            "product": {
                "productFamily": self.family,
                "attributes": dict(self.attributes),
                "sku": self.sku,
            },
            "serviceCode": self.service,
            "terms": {"OnDemand": {offer: terms}},
            "version": self.date.replace("-", "") + "000000",
            "publicationDate": f"{self.date}T00:00:00Z",
        }
        return json.dumps(content, separators=(",", ":"))


def products(catalogue: Catalogue) -> Iterator[Product]:
    """The products in a fixed order, so that pages fit together."""
    for region, instances in sorted(catalogue.hourly.items()):
        for instance, prices in sorted(instances.items()):
            for component, amount in sorted(prices.items()):
                yield _instance(catalogue.date, region, instance, component, amount)
    for region, amount in sorted(catalogue.storage.items()):
        yield _storage(catalogue.date, region, amount)
    for tokens in token_products():
        yield _tokens(catalogue.date, tokens)


def _instance(date: str, region: str, instance: str, component: str, amount: Decimal) -> Product:
    word, kind = _USES[component]
    usage = f"{_code(region)}{word}:{instance}"
    # How batch transform is spelled as a `component` is not known, so it has none here.
    spelled = {} if component == TRANSFORM else {"component": component}
    return Product(
        service=SAGEMAKER,
        family="ML Instance",
        attributes={
            "servicecode": SAGEMAKER,
            "servicename": "Amazon SageMaker",
            "regionCode": region,
            "locationType": "AWS Region",
            "instanceName": instance,
            "instanceType": f"{instance}-{kind}",
            "platoinstancename": instance,
            "platoinstancetype": kind,
            "usagetype": usage,
            "operation": "RunInstance",
            **spelled,
        },
        sku=_sku(region, usage),
        rate=_rate(amount, "Hrs", f"{kind} of {instance} in {region}", "Inf"),
        date=date,
    )


def _storage(date: str, region: str, amount: Decimal) -> Product:
    code = "" if region == "us-east-1" else _code(region)  # S3 has no code for its first region
    usage = f"{code}TimedStorage-ByteHrs"
    return Product(
        service=S3,
        family="Storage",
        attributes={
            "servicecode": S3,
            "servicename": "Amazon Simple Storage Service",
            "regionCode": region,
            "locationType": "AWS Region",
            "storageClass": "General Purpose",
            "volumeType": "Standard",
            "usagetype": usage,
            "operation": "",
        },
        sku=_sku(region, usage),
        rate=_rate(amount, "GB-Mo", f"the first 50 TB in {region}", _FIRST_TIER_GB),
        date=date,
    )


def _tokens(date: str, tokens: TokenProduct) -> Product:
    attributes = tokens.attributes
    return Product(
        service=tokens.service,
        family="Amazon Bedrock",
        attributes=attributes,
        sku=_sku(attributes["servicename"], attributes["usagetype"]),
        rate=_rate(tokens.amount, tokens.unit, tokens.what, "Inf"),
        date=date,
    )


def _rate(amount: Decimal, unit: str, what: str, end: str) -> dict[str, Any]:
    return {
        "unit": unit,
        "beginRange": "0",
        "endRange": end,
        "description": f"${amount} per {unit}, {what}",
        "pricePerUnit": {"USD": f"{amount:.10f}"},
    }


def _code(region: str) -> str:
    return f"{_CODES[region]}-" if region in _CODES else ""


def _sku(region: str, usage: str) -> str:
    digest = hashlib.sha256(f"{region} {usage}".encode()).digest()
    return base64.b32encode(digest).decode()[:16]
