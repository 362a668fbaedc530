"""Draws an estimate, and converts it to data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.markup import escape
from rich.table import Table

from ratchet.cli.views.wording import duration
from ratchet.costs.estimate import Estimate, EstimateLine, Total, dollars, remarks
from ratchet.costs.rows import BUNDLED, PRICE_LIST


def table(estimate: Estimate) -> Table:
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    drawn.add_column("step", header_style="dim")
    drawn.add_column("on", header_style="dim")
    for title in ("takes", "up to", "an hour", "cost"):
        drawn.add_column(title, header_style="dim", justify="right")
    drawn.add_column("earlier result", header_style="dim")
    for line in estimate.expected:
        drawn.add_row(*_cells(line))
    if estimate.otherwise:
        drawn.add_section()
        for line in estimate.otherwise:
            drawn.add_row(*_cells(line))
    return drawn


def _cells(line: EstimateLine) -> tuple[str, ...]:
    planned, took = line.planned, line.took
    return (
        escape(planned.step),
        planned.instances or "?",
        duration(took.median) if took else "?",
        duration(took.high) if took and not took.assumed and took.runs > 1 else "",
        f"${line.price.amount.normalize():f}" if line.price else "?",
        "?" if line.cost is None else dollars(line.cost),
        "there" if line.hit else "",
    )


def _remarks(estimate: Estimate) -> Iterator[str]:
    """Below the table, where a command is not broken into lines."""
    width = max(len(line.planned.step) for line in estimate.lines)
    for line in estimate.lines:
        parts = remarks(line)
        if line.planned.apart:
            parts = [f"runs only where {line.planned.gate} does not pass", *parts]
        if parts:
            remark = "; ".join(parts)
            yield f"[dim]{escape(line.planned.step.ljust(width))}  {escape(remark)}[/]"


def sentences(estimate: Estimate) -> Iterator[str]:
    if not estimate.lines:
        yield f"No step of {estimate.pipeline} runs on instances, so a run costs nothing by itself."
        return
    yield ""
    if remark_lines := list(_remarks(estimate)):
        yield from (*remark_lines, "")
    total = estimate.total
    if not any(line.cost is not None for line in estimate.expected):
        yield f"The cost of a run of {escape(estimate.pipeline)} is not known yet."
        yield from _sources(estimate)
        return
    yield f"[bold]A run of {escape(estimate.pipeline)} costs {_priced(total)}[/]{_up_to(total)}."
    if estimate.hits:
        hits = estimate.with_hits
        yield (
            f"With cache hits for {', '.join(estimate.hits)}: {_priced(hits)}. "
            "This holds if data and parameters are unchanged."
        )
    if runs := max((line.took.runs for line in estimate.expected if line.took), default=0):
        yield (
            f"By the median of the last {runs} runs." if runs > 1 else "By the last run."
        ) + " Volumes, requests and data transfer are not included."
    yield from _sources(estimate)


def _sources(estimate: Estimate) -> Iterator[str]:
    prices = [line.price for line in estimate.lines if line.price]
    for source, sentence in _SOURCES.items():
        if days := sorted({price.date for price in prices if price.source == source}):
            yield f"{sentence} {' to '.join(dict.fromkeys([days[0], days[-1]]))}."


_SOURCES = {
    PRICE_LIST: "Prices of the AWS Price List, looked up",
    BUNDLED: "Without an answer of the Price List: prices of the package's own table, of",
}


def _priced(total: Total) -> str:
    return f"{'at least ' if total.at_least else ''}{dollars(total.amount)}"


def _up_to(total: Total) -> str:
    if total.high <= total.amount:
        return ""
    return f", and {dollars(total.high)} when every step is as slow as one in ten runs"


def as_data(estimate: Estimate) -> dict[str, Any]:
    return {
        "pipeline": estimate.pipeline,
        "steps": [_data(line) for line in estimate.lines],
        "total": _total(estimate.total),
        "with_hits": {**_total(estimate.with_hits), "hits": list(estimate.hits)},
    }


def _total(total: Total) -> dict[str, Any]:
    return {
        "cost": str(total.amount),
        "high": str(total.high),
        "at_least": total.at_least,
        "currency": "USD",
    }


def _data(line: EstimateLine) -> dict[str, Any]:
    planned, took, price = line.planned, line.took, line.price
    return {
        "step": planned.step,
        "step_type": planned.step_type,
        "instance_type": planned.instance_type or None,
        "instance_count": planned.instance_count or None,
        "seconds": took.median if took else None,
        "seconds_high": took.high if took else None,
        "runs": took.runs if took else 0,
        "price": str(price.amount) if price else None,
        "price_source": price.source if price else "unknown",
        "price_date": price.date if price else None,
        "cost": None if line.cost is None else str(line.cost),
        "cost_high": None if line.high is None else str(line.high),
        "spot": planned.spot,
        "saved_by_spot": str(line.saved_by_spot),
        "hit": line.hit,
        "only_where_the_gate_does_not_pass": planned.gate if planned.apart else None,
        "remarks": remarks(line),
    }
