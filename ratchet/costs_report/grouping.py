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

By = Literal["run", "experiment", "pipeline", "step", "month"]

_NOTHING = Decimal(0)
_PLACE, _MONTH = "place", "month"
_KEYS: Mapping[By, tuple[str, ...]] = {
    "run": ("kind", _PLACE, "run"),
    "experiment": ("kind", "of_experiment"),
    "pipeline": ("kind", _PLACE),
    "step": ("kind", _PLACE, "step"),
    "month": (_MONTH,),
}
_SUMS: tuple[tuple[Any, ...], ...] = (
    ("cost", "sum"),
    ("cost", "count", pc.CountOptions(mode="only_null")),
    ("saved_by_spot", "sum"),
    ("saved_by_cache", "sum"),
    ("saved_by_cache", "count", pc.CountOptions(mode="only_null")),
    ("cache_hit", "sum"),
    ("run", "count_distinct", pc.CountOptions(mode="only_valid")),
    (DAY, "min"),
)
_NAMES = (
    "cost",
    "unknown",
    "saved_by_spot",
    "saved_by_cache",
    "unknown_savings",
    "cached",
    "runs",
    "first",
)
_OF_A_RUN = ("run_name", "run_status", "experiment", "started")


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


def total(table: Any) -> Spent:
    """Of all rows together."""
    found = _prepared(table).group_by([]).aggregate(list(_SUMS))
    return _spent(dict(zip(_NAMES, found.to_pylist()[0].values(), strict=True)))


def lines(table: Any, by: By, period: Period) -> list[Line]:
    """A line for each group: months from the newest, everything else from the dearest."""
    keys = list(_KEYS[by])
    prepared = _prepared(table)
    more: list[Any] = [(name, "max") for name in _OF_A_RUN[:3]] + [("started", "min")]
    found = prepared.group_by(keys).aggregate([*_SUMS, *(more if by == "run" else [])])
    names = [*keys, *_NAMES, *(_OF_A_RUN if by == "run" else [])]
    groups = [dict(zip(names, one.values(), strict=True)) for one in found.to_pylist()]
    trends = _trends(prepared, keys, trend(period)) if by not in {"run", "month"} else {}
    made = [_line(group, keys, trends) for group in groups]
    if by == "month":
        return sorted(made, key=lambda line: line.name, reverse=True)
    return sorted(made, key=_dearest)


def _dearest(line: Line) -> tuple[Any, ...]:
    # What has no known price at all is before what cost nothing: it may be the dearest of all.
    spent = line.spent
    return -spent.cost, -spent.unknown, -spent.runs, line.kind, line.name, line.step, line.run


def kinds_by_month(table: Any) -> dict[str, dict[str, Amount]]:
    """Month → kind → what it cost."""
    found = _prepared(table).group_by([_MONTH, "kind"]).aggregate(list(_SUMS[:2]))
    months: dict[str, dict[str, Amount]] = {}
    for one in found.to_pylist():
        month, kind, cost, unknown = one.values()
        months.setdefault(month, {})[kind] = Amount(cost=cost or _NOTHING, unknown=unknown)
    return months


def _prepared(table: Any) -> Any:
    """The columns that rows are grouped by: an endpoint or a bucket goes by its own name."""
    of_step = pc.equal(table["kind"], rows.STEP)
    derived = {
        _PLACE: pc.if_else(of_step, table["pipeline"], table["resource"]),
        "of_experiment": pc.if_else(of_step, table["experiment"], table["resource"]),
        _MONTH: pc.strftime(table[DAY], format="%Y-%m"),
    }
    for name, column in derived.items():
        table = table.append_column(name, column)
    runs = pc.if_else(of_step, table["run"], pa.scalar(None, pa.string()))
    return table.set_column(table.schema.get_field_index("run"), "run", runs)


def _trends(
    prepared: Any, keys: Sequence[str], cut: Trend
) -> dict[tuple[str, ...], tuple[Amount, ...]]:
    found = prepared.group_by([*keys, DAY]).aggregate(list(_SUMS[:2]))
    sums: dict[tuple[str, ...], list[Amount]] = {}
    for *group, day, cost, unknown in (one.values() for one in found.to_pylist()):
        amounts = sums.setdefault(tuple(group), [Amount()] * len(cut.starts))
        place = cut.place(day)
        before = amounts[place]
        amounts[place] = Amount(
            cost=before.cost + (cost or _NOTHING), unknown=before.unknown + unknown
        )
    return {group: tuple(amounts) for group, amounts in sums.items()}


def _line(
    group: Mapping[str, Any],
    keys: Sequence[str],
    trends: Mapping[tuple[str, ...], tuple[Amount, ...]],
) -> Line:
    name_key = next(key for key in keys if key in {_PLACE, "of_experiment", _MONTH})
    return Line(
        kind=group.get("kind", ""),
        name=group[name_key],
        first=group["first"],
        spent=_spent(group),
        trend=trends.get(tuple(group[key] for key in keys), ()),
        **{key: group.get(key) or "" for key in ("step", "run", *_OF_A_RUN)},
    )


def _spent(group: Mapping[str, Any]) -> Spent:
    """Sums of no rows, or of none that is known, are None in columns."""
    return Spent(
        cost=group["cost"] or _NOTHING,
        unknown=group["unknown"],
        runs=group["runs"],
        cached=group["cached"] or 0,
        saved_by_cache=group["saved_by_cache"] or _NOTHING,
        unknown_savings=group["unknown_savings"],
        saved_by_spot=group["saved_by_spot"] or _NOTHING,
    )
