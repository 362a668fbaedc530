"""What the endpoint and the buckets cost by the day, and an endpoint that nobody asks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from record_run import handler as entry
from tests.unit.lambdas.fake_billed import FakeBilled
from tests.unit.lambdas.fake_cloud import ARTIFACTS, DATA
from tests.unit.lambdas.record_driver import NOW, PRICES, connected, look, notices, recorded


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeBilled]:
    yield connected(FakeBilled(now=NOW, prices=dict(PRICES)), monkeypatch)
    entry._labels.cache_clear()


def serve(cloud: FakeBilled, since: datetime, count: int = 2) -> None:
    cloud.serving = {
        "EndpointStatus": "InService",
        "EndpointConfigName": "c",
        "CreationTime": since,
        "LastModifiedTime": since,
        "ProductionVariants": [{"VariantName": "AllTraffic", "CurrentInstanceCount": count}],
    }


def hours(cloud: FakeBilled) -> list[tuple[str, float]]:
    return [(row.started[:10], float(row.units or 0)) for row in recorded(cloud, "_endpoint")]


def test_the_endpoint_is_reckoned_by_the_day(cloud: FakeBilled) -> None:
    serve(cloud, NOW - timedelta(hours=14))  # 22:00 the day before
    look()
    assert hours(cloud) == [
        ("2026-11-25", 4),
        ("2026-11-26", 24),
    ]
    today = recorded(cloud, "_endpoint")[-1]
    assert today.cost == Decimal("2.76")
    assert (today.resource, today.component, today.kind) == ("flights-dev", "Hosting", "endpoint")


def test_what_was_reckoned_is_not_reckoned_again_and_scaling_counts_from_then(
    cloud: FakeBilled,
) -> None:
    serve(cloud, NOW)
    cloud.advance(3600)
    look()
    look()
    serve(cloud, NOW, count=4)
    cloud.advance(1800)
    look()
    assert hours(cloud) == [("2026-11-26", 4)]  # 2 × 1 h + 4 × 0.5 h


def test_an_endpoint_that_is_gone_costs_nothing_more(cloud: FakeBilled) -> None:
    serve(cloud, NOW)
    cloud.advance(3600)
    look()
    cloud.serving = None
    cloud.advance(3600)
    look()
    assert hours(cloud) == [("2026-11-26", 2)]


def test_an_idle_endpoint_is_reported_once_with_what_it_costs(cloud: FakeBilled) -> None:
    serve(cloud, NOW)
    cloud.advance(23 * 3600)
    look()
    assert notices(cloud) == []
    cloud.advance(3600)
    look()
    look()
    (mail,) = notices(cloud)
    assert "nobody called the endpoint for 24 h" in mail
    assert "costs $5.52 a day (2 × ml.m5.large)" in mail
    cloud.points["Invocations"] = [(cloud.now, 3.0)]
    cloud.advance(3600)
    look()  # somebody called it
    cloud.advance(25 * 3600)
    look()
    assert len(notices(cloud)) == 2


def test_a_busy_endpoint_is_not_reported(cloud: FakeBilled) -> None:
    serve(cloud, NOW)
    cloud.points["Invocations"] = [(NOW + timedelta(hours=47), 1.0)]
    cloud.advance(48 * 3600)
    look()
    assert notices(cloud) == []


def test_what_the_buckets_hold_is_a_row_a_day(cloud: FakeBilled) -> None:
    measured = datetime(2026, 11, 25, tzinfo=UTC)
    cloud.points["BucketSizeBytes"] = [(measured, 30 * 2**30)]
    look()
    look()
    found = recorded(cloud, "_storage")
    assert {(row.resource, row.units) for row in found} == {
        (DATA, Decimal(1)),  # 30 GB for one of the 30 days of November
        (ARTIFACTS, Decimal(1)),
    }
    # This Price List lists no storage; the package has a price of it.
    assert {(row.cost, row.price_source) for row in found} == {(Decimal("0.023"), "bundled")}
