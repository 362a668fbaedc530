"""The basis of an estimate: how long steps took in past runs, and today's prices."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from ratchet.costs import durations, price_list
from ratchet.costs.durations import History
from ratchet.costs.price_book import PriceBook
from ratchet.costs_report.period import Period
from ratchet.deployment.costs import recorded as recorded_costs
from ratchet.deployment.target import facts
from ratchet.deployment.target.environment import Target

if TYPE_CHECKING:
    from ratchet.costs.rows import Row

_DAYS_AT_ONCE = 16
_MOST_DAYS = 96
"""With runs. A step that has not run on the newest of them says nothing by older ones."""


def history(target: Target, pipeline: str, steps: Collection[str]) -> History:
    """Durations from the newest runs of a pipeline, until these steps have enough of them.

    Args:
        pipeline: its name.
        steps: those whose durations are wanted.

    Raises:
        NotDeployedError: nothing is deployed, so nothing is recorded.
        DeploymentError: an object holds something else; it is named.
    """
    bucket = facts.read(target).artifacts_bucket
    today = datetime.now(UTC).date()
    period = Period(first=date(2000, 1, 1), last=today)
    objects = recorded_costs.objects(target, bucket, period, pipelines=[pipeline])
    newest = sorted(objects, key=lambda item: item.day, reverse=True)[:_MOST_DAYS]
    target.client("s3")  # made here once: making clients is not safe in threads

    def read(key: str) -> list[Row]:
        return recorded_costs.rows_of(target, bucket, key)

    recorded: list[Row] = []
    with ThreadPoolExecutor(max_workers=_DAYS_AT_ONCE) as pool:
        for first in range(0, len(newest), _DAYS_AT_ONCE):
            keys = [item.key for item in newest[first : first + _DAYS_AT_ONCE]]
            recorded += [row for day in pool.map(read, keys) for row in day]
            if durations.history(recorded).enough(steps):
                break
    return durations.history(recorded)


def prices(target: Target) -> PriceBook:
    """Today's prices from the loop's records; missing prices are looked up, and not stored.

    Raises:
        NotDeployedError: nothing is deployed.
    """
    return PriceBook(
        s3=target.client("s3"),
        pricing=target.client("pricing", region=price_list.ENDPOINT_REGIONS[0]),
        bucket=facts.read(target).artifacts_bucket,
        region=target.region,
        today=datetime.now(UTC).date(),
    )
