"""The package's own prices: their form, and how they stand behind the Price List's."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal

from ratchet.costs import bundled_prices
from ratchet.costs.prices import Listed, PriceTable
from ratchet.costs.rows import BUNDLED, COMPONENTS, PRICE_LIST, STORED
from ratchet.settings.registry_accounts import XGBOOST

INSTANCE = re.compile(r"ml\.[a-z0-9]+\.\w+")


def test_every_price_is_of_an_instance_or_of_storage_in_a_region_that_is_known() -> None:
    for region, names in bundled_prices.PRICES.items():
        assert region in XGBOOST, region
        for name, prices in names.items():
            wanted = (STORED,) if name == bundled_prices.S3_STANDARD else COMPONENTS
            assert name == bundled_prices.S3_STANDARD or INSTANCE.fullmatch(name), name
            assert set(prices) <= set(wanted), (region, name)


def test_every_price_is_of_a_plausible_size_and_of_a_day_in_the_past() -> None:
    for names in bundled_prices.PRICES.values():
        for name, prices in names.items():
            for price in prices.values():
                assert Decimal("0.01") < price.amount < 50, name
                assert dt.date.fromisoformat(price.date) <= dt.date(2026, 11, 26), name
                assert price.date <= bundled_prices.DATE


def test_no_two_sources_contradict_each_other() -> None:
    said: dict[tuple[str, str, str], set[str]] = {}
    for source in bundled_prices._SOURCES:
        for name, components, amount in source.prices:
            for component in components:
                said.setdefault((source.region, name, component), set()).add(amount)
    assert {place: amounts for place, amounts in said.items() if len(amounts) > 1} == {}


def test_a_bundled_price_has_the_date_of_its_source() -> None:
    table = PriceTable(region="eu-west-1")
    price = table.price("Training", "ml.m5.xlarge")
    assert price is not None
    assert (price.amount, price.source, price.date) == (Decimal("0.257"), BUNDLED, "2023-12-31")


def test_what_the_price_list_said_comes_before_what_is_bundled() -> None:
    listed = Listed(date="2026-11-01", hourly={"Training": Decimal("0.3")})
    table = PriceTable(region="eu-west-1").with_listed("ml.m5.xlarge", listed)
    price = table.price("Training", "ml.m5.xlarge")
    assert price is not None
    assert (price.amount, price.source) == (Decimal("0.3"), PRICE_LIST)


def test_what_no_source_has_is_unknown() -> None:
    assert PriceTable(region="us-east-1").price("Transform", "ml.m5.large") is None
    assert PriceTable(region="eu-west-1").price("Training", "ml.x9.huge") is None
    assert PriceTable(region="mars-1").price("Training", "ml.m5.large") is None


def test_storage_is_found_by_its_name() -> None:
    price = PriceTable(region="us-east-1").price(STORED, bundled_prices.S3_STANDARD)
    assert price is not None
    assert price.amount == Decimal("0.023")
