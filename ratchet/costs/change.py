"""What a change of a pipeline's definition changes in what a run of it costs, in words (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from ratchet.costs import money
from ratchet.costs.durations import History, Took
from ratchet.costs.estimate import EstimateLine, Planned, dollars, instances, line
from ratchet.costs.prices import PriceOf

NO_HISTORY = History(of={})


@dataclass(frozen=True, kw_only=True)
class Changed:
    """One step: before and after, one entry for each kind of its instances."""

    step: str
    before: tuple[Planned, ...]
    after: tuple[Planned, ...]


def changed(
    before: Sequence[Planned], after: Sequence[Planned], renamed: Mapping[str, str]
) -> tuple[Changed, ...]:
    """The steps whose instances, spot or cache settings differ, and those that came or went.

    Args:
        before: of the earlier definition.
        after: of the later one.
        renamed: new name → old name.
    """
    old, new = _by_step(before), _by_step(after)
    differing = []
    for step, now in new.items():
        was = old.get(renamed.get(step, step), ())
        if [_settings(entry) for entry in was] != [_settings(entry) for entry in now]:
            differing.append(Changed(step=step, before=was, after=now))
    present = {renamed.get(step, step) for step in new}
    gone = [Changed(step=s, before=was, after=()) for s, was in old.items() if s not in present]
    return (*differing, *gone)


def notes(changes: Sequence[Changed], *, history: History, price: PriceOf) -> list[str]:
    """A line for each step, and one for the sum where more than one is known."""
    texts, sums = [], []
    for change in changes:
        text, difference = _note(change, history, price)
        texts.append(f"{change.step}: {text}")
        if difference is not None:
            sums.append(difference)
    if len(sums) > 1:
        limit = "" if len(sums) == len(changes) else ", for those steps whose cost is known"
        texts.append(f"together {_signed(money.total(sums))} a run{limit}")
    return texts


def _note(change: Changed, history: History, price: PriceOf) -> tuple[str, Decimal | None]:
    """In words, with the difference in dollars a run, if it is known."""
    was, now = _lines(change, history, price)
    what = _what(change)
    hourly = " → ".join(dict.fromkeys(text for text in (_hourly(was), _hourly(now)) if text))
    missing = _missing_price((*was, *now))
    if missing:
        return f"{what}: no price known for {missing}, so its cost is unknown", None
    if any(line.planned.unknown for line in (*was, *now)):
        reasons = dict.fromkeys(
            line.planned.unknown for line in (*was, *now) if line.planned.unknown
        )
        return f"{what}: its cost is unknown: {'; '.join(reasons)}", None
    costs = [_sum(was), _sum(now)]
    if costs[0] is None or costs[1] is None:
        return f"{what}: {hourly}; no past run says for how long", None
    basis = _basis(was, now)
    difference = costs[1] - costs[0]
    if change.before and change.after and not difference and _same_cost(change):
        return f"{what}: a run that takes no earlier result costs {dollars(costs[1])}{basis}", None
    amounts = " → ".join(
        dollars(cost)
        for cost, there in zip(costs, (change.before, change.after), strict=True)
        if there and cost is not None
    )
    return f"{what}: {amounts} a run ({_signed(difference)}){basis}", difference


def _lines(
    change: Changed, history: History, price: PriceOf
) -> tuple[list[EstimateLine], list[EstimateLine]]:
    """Both sides by past runs on the same instances, or by the same time where only one side has
    run: a time on other instances says nothing about which is quicker."""
    source = change.before[0].step if change.before else change.step
    sides = [
        [line(replace(p, step=source), history=history, price=price, assumed={}) for p in side]
        for side in (change.before, change.after)
    ]
    was, now = sides
    if len(was) == 1 and len(now) == 1:
        mine, other = was[0].took, now[0].took
        if mine and not _exact(was[0], mine) and other and _exact(now[0], other):
            was = [replace(was[0], took=other)]
        elif mine and other and not _exact(now[0], other):
            now = [replace(now[0], took=mine)]
    return was, now


def _exact(entry: EstimateLine, took: Took) -> bool:
    ran = (took.instance_type, took.instance_count)
    return ran == (entry.planned.instance_type, entry.planned.instance_count)


def _what(change: Changed) -> str:
    if not change.before:
        return f"new, on {_on(change.after)}"
    if not change.after:
        return f"gone, was on {_on(change.before)}"
    parts = []
    if _on(change.before) != _on(change.after):
        parts.append(f"{_on(change.before)} → {_on(change.after)}")
    spot = [any(p.spot for p in side) for side in (change.before, change.after)]
    if spot[0] != spot[1]:
        parts.append("on spot capacity" if spot[1] else "not on spot capacity any more")
    cache = [side[0].cache_for for side in (change.before, change.after)]
    if cache[0] != cache[1]:
        was, now = cache
        if now is None:
            parts.append("no longer cached, so every run pays for it")
        elif was is None:
            parts.append("cached, so a run with the same inputs does not pay for it")
        else:
            parts.append(f"cached for {_days(now)} instead of {_days(was)}")
    return ", ".join(parts)


def _days(period: object) -> str:
    return str(period).removesuffix(", 0:00:00")


def _on(planned: Sequence[Planned]) -> str:
    names = dict.fromkeys(entry.instances or "instances that are not known" for entry in planned)
    return " and ".join(names)


def _hourly(lines: Sequence[EstimateLine]) -> str:
    """`$0.115/h`, of all instances together."""
    if not lines:
        return ""
    amount = money.total(
        entry.price.amount * entry.planned.instance_count for entry in lines if entry.price
    )
    return f"${amount.normalize():f}/h"


def _missing_price(lines: Sequence[EstimateLine]) -> str:
    names = dict.fromkeys(
        entry.planned.instance_type
        for entry in lines
        if not entry.planned.unknown and not entry.price
    )
    return " and ".join(names)


def _sum(lines: Sequence[EstimateLine]) -> Decimal | None:
    costs = [entry.cost for entry in lines]
    priced = [cost for cost in costs if cost is not None]
    return money.total(priced) if len(priced) == len(costs) else None


def _basis(was: Sequence[EstimateLine], now: Sequence[EstimateLine]) -> str:
    """What the figures rest on."""
    lines = (*now, *was)
    tooks = list(dict.fromkeys(entry.took for entry in (*was, *now) if entry.took))
    if not tooks:
        return ""
    exact = all(_exact(entry, entry.took) for entry in lines if entry.took)
    if len(tooks) == 1:
        on = "" if exact else f", on {_ran_on(tooks[0])}"
        text = f" if it takes as long as in {_runs(tooks[0])} ({_usual(tooks[0])}{on})"
    else:  # each side by its own runs
        each = (f"{_runs(took)} on {_ran_on(took)} ({_usual(took)})" for took in tooks)
        text = f" by {' and '.join(each)}"
    spot = [entry for entry in lines if entry.planned.spot]
    if any(entry.spared is None for entry in spot):
        text += "; what spot capacity saves is not known yet"
    elif spot:
        text += f"; spot saves {spot[0].spared:.0%}"
    return text


def _runs(took: Took) -> str:
    return "the last run" if took.runs == 1 else f"the last {took.runs} runs"


def _usual(took: Took) -> str:
    return _time(took.median) if took.runs == 1 else f"median {_time(took.median)}"


def _ran_on(took: Took) -> str:
    return instances(took.instance_type, took.instance_count)


def _time(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _signed(amount: Decimal) -> str:
    return dollars(amount) if amount < 0 else f"+{dollars(amount)}"


def _same_cost(change: Changed) -> bool:
    """Only the cache settings differ."""
    return [_settings(p)[:3] for p in change.before] == [_settings(p)[:3] for p in change.after]


def _settings(entry: Planned) -> tuple[object, ...]:
    return (entry.instance_type or entry.unknown, entry.instance_count, entry.spot, entry.cache_for)


def _by_step(planned: Sequence[Planned]) -> dict[str, tuple[Planned, ...]]:
    entries: dict[str, tuple[Planned, ...]] = {}
    for entry in planned:
        entries[entry.step] = (*entries.get(entry.step, ()), entry)
    return entries


def steps(changes: Sequence[Changed]) -> Iterator[str]:
    """The names under which past runs know these steps."""
    for change in changes:
        yield change.before[0].step if change.before else change.step
