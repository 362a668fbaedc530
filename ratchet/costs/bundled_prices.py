"""Prices of common instances for when the Price List does not answer (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

DATE = "2026-11-26"
"""The day of this table."""

_HOURLY: Mapping[str, Mapping[str, Mapping[str, str]]] = {}
"""Region → instance type → component → US dollars an hour."""


def hourly(region: str, component: str, instance_type: str) -> Decimal | None:
    """US dollars an hour; None: the table does not have it."""
    amount = _HOURLY.get(region, {}).get(instance_type, {}).get(component)
    return None if amount is None else Decimal(amount)
