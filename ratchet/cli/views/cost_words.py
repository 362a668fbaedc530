"""Amounts, shares and trends in characters, and the sentences of a report. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal

from rich.markup import escape

from ratchet.cli.views.wording import count
from ratchet.costs import money, rows
from ratchet.costs_report.grouping import Amount
from ratchet.costs_report.report import CostReport
from ratchet.costs_report.sources import Gap

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_HEIGHTS = "▁▂▃▄▅▆▇█"
_GAPS = 5
"""Lines of what has no price; the rest is counted."""


def shown(amount: Amount) -> str:
    """`$1.20`; `≥ $1.20` where something has no price; `unknown` where nothing has one."""
    if not amount.unknown:
        return money.shown(amount.cost)
    return f"≥ {money.shown(amount.cost)}" if amount.cost else "unknown"


def share(part: Decimal, whole: Decimal) -> str:
    """In whole percent; empty of nothing."""
    if part <= 0 or whole <= 0:
        return ""
    percent = part / whole * 100
    return f"{percent:.0f} %" if percent >= Decimal("0.5") else "<1 %"


def bar(part: Decimal, whole: Decimal, width: int) -> str:
    """As long as the part is of the whole, in eighths of a character; at least one where there is
    anything."""
    if part <= 0 or whole <= 0:
        return ""
    eighths = max(1, round(part / whole * width * 8))
    full, remainder = divmod(eighths, 8)
    return "█" * full + (_EIGHTHS[remainder] if remainder else "")


def spark(amounts: Sequence[Amount]) -> str:
    """A character for each stretch of time: its height from nothing to the dearest one, `·` where
    nothing was spent, `?` where nothing of it has a price."""
    most = max((part.cost for part in amounts), default=Decimal(0))

    def mark(part: Amount) -> str:
        if part.cost <= 0 or not most:
            return "?" if part.unknown else "·"
        return _HEIGHTS[min(7, int(part.cost / most * 8))]

    return "".join(map(mark, amounts))


def month_name(month: str) -> str:
    """2026-11 → November 2026."""
    return f"{date.fromisoformat(f'{month}-01'):%B %Y}"


def total_sentence(report: CostReport) -> str:
    """`$12.30 in 20 runs`; `at least $1.20 in 3 runs: 2 jobs without a price`."""
    total = report.total
    amount = "unknown" if total.unknown and not total.cost else money.shown(total.cost)
    least = "at least " if total.unknown and total.cost else ""
    runs = f" in {count(total.runs, 'run')}" if total.runs else ""
    why = f": {_unknown(report.prices.gaps)}" if total.unknown else ""
    return f"{least}[bold]{amount}[/]{runs}{why}"


def _unknown(gaps: Sequence[Gap]) -> str:
    what = "job" if all(gap.kind == rows.STEP for gap in gaps) else "row"
    priceless = sum(gap.rows for gap in gaps if gap.component)
    unseen = sum(gap.rows for gap in gaps) - priceless
    parts = []
    if priceless:
        parts.append(f"{count(priceless, what)} without a price")
    if unseen:
        parts.append(f"{count(unseen, what)} that SageMaker does not describe any more")
    return ", ".join(parts)


def savings(report: CostReport) -> Iterator[str]:
    """What caching and spot capacity saved."""
    total = report.total
    if total.cached:
        least = "at least " if total.unknown_savings else ""
        yield (
            f"caching saved       {least}{money.shown(total.saved_by_cache)}, in "
            f"{count(total.cached, 'cache hit')}"
            + (
                f"; the first cost of {total.unknown_savings:,} of them is unknown"
                if total.unknown_savings
                else ""
            )
        )
    if total.saved_by_spot:
        yield f"spot saved          {money.shown(total.saved_by_spot)}"


def price_lines(report: CostReport) -> Iterator[str]:
    """The source and date of the prices, with a warning for the package's own."""
    if listed := report.prices.listed:
        yield f"prices              AWS Price List, looked up {_dates(listed.first, listed.last)}"
    if bundled := report.prices.bundled:
        yield (
            f"[bold yellow]! {count(bundled.rows, 'row is', 'rows are')} priced by the table in "
            f"the package, of {_dates(bundled.first, bundled.last)}[/]: the Price List did not "
            "answer. What AWS charges may differ; the log of record_run says why"
        )


def _dates(first: str, last: str) -> str:
    return first if first == last else f"{first} to {last}"


def gaps(report: CostReport) -> Iterator[str]:
    """Names everything without a known cost."""
    price_gaps = report.prices.gaps
    for gap in price_gaps[:_GAPS]:
        where = f"{gap.step} of {gap.where}" if gap.step else f"{gap.kind} {gap.where}"
        if gap.component:
            why = f"no price of {gap.instance_type or gap.kind} for {gap.component}"
        else:
            why = "SageMaker does not describe the job any more"
        yield f"[bold yellow]! unknown cost[/]: {escape(where)} × {gap.rows:,}: {escape(why)}"
    if len(price_gaps) > _GAPS:
        hidden = sum(gap.rows for gap in price_gaps[_GAPS:])
        yield f"[bold yellow]! unknown cost[/]: {hidden:,} more; --format json names all of them"
