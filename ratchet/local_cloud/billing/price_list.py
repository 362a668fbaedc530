"""The Price List: GetProducts with its filters and its pages, and ListPriceLists."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ratchet.local_cloud.billing.catalogue import Catalogue, bundled
from ratchet.local_cloud.billing.model_products import CODES
from ratchet.local_cloud.billing.pages import page
from ratchet.local_cloud.billing.products import S3, SAGEMAKER, Product, products
from ratchet.local_cloud.sagemaker.errors import ApiError
from ratchet.local_cloud.sagemaker.shapes import epoch
from ratchet.local_cloud.sagemaker.store import AccountScope

_FORMAT = "aws_v1"
_PAGE = 100
_CODES = (SAGEMAKER, S3, *CODES)
_CURRENCY = "USD"
_MATCHES: Mapping[str, Callable[[str | None, str], bool]] = {
    "TERM_MATCH": lambda value, expected: value == expected,
    "EQUALS": lambda value, expected: value == expected,
    "CONTAINS": lambda value, expected: value is not None and expected in value,
    "ANY_OF": lambda value, expected: value in expected.split(","),
    "NONE_OF": lambda value, expected: value not in expected.split(","),
}


class PriceList:
    """Answers from a catalogue, the same to every account and region."""

    def __init__(self, catalogue: Catalogue | None = None) -> None:
        self._first = catalogue or bundled()
        self.catalogue = self._first

    def replace(self, catalogue: Catalogue) -> None:
        """Replaces the prices."""
        self.catalogue = catalogue

    def reset(self) -> None:
        """Restores the prices of the start."""
        self.catalogue = self._first

    def get_products(self, scope: AccountScope, request: Mapping[str, Any]) -> dict[str, Any]:
        del scope
        service = _code(request["ServiceCode"])
        if request.get("FormatVersion", _FORMAT) != _FORMAT:
            shown = request["FormatVersion"]
            raise ApiError("InvalidParameterException", f"FormatVersion {shown!r}; use {_FORMAT}")
        matching = [
            product
            for product in products(self.catalogue)
            if product.service == service and _fits(product, request.get("Filters", []))
        ]
        chosen, token = page(matching, request.get("NextToken"), request.get("MaxResults", _PAGE))
        return {
            "FormatVersion": _FORMAT,
            "PriceList": [product.text() for product in chosen],
            "NextToken": token,
        }

    def list_price_lists(self, scope: AccountScope, request: Mapping[str, Any]) -> dict[str, Any]:
        """A list for each region with a price; the files themselves are not here."""
        del scope
        service = _code(request["ServiceCode"])
        in_effect = epoch(request["EffectiveDate"]) >= epoch(self.catalogue.date)
        listed = (product for product in products(self.catalogue) if product.service == service)
        regions = {product.attributes["regionCode"] for product in listed if in_effect}
        asked = request.get("RegionCode")
        chosen, token = page(
            sorted(region for region in regions if asked in (None, region)),
            request.get("NextToken"),
            request.get("MaxResults", _PAGE),
        )
        dollars = request["CurrencyCode"] == _CURRENCY
        version = self.catalogue.date.replace("-", "") + "000000"
        return {
            "PriceLists": [
                {
                    "PriceListArn": (
                        f"arn:aws:pricing:::price-list/aws/{service}/{_CURRENCY}/{version}/{region}"
                    ),
                    "RegionCode": region,
                    "CurrencyCode": _CURRENCY,
                    "FileFormats": ["json", "csv"],
                }
                for region in chosen
                if dollars
            ],
            "NextToken": token,
        }


def _code(service: str) -> str:
    """Raises ApiError for a service code without prices here."""
    if service not in _CODES:
        raise ApiError(
            "NotFoundException",
            f"The local cloud lists no prices of {service!r}, only of {', '.join(_CODES)}.",
        )
    return service


def _fits(product: Product, filters: list[Mapping[str, str]]) -> bool:
    return all(
        _MATCHES[rule["Type"]](product.field(rule["Field"]), rule["Value"]) for rule in filters
    )
