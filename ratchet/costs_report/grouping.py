"""Rows grouped and added up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from ratchet.costs import rows
from ratchet.costs_report.period import Period, Trend, trend
from ratchet.costs_report.recorded_rows import ReportRow

By = Literal["run", "experiment", "pipeline", "step"]

_NOTHING = Decimal(0)
_Group = tuple[str, ...]
_GROUPS: Mapping[By, Callable[[ReportRow], _Group]] = {
    "run": lambda row: (row.kind, row.place, "", row.run),
    "experiment": lambda row: (row.kind, row.experiment if row.kind == rows.STEP else row.place),
    "pipeline": lambda row: (row.kind, row.place),
    "step": lambda row: (row.kind, row.place, row.step),
}
"""The kind, the name, and where there are such, the step and the run."""


@dataclass(frozen=True, kw_only=True)
class Amount:
    """What is known of a cost, and how many rows there are of which it is not."""

    cost: Decimal = _NOTHING
    unknown: int = 0


@dataclass(frozen=True, kw_only=True)
class Spent(Amount):
    """What a group of rows cost, and what it would have cost more."""

    runs: int = 0
    cached: int = 0
    """Steps whose result was taken from an earlier run."""
    saved_by_cache: Decimal = _NOTHING
    unknown_savings: int = 0
    """Cached steps of which it is not known what they cost once."""
    saved_by_spot: Decimal = _NOTHING


@dataclass(frozen=True, kw_only=True)
class ReportLine:
    """One line of a report."""

    kind: str
    """STEP, ENDPOINT, BUCKET; "" of a month, in which all of them are."""
    name: str
    """The pipeline, the experiment, the month (YYYY-MM); of an endpoint or a bucket its own."""
    first: date
    spent: Spent
    trend: tuple[Amount, ...] = ()
    step: str = ""
    run: str = ""
    run_name: str = ""
    run_status: str = ""
    experiment: str = ""
    started: str = ""
    """ISO 8601; empty when no step of the run began."""


@dataclass(slots=True)
class _Day:
    """What a group spent on one day. A run is of one day, so its days' runs are its runs."""

    group: _Group
    day: date
    cost: Decimal = _NOTHING
    unknown: int = 0
    runs: set[str] = field(default_factory=set)
    cached: int = 0
    saved_by_cache: Decimal = _NOTHING
    unknown_savings: int = 0
    saved_by_spot: Decimal = _NOTHING
    run_name: str = ""
    run_status: str = ""
    experiment: str = ""
    started: str = ""

    def add(self, row: ReportRow) -> None:
        if row.cost is None:
            self.unknown += 1
        elif row.cost:
            self.cost += row.cost
        if row.saved_by_cache is None:
            self.unknown_savings += 1
        elif row.saved_by_cache:
            self.saved_by_cache += row.saved_by_cache
        if row.saved_by_spot:
            self.saved_by_spot += row.saved_by_spot
        self.cached += row.cache_hit
        if row.kind == rows.STEP:
            self.runs.add(row.run)

    def describe(self, row: ReportRow) -> None:
        """What a line about a run says of it. A step that did not begin has no time."""
        self.run_name = max(self.run_name, row.run_name)
        self.run_status = max(self.run_status, row.run_status)
        self.experiment = max(self.experiment, row.experiment)
        self.started = min(filter(None, (self.started, row.started)), default="")

    @property
    def spent(self) -> Spent:
        return Spent(
            cost=self.cost,
            unknown=self.unknown,
            runs=len(self.runs),
            cached=self.cached,
            saved_by_cache=self.saved_by_cache,
            unknown_savings=self.unknown_savings,
            saved_by_spot=self.saved_by_spot,
        )


@dataclass(frozen=True, kw_only=True)
class Sums:
    """Everything together, and by the month."""

    total: Spent
    months: tuple[ReportLine, ...]
    """The newest first."""
    kinds_by_month: Mapping[str, Mapping[str, Amount]]


def lines(listed: Sequence[ReportRow], by: By, period: Period) -> list[ReportLine]:
    """A line for each group, the dearest first."""
    cut = trend(period) if by != "run" else None
    groups: dict[_Group, list[_Day]] = {}
    for day in _days(listed, by):
        groups.setdefault(day.group, []).append(day)
    return sorted((_line(group, days, cut) for group, days in groups.items()), key=_dearest)


def _dearest(line: ReportLine) -> tuple[Any, ...]:
    # What has no known price at all is before what cost nothing: it may be the dearest of all.
    spent = line.spent
    return -spent.cost, -spent.unknown, -spent.runs, line.kind, line.name, line.step, line.run


def sums(listed: Sequence[ReportRow]) -> Sums:
    """Of all rows."""
    days = _days(listed, "pipeline")
    months: dict[str, list[_Day]] = {}
    for day in days:
        months.setdefault(f"{day.day:%Y-%m}", []).append(day)
    kinds: dict[str, dict[str, Amount]] = {}
    for month, days_of_month in months.items():
        of_kind = kinds.setdefault(month, {})
        for day in days_of_month:
            kind = day.group[0]
            of_kind[kind] = _sum(of_kind.get(kind, Amount()), day)
    return Sums(
        total=_added(days),
        months=tuple(
            ReportLine(
                kind="", name=month, first=min(d.day for d in of_month), spent=_added(of_month)
            )
            for month, of_month in sorted(months.items(), reverse=True)
        ),
        kinds_by_month=kinds,
    )


def _days(listed: Sequence[ReportRow], by: By) -> list[_Day]:
    group_of, is_run = _GROUPS[by], by == "run"
    days: dict[tuple[date, _Group], _Day] = {}
    for row in listed:
        key = row.day, group_of(row)
        day = days.get(key)
        if day is None:
            day = days[key] = _Day(group=key[1], day=row.day)
        day.add(row)
        if is_run:
            day.describe(row)
    return list(days.values())


def _line(group: _Group, days: Sequence[_Day], cut: Trend | None) -> ReportLine:
    kind, name, step, run = (*group, "", "")[:4]
    first = days[0]
    return ReportLine(
        kind=kind,
        name=name,
        first=min(day.day for day in days),
        spent=_added(days),
        trend=_trend(days, cut) if cut else (),
        step=step,
        run=run,
        run_name=first.run_name,
        run_status=first.run_status,
        experiment=first.experiment,
        started=first.started,
    )


def _trend(days: Sequence[_Day], cut: Trend) -> tuple[Amount, ...]:
    amounts = [Amount()] * len(cut.starts)
    for day in days:
        place = cut.place(day.day)
        amounts[place] = _sum(amounts[place], day)
    return tuple(amounts)


def _sum(amount: Amount, day: _Day) -> Amount:
    return Amount(cost=amount.cost + day.cost, unknown=amount.unknown + day.unknown)


def _added(days: Sequence[_Day]) -> Spent:
    if len(days) == 1:
        return days[0].spent
    return Spent(
        cost=sum((day.cost for day in days), _NOTHING),
        unknown=sum(day.unknown for day in days),
        runs=sum(len(day.runs) for day in days),
        cached=sum(day.cached for day in days),
        saved_by_cache=sum((day.saved_by_cache for day in days), _NOTHING),
        unknown_savings=sum(day.unknown_savings for day in days),
        saved_by_spot=sum((day.saved_by_spot for day in days), _NOTHING),
    )
