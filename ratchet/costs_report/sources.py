"""Where the prices of a report are from, and what has none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ratchet.costs.rows import BUNDLED, PRICE_LIST
from ratchet.costs_report.recorded_rows import ReportRow


@dataclass(frozen=True, kw_only=True)
class PriceSource:
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
    sources: tuple[PriceSource, ...]
    gaps: tuple[Gap, ...]
    """Those with the most rows first."""

    @property
    def bundled(self) -> PriceSource | None:
        """What was priced by the package's own table."""
        return next((source for source in self.sources if source.source == BUNDLED), None)

    @property
    def listed(self) -> PriceSource | None:
        return next((source for source in self.sources if source.source == PRICE_LIST), None)


def prices(listed: Sequence[ReportRow]) -> Prices:
    """Of the rows of a report."""
    return Prices(sources=_sources(listed), gaps=_gaps(listed))


def _sources(listed: Sequence[ReportRow]) -> tuple[PriceSource, ...]:
    dates: dict[str, Counter[str]] = {}
    for row in listed:
        if row.price_date:
            dates.setdefault(row.price_source, Counter())[row.price_date] += 1
    return tuple(
        PriceSource(
            source=source, rows=of_source.total(), first=min(of_source), last=max(of_source)
        )
        for source, of_source in dates.items()
    )


def _gaps(listed: Sequence[ReportRow]) -> tuple[Gap, ...]:
    amounts = Counter(_unpriced(row) for row in listed if row.cost is None)
    gaps = (
        Gap(kind=kind, where=where, step=step, component=part, instance_type=instance, rows=amount)
        for (kind, where, step, part, instance), amount in amounts.items()
    )
    return tuple(sorted(gaps, key=lambda gap: (-gap.rows, gap.where, gap.step, gap.instance_type)))


def _unpriced(row: ReportRow) -> tuple[str, str, str, str, str]:
    """What a price is missing of; where not even the use is known, no price is missing."""
    what = (row.component, row.instance_type) if row.units is not None else ("", "")
    return row.kind, row.place, row.step, *what
