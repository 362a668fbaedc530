"""The gate of a run: what it compared, how it decided, and both scores. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ratchet.deployment.runs.gate import Gate, GateComparison
from ratchet.deployment.runs.reports import Findings, evaluation
from ratchet.loop import names
from ratchet.loop.problems import Better

REGRESSION = "regression"
"""Where an evaluation's report says by how much the candidate is worse."""


@dataclass(frozen=True, kw_only=True)
class GateView:
    """The gate that a candidate has to pass, and the evaluation that it read."""

    name: str
    passed: bool | None
    """None: not decided (yet)."""
    comparisons: tuple[GateComparison, ...]
    """All must hold."""
    metric: str | None
    """The metric that decides; None: the gate reads no evaluation, or it is gone."""
    better: Better | None
    """Which values of the metric are better."""
    candidate: float | None
    """The candidate's score; None: it has none."""
    champion: float | None
    """The champion's score on the same rows; None: there is no champion, or it has none."""
    candidate_status: str | None
    champion_status: str | None
    """`scored`, `none`, `unscorable`."""
    regression: float | None
    """By how much the candidate is worse, in the metric's own unit; less than 0: better. None:
    there was no champion to compare with."""
    tolerance: float | None
    """The largest regression that passes; None: the gate has no such comparison."""
    interval: Mapping[str, float] | None
    """`low`, `high`, `confidence` and `resamples` of the regression's bootstrap."""
    rows: int | None
    """Of the eval slice."""
    verdict: str | None


def gate(results: Findings) -> GateView | None:
    """The gate that compares a candidate with the champion, or else the first one; None: the
    pipeline has none."""
    deciding = _deciding(results.gates)
    if deciding is None:
        return None
    report = evaluation(results.reports)
    ours, theirs = _side(report, "candidate"), _side(report, "champion")
    compared = theirs.get("status") == names.SCORED
    return GateView(
        name=deciding.name,
        passed=deciding.passed,
        comparisons=deciding.comparisons,
        metric=report.get("metric"),
        better=report.get("better"),
        candidate=ours.get("score"),
        champion=theirs.get("score"),
        candidate_status=ours.get("status"),
        champion_status=theirs.get("status"),
        regression=report.get(REGRESSION) if compared else None,
        tolerance=_tolerance(deciding.comparisons),
        interval=report.get("interval"),
        rows=report.get("rows"),
        verdict=report.get("verdict"),
    )


def _deciding(gates: Sequence[Gate]) -> Gate | None:
    ordered = sorted(gates, key=lambda gate: _tolerance(gate.comparisons) is None)
    return next((g for g in ordered if g.name != names.NEW_MODEL_GATE), None)


def _tolerance(comparisons: Sequence[GateComparison]) -> float | None:
    for comparison in comparisons:
        if comparison.left.label == REGRESSION and comparison.left.measured:
            limit = comparison.right.value
            return float(limit) if isinstance(limit, int | float) else None
        inner = _tolerance(comparison.any_of)
        if inner is not None:
            return inner
    return None


def _side(report: Mapping[str, Any], side: str) -> Mapping[str, Any]:
    part = report.get(side)
    return part if isinstance(part, Mapping) else {}
