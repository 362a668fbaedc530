"""How AWS bills a job, from what SageMaker tells of it (pure).

Sources: botocore's model of SageMaker says of DescribeTrainingJob "Multiply
BillableTimeInSeconds by the number of instances", likewise of a warm pool's
ResourceRetainedBillableTimeInSeconds, and of DescribeTransformJob that one is billed for the time
between its start and its end. Of processing it tells start and end only; that these are what is
billed, for each instance, is inferred. Fractions of a second are counted as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from ratchet.costs.rows import PROCESSING, TRAINING, TRANSFORM

_WARM = frozenset({"Available", "InUse"})
"""Statuses of a warm pool that goes on being billed, to this job while it waits."""


@dataclass(frozen=True, kw_only=True)
class Use:
    """Instances of one type that a job ran on. Seconds are of each instance."""

    component: str
    instance_type: str
    instance_count: int
    started: datetime | None = None
    """None: no instance was ever had, and nothing is billed."""
    ended: datetime | None = None
    billed_seconds: float = 0.0
    used_seconds: float = 0.0
    kept_warm_seconds: float = 0.0
    spot: bool = False
    open: bool = False
    """More will be billed."""
    children: int = 0

    @property
    def hours(self) -> Decimal:
        """Instance-hours that are billed."""
        return hours(self.billed_seconds, self.instance_count)

    @property
    def hours_spared(self) -> Decimal:
        """Instance-hours that spot capacity spared."""
        spared = self.used_seconds + self.kept_warm_seconds - self.billed_seconds
        return hours(max(0.0, spared), self.instance_count) if self.spot else Decimal(0)


def hours(seconds: float, count: int) -> Decimal:
    """Instance-hours of so many seconds of so many instances, to the millisecond."""
    return Decimal(str(round(seconds, 3))) * count / 3600


def training(job: Mapping[str, Any], *, now: datetime) -> list[Use]:
    """A training job, by the answer of DescribeTrainingJob: one use for each group of instances.

    While it runs, it counts as billed until now: what spot capacity spares is known at its end.
    """
    started, ended = job.get("TrainingStartTime"), job.get("TrainingEndTime")
    running = started is not None and ended is None
    used = job.get("TrainingTimeInSeconds") or _seconds(started, ended or now)
    billed = used if running else job.get("BillableTimeInSeconds", used)
    pool = job.get("WarmPoolStatus") or {}
    warm = float(pool.get("ResourceRetainedBillableTimeInSeconds") or 0)
    return [
        Use(
            component=TRAINING,
            instance_type=kind,
            instance_count=count,
            started=started,
            ended=ended,
            billed_seconds=float(billed) + warm if started else warm,
            used_seconds=float(used),
            kept_warm_seconds=warm,
            spot=bool(job.get("EnableManagedSpotTraining")),
            open=running or pool.get("Status") in _WARM,
        )
        for kind, count in _instances(job["ResourceConfig"])
    ]


def processing(job: Mapping[str, Any], *, now: datetime) -> list[Use]:
    """A processing job, by the answer of DescribeProcessingJob."""
    started, ended = job.get("ProcessingStartTime"), job.get("ProcessingEndTime")
    resources = job["ProcessingResources"]["ClusterConfig"]
    return _from_start_to_end(PROCESSING, resources, started, ended, now=now)


def transform(job: Mapping[str, Any], *, now: datetime) -> list[Use]:
    """A batch transform job, by the answer of DescribeTransformJob."""
    started, ended = job.get("TransformStartTime"), job.get("TransformEndTime")
    return _from_start_to_end(TRANSFORM, job["TransformResources"], started, ended, now=now)


def tuning(children: Iterable[Mapping[str, Any]], *, now: datetime) -> list[Use]:
    """A tuning job, by the answers of DescribeTrainingJob for the training jobs it started: one use
    for each kind and number of instances. The tuning itself costs nothing."""
    groups: dict[tuple[str, int], list[Use]] = {}
    for child in children:
        for use in training(child, now=now):
            groups.setdefault((use.instance_type, use.instance_count), []).append(use)
    return [
        Use(
            component=TRAINING,
            instance_type=kind,
            instance_count=count,
            started=min((use.started for use in uses if use.started), default=None),
            ended=_last(uses),
            billed_seconds=sum(use.billed_seconds for use in uses),
            used_seconds=sum(use.used_seconds for use in uses),
            kept_warm_seconds=sum(use.kept_warm_seconds for use in uses),
            spot=any(use.spot for use in uses),
            open=any(use.open for use in uses),
            children=len(uses),
        )
        for (kind, count), uses in sorted(groups.items())
    ]


def _last(uses: Iterable[Use]) -> datetime | None:
    ends = [use.ended for use in uses]
    return None if None in ends else max(end for end in ends if end is not None)


def _instances(resources: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Type and number. A job that may run on one of several types tells which it got."""
    if groups := resources.get("InstanceGroups"):
        for group in groups:
            yield group["InstanceType"], int(group["InstanceCount"])
        return
    kind = resources.get("SelectedInstanceType") or resources.get("InstanceType", "")
    count = resources.get("SelectedInstanceCount") or resources.get("InstanceCount", 1)
    yield kind, int(count)


def _from_start_to_end(
    component: str,
    resources: Mapping[str, Any],
    started: datetime | None,
    ended: datetime | None,
    *,
    now: datetime,
) -> list[Use]:
    seconds = _seconds(started, ended or now)
    return [
        Use(
            component=component,
            instance_type=kind,
            instance_count=count,
            started=started,
            ended=ended,
            billed_seconds=seconds,
            used_seconds=seconds,
            open=started is not None and ended is None,
        )
        for kind, count in _instances(resources)
    ]


def _seconds(started: datetime | None, ended: datetime) -> float:
    return max(0.0, (ended - started).total_seconds()) if started else 0.0
