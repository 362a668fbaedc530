"""The prices of tokens, asked for once a week and kept beside those of instances.

Kept in the artifact bucket, costs/prices/<region>-tokens.json. What is kept is a cache: the last
writer wins, and where it cannot be read or written the Price List is asked.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from ratchet.costs import prices, token_rates
from ratchet.costs.price_list import PriceListError
from ratchet.costs.token_rates import TokenRate

if TYPE_CHECKING:
    from mypy_boto3_pricing.client import PricingClient
    from mypy_boto3_s3.client import S3Client


@dataclass(frozen=True, kw_only=True)
class ListedRates:
    """What the Price List said of all models in a region."""

    date: str = ""
    """ISO date on which it was asked; "": it never answered."""
    rates: tuple[TokenRate, ...] = ()

    def fresh(self, today: dt.date) -> bool:
        return bool(self.date) and today - dt.date.fromisoformat(self.date) < prices.FRESH_FOR

    def to_json(self) -> bytes:
        rates = [asdict(rate) | {"per_million": f"{rate.per_million:f}"} for rate in self.rates]
        return json.dumps({"date": self.date, "rates": rates}, indent=1).encode()


def key(region: str) -> str:
    return f"{prices.FOLDER}{region}-tokens.json"


def read(text: bytes) -> ListedRates:
    """ValueError when the text is no table of rates."""
    try:
        body = json.loads(text)
        dt.date.fromisoformat(body["date"])
        rates = tuple(
            TokenRate(**{**rate, "per_million": Decimal(rate["per_million"])})
            for rate in body["rates"]
        )
        return ListedRates(date=body["date"], rates=rates)
    except (KeyError, TypeError, AttributeError, ArithmeticError) as error:
        raise ValueError(f"not a table of rates: {text[:80]!r}") from error


@dataclass(kw_only=True)
class TokenBook:
    """The rates of one region, for one command."""

    s3: S3Client
    pricing: PricingClient
    bucket: str
    """"": nothing is deployed, and nothing is kept."""
    region: str
    today: dt.date
    complaints: list[str] = field(default_factory=list)
    """Why the Price List did not answer."""

    @cached_property
    def listed(self) -> ListedRates:
        """The Price List's answer of this week, or else the last one that it gave."""
        before = self._cached()
        if before.fresh(self.today):
            return before
        try:
            rates = tuple(token_rates.listed(self.pricing, region=self.region))
        except PriceListError as problem:
            self.complaints.append(str(problem))
            return before
        answer = ListedRates(date=self.today.isoformat(), rates=rates)
        self._store(answer)
        return answer

    def _cached(self) -> ListedRates:
        if not self.bucket:
            return ListedRates()
        try:
            answer = self.s3.get_object(Bucket=self.bucket, Key=key(self.region))
            return read(answer["Body"].read())
        except (ClientError, ValueError):
            return ListedRates()

    def _store(self, answer: ListedRates) -> None:
        if not self.bucket:
            return
        try:
            self.s3.put_object(Bucket=self.bucket, Key=key(self.region), Body=answer.to_json())
        except ClientError:
            return  # whoever may only read prices asks the list each time
