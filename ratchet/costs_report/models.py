"""What a registered model cost: all it took to get one, runs that registered none among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow.compute as pc

from ratchet.costs import rows
from ratchet.costs_report.table import DAY


@dataclass(frozen=True, kw_only=True)
class ModelCost:
    """A version, with the runs of its pipeline since the version before it was registered."""

    pipeline: str
    versions: tuple[int, ...]
    """Empty: runs since the newest version, which no version has come of yet."""
    run: str
    """The run that registered it; empty where there is none yet."""
    day: date
    """The day of that run, or of the newest one."""
    cost: Decimal
    unknown: int
    runs: int


@dataclass(frozen=True, kw_only=True)
class Models:
    """The versions of each pipeline that registers any, the newest first."""

    lines: tuple[ModelCost, ...]

    @property
    def registered(self) -> int:
        return sum(len(line.versions) for line in self.lines)

    @property
    def cost(self) -> Decimal:
        """All of those pipelines' runs, those after the newest version too."""
        return sum((line.cost for line in self.lines), Decimal(0))

    @property
    def unknown(self) -> int:
        return sum(line.unknown for line in self.lines)

    @property
    def per_version(self) -> Decimal | None:
        """None: none was registered."""
        return self.cost / self.registered if self.registered else None


@dataclass(frozen=True, kw_only=True)
class _Run:
    pipeline: str
    id: str
    day: date
    started: str
    cost: Decimal
    unknown: int
    versions: tuple[int, ...]


def models(table: Any) -> Models:
    """The cost of each registered version.

    Of the runs of a pipeline in the order of their start, each belongs to the next one that
    registers a version. Pipelines that register none, endpoints and buckets are in no line.
    """
    runs: dict[str, list[_Run]] = {}
    for run in _runs(table):
        runs.setdefault(run.pipeline, []).append(run)
    found: list[ModelCost] = []
    for pipeline, own in sorted(runs.items()):
        if any(run.versions for run in own):
            found += reversed(_lines(pipeline, own))
    return Models(lines=tuple(found))


def _lines(pipeline: str, runs: Sequence[_Run]) -> list[ModelCost]:
    lines: list[ModelCost] = []
    waiting: list[_Run] = []
    for place, run in enumerate(runs, 1):
        waiting.append(run)
        if run.versions or place == len(runs):
            lines.append(
                ModelCost(
                    pipeline=pipeline,
                    versions=run.versions,
                    run=run.id if run.versions else "",
                    day=run.day,
                    cost=sum((one.cost for one in waiting), Decimal(0)),
                    unknown=sum(one.unknown for one in waiting),
                    runs=len(waiting),
                )
            )
            waiting = []
    return lines


def _runs(table: Any) -> list[_Run]:
    needed = ["pipeline", "run", "kind", DAY, "started", "cost", "model_version"]
    steps = table.select(needed).filter(pc.field("kind") == rows.STEP)
    found = steps.group_by(["pipeline", "run"]).aggregate(
        [
            (DAY, "min"),
            ("started", "min"),
            ("cost", "sum"),
            ("cost", "count", pc.CountOptions(mode="only_null")),
            ("model_version", "distinct"),
        ]
    )
    runs = [
        _Run(
            pipeline=pipeline,
            id=run,
            day=day,
            started=started or "",
            cost=cost or Decimal(0),
            unknown=unknown,
            versions=tuple(sorted(one for one in versions if one is not None)),
        )
        for pipeline, run, day, started, cost, unknown, versions in (
            one.values() for one in found.to_pylist()
        )
    ]
    return sorted(runs, key=lambda run: (run.day, run.started, run.id))
