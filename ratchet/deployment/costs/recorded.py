"""The recorded rows of a deployment, from its artifact bucket."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date
from decimal import Decimal
from typing import TYPE_CHECKING

from ratchet.costs import money, rows
from ratchet.deployment.errors import DeploymentError, NotDeployedError, UnknownNameError, nearest
from ratchet.deployment.target.environment import Target

if TYPE_CHECKING:
    from ratchet.costs.rows import Row
    from ratchet.costs_report.period import Period
    from ratchet.costs_report.recorded_rows import ReportRow
    from ratchet.deployment.runs.executions import Run

_AT_ONCE = 16


@dataclass(frozen=True, kw_only=True)
class DayObject:
    """The rows of one pipeline and day."""

    key: str
    pipeline: str
    day: date


@dataclass(frozen=True, kw_only=True)
class StepCost:
    """What the jobs of one step cost."""

    cost: Decimal
    unknown: int
    """Jobs whose cost is not known."""
    cached: bool
    saved: Decimal
    """By the cache and by spot capacity, as far as it is known."""


@dataclass(frozen=True, kw_only=True)
class RunCost:
    """The recorded cost of a run."""

    run: str
    steps: Mapping[str, StepCost] = field(default_factory=dict)
    so_far: bool = False
    """It was recorded while it ran."""

    @property
    def cost(self) -> Decimal:
        return money.total(step.cost for step in self.steps.values())

    @property
    def unknown(self) -> int:
        return sum(step.unknown for step in self.steps.values())

    @property
    def saved(self) -> Decimal:
        return money.total(step.saved for step in self.steps.values())


def objects(
    target: Target, bucket: str, period: Period, *, pipelines: Sequence[str]
) -> list[DayObject]:
    """The objects with the rows of these pipelines in a period."""

    def of(pipeline: str) -> list[DayObject]:
        return list(_listed(target, bucket, pipeline, period))

    target.client("s3")  # made here once: making clients is not safe in threads
    with ThreadPoolExecutor(max_workers=8) as pool:
        return [day_object for listed in pool.map(of, pipelines) for day_object in listed]


def pipelines(target: Target, bucket: str) -> list[str]:
    """Every pipeline with records; ENDPOINTS and STORAGE are among them."""
    pages = (
        target.client("s3")
        .get_paginator("list_objects_v2")
        .paginate(Bucket=bucket, Prefix=rows.FOLDER, Delimiter="/")
    )
    prefixes = (item["Prefix"] for page in pages for item in page.get("CommonPrefixes", ()))
    return [p.removeprefix(f"{rows.FOLDER}pipeline=").rstrip("/") for p in prefixes]


def _listed(target: Target, bucket: str, pipeline: str, period: Period) -> Iterator[DayObject]:
    folder = f"{rows.FOLDER}pipeline={pipeline}/"
    # Keys are in the order of days, so what is before the period need not be listed.
    after = rows.key(pipeline, period.first).removesuffix(rows.SUFFIX)
    pages = (
        target.client("s3")
        .get_paginator("list_objects_v2")
        .paginate(Bucket=bucket, Prefix=folder, StartAfter=after)
    )
    for page in pages:
        for item in page.get("Contents", ()):
            day = _day_of(item["Key"])
            if day is None:
                continue
            if day > period.last:
                return
            if day in period:
                yield DayObject(key=item["Key"], pipeline=pipeline, day=day)


def _day_of(key: str) -> date | None:
    name = key.rsplit("/", 1)[-1]
    try:
        is_rows = name.endswith(rows.SUFFIX)
        return date.fromisoformat(name.removesuffix(rows.SUFFIX)) if is_rows else None
    except ValueError:
        return None


def named(target: Target, pipelines: Sequence[str], text: str) -> str:
    """The recorded pipeline that `text` means: its kind (`training`) or the name itself.

    The pipeline may have been deleted since.

    Raises:
        UnknownNameError: nothing is recorded of such a pipeline.
    """
    deployed_name = target.settings.pipeline_name(text)
    if deployed_name in pipelines or text in pipelines:
        return deployed_name if deployed_name in pipelines else text
    of_pipelines = [name for name in pipelines if name not in {rows.ENDPOINTS, rows.STORAGE}]
    kinds = [name.removeprefix(f"{target.settings.prefix}-") for name in of_pipelines]
    listed = f" There are: {', '.join(kinds)}" if kinds else ""
    raise UnknownNameError(
        f"nothing is recorded of a pipeline {text!r}{nearest(text, kinds)}{listed}"
    )


def check_experiment(listed: Iterable[ReportRow], experiment: str, period: Period) -> None:
    """Raises:
    UnknownNameError: no row is of this experiment.
    """
    experiments = sorted({row.experiment for row in listed if row.experiment})
    if experiment not in experiments:
        names = f" There are: {', '.join(experiments[:10])}" if experiments else ""
        raise UnknownNameError(
            f"no run of experiment {experiment!r} from {period.first} to {period.last}"
            f"{nearest(experiment, experiments)}{names}"
        )


def why_nothing(target: Target, period: Period) -> tuple[str, str]:
    """Why a period has no rows, in a sentence, and the command to type next."""
    from ratchet.deployment.target import facts

    bucket = facts.read(target).artifacts_bucket
    none = f"Nothing is recorded from {period.first} to {period.last}"
    always = type(period)(first=date(1970, 1, 1), last=date.max)
    days = [
        day_object.day
        for day_object in objects(target, bucket, always, pipelines=pipelines(target, bucket))
    ]
    if days:
        reason = f"{none}: the records are from {min(days)} to {max(days)}."
        return reason, f"costs --since {min(days)} --until {max(days)}"
    if facts.parameter_value(target, target.settings.parameter("operations")) is None:
        return f"{none}: the Operations stack, which records runs, is not deployed.", "deploy"
    return f"{none}: a run is recorded soon after it ends, and none has ended.", "runs"


def read(target: Target, bucket: str, day_objects: Iterable[DayObject]) -> list[ReportRow]:
    """All rows of these objects.

    Raises:
        DeploymentError: an object holds something else; it is named. A total without it would be
            too small, so there is none.
    """
    from ratchet.costs_report import recorded_rows

    target.client("s3")  # as above
    listed: list[ReportRow] = []
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        objects = list(day_objects)
        bodies = pool.map(lambda day_object: _body(target, bucket, day_object.key), objects)
        for day_object, body in zip(objects, bodies, strict=True):
            try:
                listed += recorded_rows.read(body, day=day_object.day)
            except ValueError as problem:
                raise _no_rows(f"s3://{bucket}/{day_object.key}", problem) from problem
    return listed


def rows_of(target: Target, bucket: str, key: str) -> list[Row]:
    """The rows of one object. Raises DeploymentError, which names the object, if it holds
    anything else."""
    try:
        return rows.read(_body(target, bucket, key))
    except ValueError as problem:
        raise _no_rows(f"s3://{bucket}/{key}", problem) from problem


def _no_rows(uri: str, problem: ValueError) -> DeploymentError:
    return DeploymentError(
        f"{uri} holds a line that is no row of costs ({problem}). Look at it: aws s3 cp {uri} -"
    )


def _body(target: Target, bucket: str, key: str) -> bytes:
    body: bytes = target.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return body


def of_runs(target: Target, runs: Sequence[Run]) -> dict[str, RunCost]:
    """Execution id → cost, for the runs that are recorded and may be read.

    One object is fetched for each pipeline and day. A run without a record is left out, whatever
    the reason: what a run cost must never stand in the way of how it went.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    from ratchet.deployment.target import facts

    keys = {rows.key(run.pipeline, run.started.astimezone(UTC).date()) for run in runs}
    if not keys:
        return {}
    try:
        bucket = facts.read(target).artifacts_bucket
    except (ClientError, BotoCoreError, NotDeployedError):
        return {}

    def day(key: str) -> list[Row]:
        s3 = target.client("s3")
        try:
            return rows.read(_body(target, bucket, key))
        except (ClientError, BotoCoreError, ValueError, s3.exceptions.NoSuchKey):
            return []

    target.client("s3")  # as above
    with ThreadPoolExecutor(max_workers=8) as pool:
        recorded = [row for listed in pool.map(day, sorted(keys)) for row in listed]
    ids = {run.id for run in runs}
    return _by_run(row for row in recorded if row.run in ids)


def _by_run(recorded: Iterable[Row]) -> dict[str, RunCost]:
    runs: dict[str, list[Row]] = {}
    for row in recorded:
        runs.setdefault(row.run, []).append(row)
    return {run: run_cost(run, of_run) for run, of_run in runs.items()}


def run_cost(run: str, recorded: Sequence[Row]) -> RunCost:
    """The cost of a run from its rows (pure)."""
    steps: dict[str, list[Row]] = {}
    for row in recorded:
        steps.setdefault(row.step, []).append(row)
    return RunCost(
        run=run,
        steps={name: _step_cost(jobs) for name, jobs in steps.items()},
        so_far=any(row.run_status not in rows.ENDED for row in recorded),
    )


def _step_cost(jobs: Sequence[Row]) -> StepCost:
    add: Callable[[Iterable[Decimal]], Decimal] = money.total
    return StepCost(
        cost=add(row.cost for row in jobs if row.cost is not None),
        unknown=sum(row.cost is None for row in jobs),
        cached=any(row.cache_hit for row in jobs),
        saved=add(row.saved_by_spot + (row.saved_by_cache or Decimal(0)) for row in jobs),
    )
