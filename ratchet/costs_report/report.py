"""Everything that a report says, reckoned once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from ratchet.costs_report import grouping, sources
from ratchet.costs_report import models as registered
from ratchet.costs_report.grouping import Amount, ReportLine, Spent
from ratchet.costs_report.models import Models
from ratchet.costs_report.period import Period, Trend, trend
from ratchet.costs_report.recorded_rows import ReportRow
from ratchet.costs_report.sources import Prices

By = Literal["run", "experiment", "pipeline", "step", "month", "model"]


@dataclass(frozen=True, kw_only=True)
class CostReport:
    by: By | None
    """None: the overview, whose lines are pipelines."""
    period: Period
    today: date
    experiment: str
    """Empty: all of them."""
    limit: int | None
    """Lines to show; None: all."""
    total: Spent
    lines: tuple[ReportLine, ...]
    """The dearest first; months the newest first. Empty by model."""
    months: tuple[ReportLine, ...]
    kinds_by_month: Mapping[str, Mapping[str, Amount]]
    models: Models
    prices: Prices

    @property
    def trend(self) -> Trend:
        """What the trend of a line is cut into."""
        return trend(self.period)


def report(
    listed: Sequence[ReportRow],
    *,
    by: By | None,
    period: Period,
    today: date,
    experiment: str = "",
    limit: int | None = None,
) -> CostReport:
    """A report of these rows, which are those of the period and the experiment already."""
    sums = grouping.sums(listed)
    lines: Sequence[ReportLine] = ()
    if by == "month":
        lines = sums.months
    elif by != "model":
        lines = grouping.lines(listed, by or "pipeline", period)
    return CostReport(
        by=by,
        period=period,
        today=today,
        experiment=experiment,
        limit=limit,
        total=sums.total,
        lines=tuple(lines),
        months=sums.months,
        kinds_by_month=sums.kinds_by_month,
        models=registered.models(listed),
        prices=sources.prices(listed),
    )
