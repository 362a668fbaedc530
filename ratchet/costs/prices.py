"""Prices of instances by what they do, with where they are from and of when (pure)."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from ratchet.costs import bundled_prices
from ratchet.costs.rows import BUNDLED, PRICE_LIST
from ratchet.loop import folders

FOLDER = folders.PRICES
"""In the artifact bucket: a table for each region, `<region>.json`."""
FRESH_FOR = dt.timedelta(days=7)
"""AWS announces no rhythm of changes; the list names the day from which a price holds."""


@dataclass(frozen=True, kw_only=True)
class Price:
    """On demand, in US dollars for one unit."""

    amount: Decimal
    source: str
    """PRICE_LIST | BUNDLED"""
    date: str
    """ISO date on which the price was looked up, or on which the package's source had it."""


PriceOf = Callable[[str, str], Price | None]
"""Component and instance type → the price of an hour; None: it is unknown."""


@dataclass(frozen=True, kw_only=True)
class Listed:
    """What the Price List says of one instance type."""

    date: str
    """ISO date on which it was asked."""
    hourly: Mapping[str, Decimal]
    """Component → US dollars an hour; empty when AWS lists no such instance in the region."""

    def fresh(self, today: dt.date) -> bool:
        return today - dt.date.fromisoformat(self.date) < FRESH_FOR


@dataclass(frozen=True, kw_only=True)
class PriceTable:
    """What is known of the prices in one region."""

    region: str
    listed: Mapping[str, Listed] = field(default_factory=dict)
    """Instance type → what the Price List said of it."""

    def price(self, component: str, instance_type: str) -> Price | None:
        """The Price List's, however old, before the package's; None: it is unknown."""
        listed = self.listed.get(instance_type)
        if listed and component in listed.hourly:
            return Price(amount=listed.hourly[component], source=PRICE_LIST, date=listed.date)
        bundled = bundled_prices.price(self.region, component, instance_type)
        if bundled is None:
            return None
        return Price(amount=bundled.amount, source=BUNDLED, date=bundled.date)

    def with_listed(self, instance_type: str, listed: Listed) -> PriceTable:
        return PriceTable(region=self.region, listed={**self.listed, instance_type: listed})

    def to_json(self) -> bytes:
        listed = {
            name: {"date": entry.date, "hourly": {k: str(v) for k, v in entry.hourly.items()}}
            for name, entry in sorted(self.listed.items())
        }
        return json.dumps({"region": self.region, "listed": listed}, indent=1).encode()


def key(region: str) -> str:
    return f"{FOLDER}{region}.json"


def read(text: bytes) -> PriceTable:
    """ValueError when the text is no table of prices."""
    try:
        body = json.loads(text)
        return PriceTable(
            region=body["region"],
            listed={
                name: Listed(
                    date=entry["date"],
                    hourly={k: Decimal(v) for k, v in entry["hourly"].items()},
                )
                for name, entry in body["listed"].items()
            },
        )
    except (KeyError, TypeError, AttributeError, ArithmeticError) as error:
        raise ValueError(f"not a table of prices: {text[:80]!r}") from error
