"""What the endpoint costs by the day, and whether anybody asks it anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from notices import Notices
from notify.texts import Loop
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
class Variant:
    """The instances behind one variant of the endpoint, as they are now."""

    name: str
    instance_type: str
    instance_count: int


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One for each look."""

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
        """Reckons the time since the last look, at the instances that serve now, and tells people
        of an endpoint that nobody asks."""
        try:
            told = self.sagemaker.describe_endpoint(EndpointName=self.name)
        except ClientError as error:
            if says_missing(error):
                return
            raise
        if told["EndpointStatus"] not in _HAS_INSTANCES:
            return
        variants = self._variants(told)
        created = told["CreationTime"]
        today = self.now.astimezone(UTC).date()
        for day in (today - timedelta(days=1), today):
            change = partial(self._day, day=day, variants=variants, created=created)
            self.files.change(rows.ENDPOINTS, day, change)
        if self.idle_hours:
            self._look_for_idleness(variants, told.get("LastModifiedTime", created))

    def _variants(self, told: Mapping[str, Any]) -> list[Variant]:
        """Those on instances: what is serverless is billed by the request."""
        config = self.sagemaker.describe_endpoint_config(
            EndpointConfigName=told["EndpointConfigName"]
        )
        kinds = {v["VariantName"]: v.get("InstanceType") for v in config["ProductionVariants"]}
        return [
            Variant(
                name=variant["VariantName"],
                instance_type=kind,
                instance_count=int(variant.get("CurrentInstanceCount") or 1),
            )
            for variant in told.get("ProductionVariants", ())
            if (kind := kinds.get(variant["VariantName"]))
        ]

    def _day(
        self, known: Sequence[Row], *, day: date, variants: Sequence[Variant], created: datetime
    ) -> list[Row]:
        """The rows of a day, reckoned up to now or to the day's end."""
        first = datetime.combine(day, time(), tzinfo=UTC)
        start, end = max(first, created), min(self.now, first + timedelta(days=1))
        own = {row.instance_type: row for row in known if row.resource == self.name}
        rest = [row for row in known if row.resource != self.name]
        # Every variant goes on from the same time, whichever instances served until then.
        until = max((rows.time_of(row.ended) for row in own.values()), default=start)
        seconds = (end - max(start, until)).total_seconds()
        if seconds <= 0:
            return list(known)
        for variant in variants:
            row = own.get(variant.instance_type) or self._new(variant, max(start, until))
            own[variant.instance_type] = self._longer(row, variant, seconds, end)
        return [*rest, *own.values()]

    def _new(self, variant: Variant, start: datetime) -> Row:
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

    def _longer(self, row: Row, variant: Variant, seconds: float, end: datetime) -> Row:
        units = (row.units or Decimal(0)) + hours(seconds, variant.instance_count)
        told = priced(units, self.prices.price(rows.HOSTING, variant.instance_type))
        return replace(
            row,
            recorded_at=rows.time_text(self.now),
            instance_count=variant.instance_count,
            ended=rows.time_text(end),
            billed_seconds=round(row.billed_seconds + seconds, 3),
            used_seconds=round(row.used_seconds + seconds, 3),
            units=money.rounded(units),
            **told,
        )

    # -- idleness ------------------------------------------------------------------------------

    def _look_for_idleness(self, variants: Sequence[Variant], changed: datetime) -> None:
        """Once for each time that it falls idle."""
        is_known = self.notices.record.knows(_IDLE, self.name)
        waited = self.now - changed >= timedelta(hours=self.idle_hours)
        idle = waited and not self._invocations(variants)
        if idle and not is_known:
            notice = self._notice_of_idleness(variants)
            self.notices.change(lambda record: record.with_news(_IDLE, self.name, notice))
        elif is_known and not idle:
            self.notices.change(lambda record: record.without(_IDLE))

    def _notice_of_idleness(self, variants: Sequence[Variant]) -> Notice:
        prices = {v: self.prices.price(rows.HOSTING, v.instance_type) for v in variants}
        known = [p.amount * v.instance_count * 24 for v, p in prices.items() if p]
        on = ", ".join(f"{v.instance_count} × {v.instance_type}" for v in variants)
        loop = Loop(project=self.labels.project, environment=self.labels.environment)
        return loop.idle_endpoint(
            self.name,
            hours=self.idle_hours,
            on=on,
            cost=money.shown(money.total(known)) if len(known) == len(prices) else None,
        )

    def _invocations(self, variants: Sequence[Variant]) -> float:
        """Of all variants, over the last `idle_hours`."""
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
