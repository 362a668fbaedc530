"""Draws the estimate beside the bill."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from rich.markup import escape
from rich.table import Table

from ratchet.costs import money
from ratchet.costs_report.grouping import Amount
from ratchet.costs_report.reconciled import Compared
from ratchet.deployment.costs.bill import Bill

_NAMES = {"endpoint": "endpoints", "storage": "storage (S3)"}
LEFT_OUT = (
    "The estimate leaves out what list prices of instances and of S3's storage do not hold: the "
    "instances' volumes, requests, data transfer and tax, which add to the bill, and discounts, "
    "savings plans and the free tier, which take off."
)


def table(lines: Sequence[Compared], *, by: str) -> Table:
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    drawn.add_column(by, header_style="dim")
    for title in ("estimate", "billed", "difference", ""):
        drawn.add_column(title, header_style="dim", justify="right")
    for line in lines:
        drawn.add_row(escape(_name(line)), *_figures(line))
    if lines:
        drawn.add_section()
        drawn.add_row("[bold]total[/]", *_figures(total(lines)), style="bold")
    return drawn


def total(lines: Sequence[Compared]) -> Compared:
    """The total of lines with both an estimate and a bill: other services would make the two
    incomparable."""
    both = [line for line in lines if line.share != "other"]
    estimates = [line.estimate for line in both if line.estimate]
    bills = [line.billed for line in both if line.billed is not None]
    return Compared(
        share="runs",
        name="total",
        estimate=Amount(
            cost=money.total(estimate.cost for estimate in estimates),
            unknown=sum(estimate.unknown for estimate in estimates),
        ),
        billed=money.total(bills) if bills else None,
    )


def _name(line: Compared) -> str:
    if line.share == "other":
        return f"{line.name} (not estimated)"
    return _NAMES.get(line.share) or line.name


def _figures(line: Compared) -> tuple[str, str, str, str]:
    estimate = line.estimate
    estimated = "—" if estimate is None else money.shown(estimate.cost)
    if estimate and estimate.unknown:
        estimated = f"≥ {estimated}"
    billed = "—" if line.billed is None else money.shown(line.billed)
    return estimated, billed, _signed(line.difference), _percent(line.ratio)


def _signed(amount: Decimal | None) -> str:
    if amount is None:
        return ""
    return f"{'+' if amount > 0 else ''}{money.shown(amount)}"


def _percent(ratio: Decimal | None) -> str:
    return "" if ratio is None else f"{ratio * 100:+.0f} %"


def remarks(lines: Sequence[Compared], bill: Bill, *, today: date) -> Iterator[str]:
    """What to know before drawing conclusions."""
    yield ""
    if not bill.billed:
        yield (
            "Cost Explorer has nothing for the tags of this environment. They must be active as "
            "cost allocation tags, and their costs appear a day later."
        )
        return
    if late := _late_days(bill, today):
        days = f"{late[0]} to {late[-1]}" if len(late) > 1 else str(late[0])
        yield (
            f"Not final: {days}. Cost Explorer is up to 24 hours late, so the bill of these days "
            "may still grow."
        )
    if any(line.estimate and line.billed is None and line.estimate.cost for line in lines):
        yield (
            "A line with an estimate and no bill: its jobs ran before the tag was active, or "
            "within the last day."
        )
    if unknown := sum(line.estimate.unknown for line in lines if line.estimate):
        yield f"{unknown} recorded jobs have no known price: the estimate is at least what it says."
    yield LEFT_OUT


def _late_days(bill: Bill, today: date) -> list[date]:
    """Days that Cost Explorer calls an estimate, and those it cannot know yet."""
    recent = {today - timedelta(days=back) for back in (0, 1)}
    covered = {day for day in recent if bill.first <= day <= bill.last}
    return sorted({*bill.open_days, *covered})


def as_data(lines: Sequence[Compared]) -> dict[str, Any]:
    return {"lines": [_data(line) for line in lines], "total": _data(total(lines))}


def _data(line: Compared) -> dict[str, Any]:
    return {
        "share": line.share,
        "name": line.name,
        "estimate": str(line.estimate.cost) if line.estimate else None,
        "unknown_prices": line.estimate.unknown if line.estimate else 0,
        "billed": None if line.billed is None else str(line.billed),
        "difference": None if line.difference is None else str(line.difference),
    }
