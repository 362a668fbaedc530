"""What the buckets cost by the day: S3 measures them once a day, for CloudWatch."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from ratchet.costs import money, rows
from ratchet.costs.price_book import S3_STANDARD, PriceBook
from ratchet.costs.rows import Row
from ratchet.costs.run_costs import Labels, priced
from record_run.day_files import DayFiles

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.client import CloudWatchClient

_GB = 2**30  # as S3 bills: https://aws.amazon.com/s3/pricing/
_LATEST_DAYS = 2
"""The measurement of a day comes during the next one."""


@dataclass(frozen=True, kw_only=True)
class BucketBytes:
    """The size of the loop's buckets in S3 Standard, overwritten versions included, read once
    for each wake."""

    buckets: Sequence[str]
    cloudwatch: CloudWatchClient
    files: DayFiles
    prices: PriceBook
    labels: Labels
    now: datetime

    def record(self) -> None:
        """Writes a row for each bucket and measured day that has no row with a price yet."""
        today = self.now.astimezone(UTC).date()
        for back in range(1, _LATEST_DAYS + 1):
            day = today - timedelta(days=back)
            recorded = self.files.rows(rows.STORAGE, day)
            priced_buckets = {row.resource for row in recorded if row.cost is not None}
            for bucket in self.buckets:
                if bucket in priced_buckets:
                    continue
                if (held := self._bytes(bucket, day)) is not None:
                    row = self._row(bucket, day, held)
                    self.files.change(rows.STORAGE, day, partial(_with, row=row))

    def _bytes(self, bucket: str, day: date) -> float | None:
        start = datetime.combine(day, time(), tzinfo=UTC)
        answer = self.cloudwatch.get_metric_statistics(
            Namespace="AWS/S3",
            MetricName="BucketSizeBytes",
            Dimensions=[
                {"Name": "BucketName", "Value": bucket},
                {"Name": "StorageType", "Value": "StandardStorage"},
            ],
            StartTime=start,
            EndTime=start + timedelta(days=1),
            Period=86_400,
            Statistics=["Average"],
        )
        return next((point["Average"] for point in answer["Datapoints"]), None)

    def _row(self, bucket: str, day: date, held: float) -> Row:
        start = datetime.combine(day, time(), tzinfo=UTC)
        days = calendar.monthrange(day.year, day.month)[1]
        units = money.rounded(Decimal(int(held)) / _GB / days)
        return Row(
            kind="storage",
            recorded_at=rows.time_text(self.now),
            **self.labels.of_rows,
            pipeline=rows.STORAGE,
            resource=bucket,
            component=rows.STORED,
            instance_type=S3_STANDARD,
            started=rows.time_text(start),
            ended=rows.time_text(start + timedelta(days=1)),
            units=units,
            price_unit=rows.GB_MONTH,
            **priced(units, self.prices.storage()),
        )


def _with(before: Sequence[Row], *, row: Row) -> list[Row]:
    return [*(other for other in before if other.resource != row.resource), row]
