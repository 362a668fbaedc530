"""Amounts of money, exact (pure). US dollars, as the Price List gives them."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

PLACES = Decimal("1E-9")
"""What a row keeps: a nanodollar. A second of the cheapest instance costs some 10,000 of them."""

_CENT, _TENTH_OF_A_MILL = Decimal("0.01"), Decimal("0.0001")


def rounded(amount: Decimal) -> Decimal:
    """To what a row keeps: half to even, so that sums do not lean to either side."""
    return amount.quantize(PLACES, rounding=ROUND_HALF_EVEN)


def total(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))


def shown(amount: Decimal) -> str:
    """For a person: `$12.35`, `$0.0042` below a cent, `-$1.20`; rounded half up."""
    sign = "-" if amount < 0 else ""
    size = abs(amount)
    step = _TENTH_OF_A_MILL if 0 < size < _CENT else _CENT
    figure = size.quantize(step, rounding=ROUND_HALF_UP)
    if size and not figure:
        return f"{sign}<$0.0001"
    return f"{sign if figure else ''}${figure:,}"
