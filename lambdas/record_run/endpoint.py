"""What the endpoint costs by the day, and whether anybody calls it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from notice_texts import NoticeTexts
from notices import Notices
from ratchet.costs import money, rows
from ratchet.costs.billing import hours
from ratchet.costs.price_book import PriceBook
from ratchet.costs.rows import Row
from ratchet.costs.run_costs import Labels, priced
from ratchet.loop.answers import says_missing
from record_run.day_files import DayFiles

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.client import CloudWatchClient
    from mypy_boto3_sagemaker.client import SageMakerClient

    from topic import Notice

_HAS_INSTANCES = frozenset({"InService", "Updating", "SystemUpdating", "RollingBack"})
_IDLE = "idle"


@dataclass(frozen=True, kw_only=True)
class BilledVariant:
    """The instances behind one variant of the endpoint, as they are now."""

    name: str
    instance_type: str
    instance_count: int


@dataclass(frozen=True, kw_only=True)
class EndpointReader:
    """The endpoint, read once for each wake."""

    name: str
    sagemaker: SageMakerClient
    cloudwatch: CloudWatchClient
    files: DayFiles
    prices: PriceBook
    labels: Labels
    idle_hours: int
    """0: an idle endpoint is not reported."""
    now: datetime
    notices: Notices

    def record(self) -> None:
        """Adds the cost of the time since the last record, for the instances that serve now, and
        sends a notice about an endpoint that nobody calls."""
        try:
            endpoint = self.sagemaker.describe_endpoint(EndpointName=self.name)
        except ClientError as error:
            if says_missing(error):
                return
            raise
        if endpoint["EndpointStatus"] not in _HAS_INSTANCES:
            return
        variants = self._variants(endpoint)
        created = endpoint["CreationTime"]
        today = self.now.astimezone(UTC).date()
        for day in (today - timedelta(days=1), today):
            change = partial(self._day, day=day, variants=variants, created=created)
            self.files.change(rows.ENDPOINTS, day, change)
        if self.idle_hours:
            self._look_for_idleness(variants, endpoint.get("LastModifiedTime", created))

    def _variants(self, endpoint: Mapping[str, Any]) -> list[BilledVariant]:
        """The variants on instances: a serverless variant is billed by the request."""
        config = self.sagemaker.describe_endpoint_config(
            EndpointConfigName=endpoint["EndpointConfigName"]
        )
        kinds = {v["VariantName"]: v.get("InstanceType") for v in config["ProductionVariants"]}
        return [
            BilledVariant(
                name=variant["VariantName"],
                instance_type=kind,
                instance_count=int(variant.get("CurrentInstanceCount") or 1),
            )
            for variant in endpoint.get("ProductionVariants", ())
            if (kind := kinds.get(variant["VariantName"]))
        ]

    def _day(
        self,
        before: Sequence[Row],
        *,
        day: date,
        variants: Sequence[BilledVariant],
        created: datetime,
    ) -> list[Row]:
        """The rows of a day, calculated up to now or to the day's end."""
        first = datetime.combine(day, time(), tzinfo=UTC)
        start, end = max(first, created), min(self.now, first + timedelta(days=1))
        of_endpoint = {row.instance_type: row for row in before if row.resource == self.name}
        others = [row for row in before if row.resource != self.name]
        # Every variant goes on from the same time, whichever instances served until then.
        until = max((rows.time_of(row.ended) for row in of_endpoint.values()), default=start)
        seconds = (end - max(start, until)).total_seconds()
        if seconds <= 0:
            return list(before)
        for variant in variants:
            row = of_endpoint.get(variant.instance_type) or self._new(variant, max(start, until))
            of_endpoint[variant.instance_type] = self._longer(row, variant, seconds, end)
        return [*others, *of_endpoint.values()]

    def _new(self, variant: BilledVariant, start: datetime) -> Row:
        return Row(
            kind="endpoint",
            recorded_at="",
            **self.labels.of_rows,
            pipeline=rows.ENDPOINTS,
            resource=self.name,
            component=rows.HOSTING,
            instance_type=variant.instance_type,
            started=rows.time_text(start),
            price_unit=rows.HOUR,
        )

    def _longer(self, row: Row, variant: BilledVariant, seconds: float, end: datetime) -> Row:
        units = (row.units or Decimal(0)) + hours(seconds, variant.instance_count)
        cost = priced(units, self.prices.price(rows.HOSTING, variant.instance_type))
        return replace(
            row,
            recorded_at=rows.time_text(self.now),
            instance_count=variant.instance_count,
            ended=rows.time_text(end),
            billed_seconds=round(row.billed_seconds + seconds, 3),
            used_seconds=round(row.used_seconds + seconds, 3),
            units=money.rounded(units),
            **cost,
        )

    # -- idleness ------------------------------------------------------------------------------

    def _look_for_idleness(self, variants: Sequence[BilledVariant], changed: datetime) -> None:
        """Sends one notice each time the endpoint falls idle."""
        is_known = self.notices.record.knows(_IDLE, self.name)
        waited = self.now - changed >= timedelta(hours=self.idle_hours)
        idle = waited and not self._invocations(variants)
        if idle and not is_known:
            notice = self._notice_of_idleness(variants)
            self.notices.change(lambda record: record.with_news(_IDLE, self.name, notice))
        elif is_known and not idle:
            self.notices.change(lambda record: record.without(_IDLE))

    def _notice_of_idleness(self, variants: Sequence[BilledVariant]) -> Notice:
        prices = {v: self.prices.price(rows.HOSTING, v.instance_type) for v in variants}
        daily = [p.amount * v.instance_count * 24 for v, p in prices.items() if p]
        on = ", ".join(f"{v.instance_count} × {v.instance_type}" for v in variants)
        texts = NoticeTexts(project=self.labels.project, environment=self.labels.environment)
        return texts.idle_endpoint(
            self.name,
            hours=self.idle_hours,
            on=on,
            cost=money.shown(money.total(daily)) if len(daily) == len(prices) else None,
        )

    def _invocations(self, variants: Sequence[BilledVariant]) -> float:
        """The calls of all variants in the last `idle_hours`."""
        total = 0.0
        for variant in variants:
            answer = self.cloudwatch.get_metric_statistics(
                Namespace="AWS/SageMaker",
                MetricName="Invocations",
                Dimensions=[
                    {"Name": "EndpointName", "Value": self.name},
                    {"Name": "VariantName", "Value": variant.name},
                ],
                StartTime=self.now - timedelta(hours=self.idle_hours),
                EndTime=self.now,
                Period=3600,
                Statistics=["Sum"],
            )
            total += sum(point.get("Sum", 0.0) for point in answer["Datapoints"])
        return total
