"""The prices that a local cloud lists (pure): the package's own, or those of a file.

As JSON: `{"date": "2026-11-26", "hourly": {region: {instance type: {component: "0.115"}}},
"storage": {region: "0.023"}}`, amounts in US dollars, as texts so that they stay exact. `date` is
the day from which they hold; it, `hourly` and `storage` may be left out.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from ratchet.costs import bundled_prices
from ratchet.costs.rows import COMPONENTS, STORED

Hourly = Mapping[str, Mapping[str, Mapping[str, Decimal]]]


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """On demand, in US dollars."""

    date: str
    """ISO date from which the prices hold."""
    hourly: Hourly
    """Region → instance type → component → an hour."""
    storage: Mapping[str, Decimal]
    """Region → a GB-month in S3 Standard."""

    def to_json(self) -> dict[str, Any]:
        return {
            "date": self.date,
            "hourly": {
                region: {
                    instance: {component: str(amount) for component, amount in prices.items()}
                    for instance, prices in instances.items()
                }
                for region, instances in self.hourly.items()
            },
            "storage": {region: str(amount) for region, amount in self.storage.items()},
        }


def bundled() -> Catalogue:
    """The package's own list prices."""
    hourly: dict[str, dict[str, dict[str, Decimal]]] = {}
    storage = {}
    for region, names in bundled_prices.PRICES.items():
        for name, prices in names.items():
            amounts = {component: price.amount for component, price in prices.items()}
            if name == bundled_prices.S3_STANDARD:
                storage[region] = amounts[STORED]
            else:
                hourly.setdefault(region, {})[name] = amounts
    return Catalogue(date=bundled_prices.DATE, hourly=hourly, storage=storage)


def read_file(path: Path) -> Catalogue:
    """Reads a file of prices. Raises ValueError, which names the file and its mistake."""
    try:
        return parsed(json.loads(path.read_bytes()))
    except (OSError, ValueError) as problem:
        raise ValueError(f"the prices of {path} cannot be read: {problem}") from problem


def parsed(content: object) -> Catalogue:
    """Parses prices. Raises ValueError with the wrong value, and what is expected instead."""
    sections = {"date", "hourly", "storage"}
    if not isinstance(content, dict) or not set(content) <= sections:
        raise ValueError(f"{_short(content)}: expected an object of {', '.join(sorted(sections))}")
    date = content.get("date", dt.date.today().isoformat())
    try:
        dt.date.fromisoformat(date)
    except (TypeError, ValueError):
        raise ValueError(f"date = {date!r}: expected a day such as 2026-11-26") from None
    hourly = {
        region: {
            _instance(instance): _components(prices, f"hourly.{region}.{instance}")
            for instance, prices in _members(instances, f"hourly.{region}").items()
        }
        for region, instances in _members(content.get("hourly", {}), "hourly").items()
    }
    storage = {
        region: _amount(value, f"storage.{region}")
        for region, value in _members(content.get("storage", {}), "storage").items()
    }
    return Catalogue(date=date, hourly=hourly, storage=storage)


def _instance(name: str) -> str:
    if not name.startswith("ml."):
        raise ValueError(f"{name!r} among hourly prices: expected an instance such as ml.m5.large")
    return name


def _components(prices: object, where: str) -> dict[str, Decimal]:
    amounts = {}
    for component, value in _members(prices, where).items():
        if component not in COMPONENTS:
            raise ValueError(f"{where}.{component}: expected one of {', '.join(COMPONENTS)}")
        amounts[component] = _amount(value, f"{where}.{component}")
    return amounts


def _members(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise ValueError(f"{where} = {_short(value)}: expected an object")
    return value


def _amount(value: object, where: str) -> Decimal:
    try:
        amount = Decimal(str(value)) if isinstance(value, str | int | float) else Decimal(0)
    except InvalidOperation:
        amount = Decimal(0)
    if isinstance(value, bool) or not amount.is_finite() or amount <= 0:
        raise ValueError(f'{where} = {_short(value)}: expected US dollars, such as "0.115"')
    return amount


def _short(value: object) -> str:
    return json.dumps(value, default=repr)[:80]
