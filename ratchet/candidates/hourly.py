"""What the instances that JumpStart's models run on cost, from the same book as those of runs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from ratchet.candidates import catalogue
from ratchet.costs import money, price_list
from ratchet.costs.price_book import PriceBook
from ratchet.costs.prices import Price
from ratchet.deployment.target.environment import Target

Wish = tuple[str, str]
"""Component (of ratchet/costs/rows.py) and instance type."""


def prices(target: Target, wishes: Iterable[Wish]) -> dict[Wish, Price | None]:
    """The price of an hour of each; None: it is unknown. Where nothing is deployed, no answer of
    the Price List is kept."""
    wishes = sorted(set(wishes))
    if not wishes:
        return {}
    book = PriceBook(
        s3=target.client("s3"),
        pricing=target.client("pricing", region=price_list.ENDPOINT_REGIONS[0]),
        bucket=catalogue.artifacts_bucket(target),
        region=target.region,
        today=datetime.now(UTC).date(),
    )
    return {wish: book.price(*wish) for wish in wishes}


def text(price: Price | None) -> str:
    """`$1.41 an hour`; `unknown`."""
    return f"{money.shown(price.amount)} an hour" if price else "unknown"
