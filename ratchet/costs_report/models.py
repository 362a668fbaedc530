"""What a registered model cost: all it took to get one, runs that registered none among them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from ratchet.costs import rows
from ratchet.costs_report.recorded_rows import ReportRow


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


@dataclass(slots=True)
class _Run:
    pipeline: str
    id: str
    day: date
    started: str = ""
    cost: Decimal = Decimal(0)
    unknown: int = 0
    versions: set[int] = field(default_factory=set)

    def add(self, row: ReportRow) -> None:
        self.started = min(filter(None, (self.started, row.started)), default="")
        if row.cost is None:
            self.unknown += 1
        else:
            self.cost += row.cost
        if row.model_version is not None:
            self.versions.add(row.model_version)


def models(listed: Iterable[ReportRow]) -> Models:
    """The cost of each registered version.

    Of the runs of a pipeline in the order of their start, each belongs to the next one that
    registers a version. Pipelines that register none, endpoints and buckets are in no line.
    """
    pipelines: dict[str, list[_Run]] = {}
    for run in _runs(listed):
        pipelines.setdefault(run.pipeline, []).append(run)
    lines: list[ModelCost] = []
    for pipeline, runs in sorted(pipelines.items()):
        if any(run.versions for run in runs):
            lines += reversed(_lines(pipeline, runs))
    return Models(lines=tuple(lines))


def _lines(pipeline: str, runs: Sequence[_Run]) -> list[ModelCost]:
    lines: list[ModelCost] = []
    waiting: list[_Run] = []
    for place, run in enumerate(runs, 1):
        waiting.append(run)
        if run.versions or place == len(runs):
            lines.append(
                ModelCost(
                    pipeline=pipeline,
                    versions=tuple(sorted(run.versions)),
                    run=run.id if run.versions else "",
                    day=run.day,
                    cost=sum((ended.cost for ended in waiting), Decimal(0)),
                    unknown=sum(ended.unknown for ended in waiting),
                    runs=len(waiting),
                )
            )
            waiting = []
    return lines


def _runs(listed: Iterable[ReportRow]) -> list[_Run]:
    runs: dict[tuple[str, str], _Run] = {}
    for row in listed:
        if row.kind == rows.STEP:
            key = row.pipeline, row.run
            if key not in runs:
                runs[key] = _Run(pipeline=row.pipeline, id=row.run, day=row.day)
            runs[key].add(row)
    return sorted(runs.values(), key=lambda run: (run.day, run.started, run.id))
