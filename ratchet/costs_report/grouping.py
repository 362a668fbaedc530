"""Rows grouped and added up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from ratchet.costs import rows
from ratchet.costs_report.period import Period, Trend, trend
from ratchet.costs_report.table import DAY

By = Literal["run", "experiment", "pipeline", "step"]

_NOTHING = Decimal(0)
_PLACE = "place"
_KEYS: Mapping[By, tuple[str, ...]] = {
    "run": ("kind", _PLACE, "run"),
    "experiment": ("kind", "of_experiment"),
    "pipeline": ("kind", _PLACE),
    "step": ("kind", _PLACE, "step"),
}
_SUMS: tuple[tuple[Any, ...], ...] = (
    ("cost", "sum"),
    ("cost", "count", pc.CountOptions(mode="only_null")),
    ("run_of_step", "count_distinct", pc.CountOptions(mode="only_valid")),
    ("cache_hit", "sum"),
    ("saved_by_cache", "sum"),
    ("saved_by_cache", "count", pc.CountOptions(mode="only_null")),
    ("saved_by_spot", "sum"),
)
_SUMMED = ("cost", "cache_hit", "saved_by_cache", "saved_by_spot")
_OF_A_RUN: tuple[tuple[Any, ...], ...] = (
    ("run_name", "max"),
    ("run_status", "max"),
    ("experiment", "max"),
    ("started", "min"),
)


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
class Line:
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


@dataclass(frozen=True, kw_only=True)
class _Day:
    """What a group spent on one day. A run is of one day, so its days' runs are its runs."""

    group: tuple[str, ...]
    day: date
    spent: Spent
    of_a_run: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Sums:
    """Everything together, and by the month."""

    total: Spent
    months: tuple[Line, ...]
    """The newest first."""
    kinds_by_month: Mapping[str, Mapping[str, Amount]]


def lines(table: Any, by: By, period: Period) -> list[Line]:
    """A line for each group, the dearest first."""
    cut = trend(period) if by != "run" else None
    groups: dict[tuple[str, ...], list[_Day]] = {}
    for day in _days(table, by):
        groups.setdefault(day.group, []).append(day)
    keys = _KEYS[by]
    found = [_line(dict(zip(keys, group, strict=True)), own, cut) for group, own in groups.items()]
    return sorted(found, key=_dearest)


def _dearest(line: Line) -> tuple[Any, ...]:
    # What has no known price at all is before what cost nothing: it may be the dearest of all.
    spent = line.spent
    return -spent.cost, -spent.unknown, -spent.runs, line.kind, line.name, line.step, line.run


def sums(table: Any) -> Sums:
    """Of all rows."""
    days = _days(table, "pipeline")
    months: dict[str, list[_Day]] = {}
    for day in days:
        months.setdefault(f"{day.day:%Y-%m}", []).append(day)
    kinds: dict[str, dict[str, Amount]] = {}
    for month, own in months.items():
        of_kind = kinds.setdefault(month, {})
        for day in own:
            kind = day.group[0]
            of_kind[kind] = _more(of_kind.get(kind, Amount()), day.spent)
    return Sums(
        total=_added(days),
        months=tuple(
            Line(kind="", name=month, first=min(d.day for d in own), spent=_added(own))
            for month, own in sorted(months.items(), reverse=True)
        ),
        kinds_by_month=kinds,
    )


def _days(table: Any, by: By) -> list[_Day]:
    keys = _KEYS[by]
    of_a_run = _OF_A_RUN if by == "run" else ()
    found = _prepared(table, by).group_by([*keys, DAY]).aggregate([*_SUMS, *of_a_run])
    columns = [column.to_pylist() for column in found.columns]
    amount = len(keys)
    return [
        _Day(
            group=values[:amount],
            day=values[amount],
            spent=_spent(*values[amount + 1 : amount + 1 + len(_SUMS)]),
            of_a_run=tuple(text or "" for text in values[amount + 1 + len(_SUMS) :]),
        )
        for values in zip(*columns, strict=True)
    ]


def _prepared(table: Any, by: By) -> Any:
    """The columns that a grouping needs: an endpoint or a bucket goes by its own name."""
    of_step = pc.equal(table["kind"], rows.STEP)
    columns = {name: table[name] for name in (DAY, *_SUMMED)}
    columns["run_of_step"] = pc.if_else(of_step, table["run"], pa.scalar(None, pa.string()))
    for key in _KEYS[by]:
        if key == _PLACE:
            columns[key] = pc.if_else(of_step, table["pipeline"], table["resource"])
        elif key == "of_experiment":
            columns[key] = pc.if_else(of_step, table["experiment"], table["resource"])
        else:
            columns[key] = table[key]
    if by == "run":
        columns |= {name: table[name] for name, _ in _OF_A_RUN}
    return pa.table(columns)


def _line(named: Mapping[str, str], days: Sequence[_Day], cut: Trend | None) -> Line:
    name = next(named[key] for key in (_PLACE, "of_experiment") if key in named)
    run_name, run_status, experiment, started = days[0].of_a_run or ("",) * len(_OF_A_RUN)
    return Line(
        kind=named["kind"],
        name=name,
        first=min(day.day for day in days),
        spent=_added(days),
        trend=_trend(days, cut) if cut else (),
        step=named.get("step", ""),
        run=named.get("run", ""),
        run_name=run_name,
        run_status=run_status,
        experiment=experiment,
        started=started,
    )


def _trend(days: Sequence[_Day], cut: Trend) -> tuple[Amount, ...]:
    amounts = [Amount()] * len(cut.starts)
    for day in days:
        place = cut.place(day.day)
        amounts[place] = _more(amounts[place], day.spent)
    return tuple(amounts)


def _more(one: Amount, other: Amount) -> Amount:
    return Amount(cost=one.cost + other.cost, unknown=one.unknown + other.unknown)


def _added(days: Sequence[_Day]) -> Spent:
    if len(days) == 1:
        return days[0].spent
    spent = [day.spent for day in days]
    return Spent(
        cost=sum((one.cost for one in spent), _NOTHING),
        unknown=sum(one.unknown for one in spent),
        runs=sum(one.runs for one in spent),
        cached=sum(one.cached for one in spent),
        saved_by_cache=sum((one.saved_by_cache for one in spent), _NOTHING),
        unknown_savings=sum(one.unknown_savings for one in spent),
        saved_by_spot=sum((one.saved_by_spot for one in spent), _NOTHING),
    )


def _spent(
    cost: Decimal | None,
    unknown: int,
    runs: int,
    cached: int | None,
    saved_by_cache: Decimal | None,
    unknown_savings: int,
    saved_by_spot: Decimal | None,
) -> Spent:
    """In the order of _SUMS. A sum of no value that is known is None in columns."""
    return Spent(
        cost=cost or _NOTHING,
        unknown=unknown,
        runs=runs,
        cached=cached or 0,
        saved_by_cache=saved_by_cache or _NOTHING,
        unknown_savings=unknown_savings,
        saved_by_spot=saved_by_spot or _NOTHING,
    )
