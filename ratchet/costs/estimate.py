"""What the next run of a pipeline will cost, before it is started (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from ratchet.costs import billing, durations, money
from ratchet.costs.durations import History, Took
from ratchet.costs.prices import Price, PriceOf


@dataclass(frozen=True, kw_only=True)
class Planned:
    """Instances of one type that a step of a definition runs on."""

    step: str
    step_type: str
    component: str = ""
    instance_type: str = ""
    instance_count: int = 0
    unknown: str = ""
    """Why it is not known what the step runs on; empty: it is."""
    spot: bool = False
    cache_for: timedelta | None = None
    takes: frozenset[str] = frozenset()
    """Steps whose values are part of what its result is looked up by."""
    runs_again: tuple[str, ...] = ()
    """Why it takes no earlier result although it caches."""
    gate: str = ""
    """The Condition that decides whether it runs."""
    apart: bool = False
    """It only runs where a gate does not pass."""

    @property
    def instances(self) -> str:
        """`ml.m5.large`, `2 × ml.m5.large`."""
        return instances(self.instance_type, self.instance_count)


@dataclass(frozen=True, kw_only=True)
class EstimateLine:
    """What one step, or one kind of its instances, will cost."""

    planned: Planned
    took: Took | None
    """None: nothing is known of how long it takes."""
    price: Price | None
    spared: float | None = None
    """Share of the time that spot capacity spares; None: not spot, or not known."""
    hit: bool = False
    """Its result would be taken from an earlier run, were data and parameters as before."""

    @property
    def cost(self) -> Decimal | None:
        """By the median; None when the time or the price is not known."""
        return self._cost(self.took.median) if self.took else None

    @property
    def high(self) -> Decimal | None:
        """By the 90th percentile."""
        return self._cost(self.took.high) if self.took else None

    @property
    def saved_by_spot(self) -> Decimal:
        on_demand = self._cost(self.took.median, spared=0.0) if self.took else None
        return on_demand - (self.cost or Decimal(0)) if on_demand else Decimal(0)

    def _cost(self, seconds: float, spared: float | None = None) -> Decimal | None:
        if self.price is None:
            return None
        share = (self.spared or 0.0) if spared is None else spared
        hours = billing.hours(seconds * (1 - share), self.planned.instance_count)
        return money.rounded(hours * self.price.amount)


@dataclass(frozen=True, kw_only=True)
class Total:
    amount: Decimal
    high: Decimal
    """When every step takes its 90th percentile."""
    at_least: bool
    """A step's cost is not known."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Every step that runs on instances, in the order of the definition."""

    pipeline: str
    lines: tuple[EstimateLine, ...]

    @property
    def expected(self) -> tuple[EstimateLine, ...]:
        """What runs when every gate passes."""
        return tuple(line for line in self.lines if not line.planned.apart)

    @property
    def otherwise(self) -> tuple[EstimateLine, ...]:
        """What runs only where a gate does not pass."""
        return tuple(line for line in self.lines if line.planned.apart)

    @property
    def total(self) -> Total:
        """Of a run that takes nothing from earlier ones."""
        return _total(self.expected)

    @property
    def with_hits(self) -> Total:
        return _total(line for line in self.expected if not line.hit)

    @property
    def hits(self) -> tuple[str, ...]:
        """Steps whose results would be taken from earlier runs."""
        return tuple(dict.fromkeys(line.planned.step for line in self.expected if line.hit))


def estimate(
    pipeline: str,
    planned: Sequence[Planned],
    *,
    history: History,
    price: PriceOf,
    assumed: Mapping[str, float],
    now: datetime,
) -> Estimate:
    """The estimate.

    Args:
        pipeline: its name.
        planned: in running order where steps take of one another.
        history: of the pipeline's past runs.
        price: today's.
        assumed: step → seconds, in place of what past runs took.
        now: with a time zone.
    """
    hits = _hits(planned, history, now)
    return Estimate(
        pipeline=pipeline,
        lines=tuple(
            line(entry, history=history, price=price, assumed=assumed, hit=entry.step in hits)
            for entry in planned
        ),
    )


def line(
    planned: Planned,
    *,
    history: History,
    price: PriceOf,
    assumed: Mapping[str, float],
    hit: bool = False,
) -> EstimateLine:
    if planned.step in assumed:
        took: Took | None = durations.assumed(assumed[planned.step])
    else:
        took = history.took(planned.step, planned.instance_type, planned.instance_count)
    has_instances = not planned.unknown
    return EstimateLine(
        planned=planned,
        took=took,
        price=price(planned.component, planned.instance_type) if has_instances else None,
        spared=history.spared_by_spot(planned.step) if planned.spot else None,
        hit=hit,
    )


def remarks(estimated: EstimateLine) -> list[str]:
    """What a reader must know of a line's figures, in words."""
    planned, took, texts = estimated.planned, estimated.took, []
    if planned.unknown:
        texts.append(planned.unknown)
    if took is None:
        texts.append(f"no past run: --assume {planned.step}=10m")
    elif took.assumed:
        texts.append("time as assumed")
    elif (took.instance_type, took.instance_count) != (
        planned.instance_type,
        planned.instance_count,
    ):
        texts.append(f"time of runs on {instances(took.instance_type, took.instance_count)}")
    if not planned.unknown and estimated.price is None:
        texts.append(f"no price known for {planned.instance_type} ({planned.component})")
    if planned.spot:
        texts.append(
            "spot: no past run shows what it saves, so the full price counts"
            if estimated.spared is None
            else f"spot saves {estimated.spared:.0%}"
        )
    return texts


def instances(kind: str, count: int) -> str:
    return kind if count == 1 else f"{count} × {kind}" if kind else ""


def dollars(amount: Decimal) -> str:
    """A step's cost: to a tenth of a cent below a dollar, where a cent would hide a difference."""
    size = abs(amount)
    if Decimal("0.01") <= size < 1:
        sign = "-" if amount < 0 else ""
        return f"{sign}${size.quantize(Decimal('0.001'))}"
    return money.shown(amount)


def _hits(planned: Sequence[Planned], history: History, now: datetime) -> set[str]:
    """A step that takes something of one that runs again has another key, and runs again too."""
    again: set[str] = set()
    hits: set[str] = set()
    for entry in planned:
        if (
            entry.cache_for is not None
            and not entry.runs_again
            and not entry.takes & again
            and history.has_fresh_result(entry.step, entry.cache_for, now)
        ):
            hits.add(entry.step)
        else:
            again.add(entry.step)
    return hits


def _total(lines: Iterable[EstimateLine]) -> Total:
    lines = list(lines)
    with_cost = [entry for entry in lines if entry.cost is not None]
    return Total(
        amount=money.total(entry.cost or Decimal(0) for entry in with_cost),
        high=money.total(entry.high or Decimal(0) for entry in with_cost),
        at_least=len(with_cost) < len(lines),
    )
