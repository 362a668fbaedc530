"""Prices where they are kept, asked for when they are missing or old.

Kept in the artifact bucket, costs/prices/<region>.json, so that the Price List is asked once a week
for each kind of instance, and a run is priced when the list does not answer: by what it said last,
or by the package's own table. What is kept is a cache: the last writer wins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from ratchet.costs import bundled_prices, price_list, prices
from ratchet.costs.price_list import PriceListError
from ratchet.costs.prices import Listed, Price, PriceTable
from ratchet.costs.rows import STORED

if TYPE_CHECKING:
    from mypy_boto3_pricing.client import PricingClient
    from mypy_boto3_s3.client import S3Client

S3_STANDARD = bundled_prices.S3_STANDARD
"""In place of an instance type."""


@dataclass(kw_only=True)
class PriceBook:
    """The prices of one region, for one look."""

    s3: S3Client
    pricing: PricingClient
    bucket: str
    """"": nothing is deployed, and nothing is kept."""
    region: str
    today: date
    complaints: list[str] = field(default_factory=list)
    """Why the Price List did not answer, once for each look."""
    _table: PriceTable | None = None
    _changed: bool = False
    _queried: set[str] = field(default_factory=set)
    _silent: bool = False
    """The Price List does not answer: each further question might take as long."""

    def price(self, component: str, instance_type: str) -> Price | None:
        """Of an hour of one instance; None: it is unknown."""
        if not instance_type:
            return None
        return self._listed_price(
            instance_type,
            component,
            lambda: price_list.hourly(
                self.pricing, region=self.region, instance_type=instance_type
            ),
        )

    def storage(self) -> Price | None:
        """Of a month of one GB in S3 Standard, of the first tier."""
        return self._listed_price(S3_STANDARD, STORED, self._storage)

    def save(self) -> None:
        """Keeps what was asked for."""
        if self._changed and self.bucket:
            self.s3.put_object(
                Bucket=self.bucket, Key=prices.key(self.region), Body=self.table.to_json()
            )
            self._changed = False

    @property
    def table(self) -> PriceTable:
        if self._table is None:
            self._table = self._read()
        return self._table

    def _listed_price(
        self, name: str, component: str, ask: Callable[[], dict[str, Decimal]]
    ) -> Price | None:
        listed_before = self.table.listed.get(name)
        stale = listed_before is None or not listed_before.fresh(self.today)
        if stale and name not in self._queried and not self._silent:
            self._queried.add(name)
            try:
                listed = Listed(date=self.today.isoformat(), hourly=ask())
            except PriceListError as problem:
                self._silent = isinstance(problem.__cause__, BotoCoreError)
                if str(problem) not in self.complaints:
                    self.complaints.append(str(problem))
            else:
                self._table = self.table.with_listed(name, listed)
                self._changed = True
        return self.table.price(component, name)

    def _storage(self) -> dict[str, Decimal]:
        price = price_list.storage(self.pricing, region=self.region)
        return {} if price is None else {STORED: price}

    def _read(self) -> PriceTable:
        if not self.bucket:
            return PriceTable(region=self.region)
        try:
            answer = self.s3.get_object(Bucket=self.bucket, Key=prices.key(self.region))
            return prices.read(answer["Body"].read())
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchKey":
                raise
        except ValueError:
            pass  # written by another version: it is asked again
        return PriceTable(region=self.region)
