"""What runs, endpoints and storage cost: a report of recorded rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from ratchet.costs import rows
from ratchet.costs_report import recorded_rows, report
from ratchet.costs_report.grouping import Amount, ReportLine, Spent
from ratchet.costs_report.models import ModelCost, Models
from ratchet.costs_report.period import Period, Trend
from ratchet.costs_report.report import By, CostReport
from ratchet.costs_report.sources import Gap, PriceSource
from ratchet.deployment.costs import recorded
from ratchet.deployment.target import facts
from ratchet.deployment.target.environment import Target


@dataclass(frozen=True, kw_only=True)
class SpentView:
    """What a group of rows cost, in US dollars, and what it would have cost more."""

    cost: Decimal
    unknown: int
    """Rows whose cost is not known; `cost` leaves them out."""
    runs: int
    cached_steps: int
    """Steps whose result was taken from an earlier run."""
    saved_by_cache: Decimal
    unknown_savings: int
    """Cached steps of which it is not known what they cost once."""
    saved_by_spot: Decimal


@dataclass(frozen=True, kw_only=True)
class MonthView(SpentView):
    """One month, and what each kind of row cost in it."""

    month: str
    """YYYY-MM."""
    kinds: Mapping[str, Amount]


@dataclass(frozen=True, kw_only=True)
class ModelsCost:
    """What the registered versions cost."""

    registered: int
    cost: Decimal
    unknown: int
    per_version: Decimal | None
    """None: none was registered."""


@dataclass(frozen=True, kw_only=True)
class CostView:
    """A cost report."""

    by: By | None
    """None: the overview, whose lines are pipelines."""
    since: date
    until: date
    experiment: str | None
    """None: all of them."""
    currency: str
    total: SpentView
    lines: tuple[Mapping[str, Any], ...]
    """The dearest first; their keys are those of the grouping."""
    trend: Trend
    """What the trend of a line is cut into."""
    months: tuple[MonthView, ...]
    """The newest first."""
    models: ModelsCost
    prices: tuple[PriceSource, ...]
    unknown: tuple[Gap, ...]
    """Rows without a known price, those with the most rows first."""


def read_report(
    target: Target,
    *,
    by: By | None,
    period: Period,
    pipeline: str | None = None,
    experiment: str = "",
    limit: int | None = None,
) -> CostReport:
    """Reads the recorded rows of a period, and adds them up.

    Args:
        pipeline: its kind (`training`) or its name; None: all.
        experiment: "": all.
        limit: lines to show; None: all.

    Raises:
        NotDeployedError: the environment is not deployed.
        UnknownNameError: nothing is recorded of the pipeline or the experiment.
    """
    bucket = facts.read(target).artifacts_bucket
    pipelines = recorded.pipelines(target, bucket)
    selected = [recorded.named(target, pipelines, pipeline)] if pipeline else pipelines
    objects = recorded.objects(target, bucket, period, pipelines=selected)
    records = recorded.read(target, bucket, objects)
    if experiment:
        recorded.check_experiment(records, experiment, period)
    return report.report(
        recorded_rows.of_experiment(records, experiment),
        by=by,
        period=period,
        today=datetime.now(UTC).date(),
        experiment=experiment,
        limit=limit,
    )


def cost_view(made: CostReport) -> CostView:
    """The whole report. `limit` bounds the lines."""
    models = made.models
    return CostView(
        by=made.by,
        since=made.period.first,
        until=made.period.last,
        experiment=made.experiment or None,
        currency="USD",
        total=SpentView(**_spent(made.total)),
        lines=tuple(_lines(made)),
        trend=made.trend,
        months=tuple(_month(line, made) for line in made.months),
        models=_models(models),
        prices=made.prices.sources,
        unknown=made.prices.gaps,
    )


def _month(line: ReportLine, made: CostReport) -> MonthView:
    kinds = dict(sorted(made.kinds_by_month[line.name].items()))
    return MonthView(month=line.name, kinds=kinds, **_spent(line.spent))


def _models(models: Models) -> ModelsCost:
    return ModelsCost(
        registered=models.registered,
        cost=models.cost,
        unknown=models.unknown,
        per_version=models.per_version,
    )


def _lines(made: CostReport) -> Iterator[Mapping[str, Any]]:
    if made.by == "model":
        yield from map(_of_model, made.models.lines[: made.limit])
        return
    for line in made.lines[: made.limit]:
        trend = {"trend": line.trend} if line.trend else {}
        yield {**dict(_naming(line, made.by or "pipeline")), **_spent(line.spent), **trend}


def _naming(line: ReportLine, by: By) -> Iterator[tuple[str, Any]]:
    of_step = line.kind == rows.STEP
    if by == "month":
        yield "month", line.name
        return
    yield "kind", line.kind
    if by == "experiment":
        yield "experiment", line.name if of_step else None
    else:
        yield "pipeline", line.name if of_step else None
    yield "resource", None if of_step else line.name
    if by == "step":
        yield "step", line.step or None
    if by == "run":
        yield "run", line.run or None
        yield "run_name", line.run_name or None
        yield "status", line.run_status or None
        yield "experiment", line.experiment or None
        yield "started", line.started or None
    yield "first_day", line.first


def _of_model(line: ModelCost) -> Mapping[str, Any]:
    return {
        "pipeline": line.pipeline,
        "versions": line.versions,
        "run": line.run or None,
        "day": line.day,
        "runs": line.runs,
        "cost": line.cost,
        "unknown": line.unknown,
    }


def _spent(spent: Spent) -> dict[str, Any]:
    renamed = {"cached": "cached_steps"}
    return {renamed.get(name, name): amount for name, amount in asdict(spent).items()}
