"""Where the prices of a report are from, and what has none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc

from ratchet.costs.rows import BUNDLED, PRICE_LIST, STEP
from ratchet.costs_report.table import DAY


@dataclass(frozen=True, kw_only=True)
class Source:
    """Rows that were priced from one place."""

    source: str
    """PRICE_LIST | BUNDLED"""
    rows: int
    first: str
    """ISO date of the oldest price."""
    last: str


@dataclass(frozen=True, kw_only=True)
class Gap:
    """Rows whose cost is not known, for one reason."""

    kind: str
    where: str
    """The pipeline, the endpoint or the bucket."""
    step: str
    component: str
    """What has no price; empty: what was used is not known, such as of an attempt at a step that
    SageMaker no longer describes."""
    instance_type: str
    rows: int


@dataclass(frozen=True, kw_only=True)
class Prices:
    sources: tuple[Source, ...]
    gaps: tuple[Gap, ...]
    """Those with the most rows first."""

    @property
    def bundled(self) -> Source | None:
        """What was priced by the package's own table."""
        return next((one for one in self.sources if one.source == BUNDLED), None)

    @property
    def listed(self) -> Source | None:
        return next((one for one in self.sources if one.source == PRICE_LIST), None)


def prices(table: Any) -> Prices:
    """Of the rows of a report."""
    return Prices(sources=_sources(table), gaps=_gaps(table))


def _sources(table: Any) -> tuple[Source, ...]:
    priced = table.select(["price_source", "price_date", DAY]).filter(pc.field("price_date") != "")
    found = priced.group_by("price_source").aggregate(
        [(DAY, "count"), ("price_date", "min"), ("price_date", "max")]
    )
    return tuple(
        Source(source=source, rows=rows, first=first, last=last)
        for source, rows, first, last in (one.values() for one in found.to_pylist())
    )


def _gaps(table: Any) -> tuple[Gap, ...]:
    unknown = table.filter(pc.field("cost").is_null())
    missing_price = pc.is_valid(unknown["units"])
    of_step = pc.equal(unknown["kind"], STEP)
    where = pc.if_else(of_step, unknown["pipeline"], unknown["resource"])
    named = unknown.append_column("where", where)
    for name in ("component", "instance_type"):
        place = named.schema.get_field_index(name)
        named = named.set_column(place, name, pc.if_else(missing_price, named[name], ""))
    keys = ["kind", "where", "step", "component", "instance_type"]
    found = named.group_by(keys).aggregate([(DAY, "count")])
    gaps = (
        Gap(**dict(zip([*keys, "rows"], one.values(), strict=True))) for one in found.to_pylist()
    )
    return tuple(sorted(gaps, key=lambda gap: (-gap.rows, gap.where, gap.step, gap.instance_type)))
