"""The numbers of a run's reports, and what an evaluation's report says of them. Pure.

Which metrics there are, which way is better and what decides is read from the report itself, whose
machinery reads it in ratchet/loop/problems.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ratchet.deployment.runs.gate import Reports
from ratchet.loop.evaluations import as_of_now
from ratchet.loop.problems import PROBLEMS, Better, ModelMetric

SIDES = ("candidate", "champion")


@dataclass(frozen=True, kw_only=True)
class MetricView:
    """One number of a run. Of a report that compares nothing it is the candidate's."""

    report: str
    """`<step>.<name>`."""
    metric: str
    candidate: float | None
    champion: float | None
    regression: float | None
    """By how much the candidate is worse, in the metric's own unit; less than 0: better. None:
    there is nothing to compare with, or no telling which way is better."""
    better: Better | None
    """Which values of the metric are better; None: not known."""
    decides: bool
    """Whether the gate compares the models by it."""


def report_names(reports: Reports) -> dict[str, Any]:
    """`<step>.<name>` → content."""
    return {f"{step}.{name}": report for (step, name), report in reports.items()}


def metrics(reports: Reports) -> tuple[MetricView, ...]:
    """Every number of a run's reports; of an evaluation the one that decides comes first."""
    return tuple(
        metric
        for name, report in report_names(reports).items()
        for metric in (_judged(name, report) if is_judgement(report) else _numbers(name, report))
    )


def is_judgement(report: Any) -> bool:
    """Whether it is an evaluation's report, of whatever version."""
    return isinstance(report, Mapping) and {"metric", *SIDES} <= report.keys()


def _judged(name: str, report: Mapping[str, Any]) -> Iterator[MetricView]:
    report = as_of_now(report)
    for metric in reported(report):
        candidate, champion = (values(report, side).get(metric) for side in SIDES)
        direction = metric_of(report, metric)
        yield MetricView(
            report=name,
            metric=metric,
            candidate=candidate,
            champion=champion,
            regression=regression_of(report, metric),
            better=direction.better if direction else None,
            decides=metric == report["metric"],
        )


def _numbers(name: str, report: Any, path: str = "") -> Iterator[MetricView]:
    if isinstance(report, Mapping):
        for key, part in report.items():
            yield from _numbers(name, part, f"{path}.{key}" if path else str(key))
    elif isinstance(report, int | float) and not isinstance(report, bool) and path:
        yield MetricView(
            report=name,
            metric=path,
            candidate=float(report),
            champion=None,
            regression=None,
            better=None,
            decides=False,
        )


def reported(report: Mapping[str, Any]) -> list[str]:
    """The metrics that either model has, the one that decides first."""
    names = [str(report["metric"]), *(name for side in SIDES for name in values(report, side))]
    return list(dict.fromkeys(names))


def values(report: Mapping[str, Any], side: str) -> Mapping[str, Any]:
    """Metric → value, of the candidate or the champion; a value may be None."""
    part = report.get(side)
    return part.get("metrics") or {} if isinstance(part, Mapping) else {}


def regression_of(report: Mapping[str, Any], name: str) -> float | None:
    """By how much the candidate is worse by a metric; None where a value or the metric's direction
    is not known."""
    ours, theirs = (values(report, side).get(name) for side in SIDES)
    metric = metric_of(report, name)
    if metric is None or ours is None or theirs is None:
        return None
    if name == report["metric"]:
        return float(report.get("regression") or 0)
    return metric.worse_by(ours, than=theirs)


def metric_of(report: Mapping[str, Any], name: str) -> ModelMetric | None:
    """None for a team's own, of which a report says nothing unless it decides."""
    if name == report.get("metric"):
        metric = metric_in_table(report, name)
        better = report["better"]
        return metric if metric and metric.better == better else ModelMetric(name, better)
    return metric_in_table(report, name)


def metric_in_table(report: Mapping[str, Any], name: str) -> ModelMetric | None:
    """What the table of problems says of a metric; None: it is a team's own."""
    problem = PROBLEMS.get(str(report.get("problem")))
    # A report of before names no problem: a metric's direction is the same in all.
    searched = [problem] if problem else list(PROBLEMS.values())
    return next((p.reported[name] for p in searched if name in p.reported), None)
