"""How long a step's jobs took before, from the rows of past runs (pure).

A row does not say whether its step succeeded. Of a run that did, every step counts; of another one,
those steps after which a further one began: what came last may be what failed. A run that the gate
halted so counts up to the gate.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ratchet.costs.rows import COMPONENTS, STEP, Row, time_of

RUNS = 20
"""The newest runs of a step that are looked at."""


@dataclass(frozen=True, kw_only=True)
class Took:
    """How long a step takes. Seconds are of each instance, as billed on demand."""

    median: float
    high: float
    """The 90th percentile, by linear interpolation."""
    runs: int
    """How many it is of; 0: somebody said so."""
    instance_type: str = ""
    instance_count: int = 0
    """What those runs ran on."""

    @property
    def assumed(self) -> bool:
        return self.runs == 0


def assumed(seconds: float) -> Took:
    """What somebody says, in place of past runs."""
    return Took(median=seconds, high=seconds, runs=0)


@dataclass(frozen=True, kw_only=True)
class History:
    """What the steps of a pipeline ran for, each the newest first."""

    of: Mapping[str, Sequence[Row]]
    """Step → rows of its last attempts that ended well."""

    def took(self, step: str, instance_type: str, instance_count: int) -> Took | None:
        """By the newest runs on the same type and number of instances; without any, of the same
        type; without any, on what the step ran last. None: it never ran."""
        ran = self.of.get(step, ())
        same_type = [row for row in ran if row.instance_type == instance_type]
        exact = [row for row in same_type if row.instance_count == instance_count]
        like = exact or _as_last(same_type) or _as_last(ran)
        return _took(like[:RUNS]) if like else None

    def spared_by_spot(self, step: str) -> float | None:
        """Share of the time that spot capacity spared in the newest runs; None: none was spot."""
        spot = [row for row in self.of.get(step, ()) if row.spot and row.used_seconds][:RUNS]
        if not spot:
            return None
        billed = sum(row.billed_seconds for row in spot)
        return max(0.0, 1 - billed / sum(row.used_seconds for row in spot))

    def has_fresh_result(self, step: str, cache_for: timedelta, now: datetime) -> bool:
        """Whether the step's last own result is young enough to be taken again."""
        ran = self.of.get(step, ())
        return bool(ran) and now - time_of(ran[0].started) <= cache_for

    def enough(self, steps: Iterable[str]) -> bool:
        """Whether older rows would add nothing about these steps."""
        return all(len(self.of.get(step, ())) >= RUNS for step in steps)


def history(rows: Iterable[Row]) -> History:
    """The history of one pipeline's rows, in any order."""
    by_run: dict[str, list[Row]] = {}
    for row in rows:
        if row.kind == STEP:
            by_run.setdefault(row.run, []).append(row)
    ended = [row for run in by_run.values() for row in _ended_well(run)]
    of: dict[str, list[Row]] = {}
    for row in sorted(ended, key=lambda row: row.started, reverse=True):
        of.setdefault(row.step, []).append(row)
    return History(of=of)


def _ended_well(run: Sequence[Row]) -> Iterable[Row]:
    last = {row.step: max(r.attempt for r in run if r.step == row.step) for row in run}
    latest_start = max((row.started for row in run), default="")
    for row in run:
        reckoned = row.component in COMPONENTS and not row.cache_hit and row.billed_seconds > 0
        if not reckoned or not row.started or not row.ended or row.attempt != last[row.step]:
            continue
        # All times have one form, so text compares as time does.
        if row.run_status == "Succeeded" or latest_start >= row.ended:
            yield row


def _as_last(ran: Sequence[Row]) -> list[Row]:
    """Those on the same instances as the newest."""
    if not ran:
        return []
    kind, count = ran[0].instance_type, ran[0].instance_count
    return [r for r in ran if r.instance_type == kind and r.instance_count == count]


def _took(rows: Sequence[Row]) -> Took:
    seconds = [row.used_seconds if row.spot else row.billed_seconds for row in rows]
    single = len(seconds) == 1
    return Took(
        median=statistics.median(seconds),
        high=seconds[0] if single else statistics.quantiles(seconds, n=10, method="inclusive")[8],
        runs=len({row.run for row in rows}),
        instance_type=rows[0].instance_type,
        instance_count=rows[0].instance_count,
    )
