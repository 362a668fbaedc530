"""The Price List's one call: GetProducts, with its filters and its pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ratchet.local_cloud.billing.catalogue import Catalogue, bundled
from ratchet.local_cloud.billing.pages import page
from ratchet.local_cloud.billing.products import S3, SAGEMAKER, Product, products
from ratchet.local_cloud.sagemaker.errors import ApiError
from ratchet.local_cloud.sagemaker.store import AccountScope

_FORMAT = "aws_v1"
_PAGE = 100
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
        service = request["ServiceCode"]
        if service not in (SAGEMAKER, S3):
            raise ApiError(
                "NotFoundException",
                f"The local cloud lists no prices of {service!r}, only of {SAGEMAKER} and {S3}.",
            )
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


def _fits(product: Product, filters: list[Mapping[str, str]]) -> bool:
    return all(
        _MATCHES[rule["Type"]](product.field(rule["Field"]), rule["Value"]) for rule in filters
    )
