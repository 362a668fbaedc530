"""Compares the quality of labelled answers with a baseline's, and says what is worse.

The developer guide shows no violations of model quality. Their shape and wording are those of AWS's
MonitoringCustomMetrics container, which writes files for Model Monitor to read:
{"constraint_check_type", "description", "metric_name"}.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ratchet.loop.problems import BINARY
from ratchet.monitoring import quality_chance
from ratchet.monitoring.chance import odds
from ratchet.monitoring.findings import (
    COMPLETED,
    COMPLETED_WITH_VIOLATIONS,
    MINIMUM_ROWS,
    TOO_FEW_ROWS,
)
from ratchet.monitoring.quality_baseline import STANDARD_ERRORS, MetricReference, QualityBaseline
from ratchet.monitoring.quality_metrics import Quality
from ratchet.monitoring.quality_rows import LabelCoverage

REFUSED = 0.05
"""Beyond this share of labelled answers, values that are not understood are a violation."""

_REFUSED_CHECK = {"labels": "refused_labels_check", "answers": "refused_answers_check"}


@dataclass(frozen=True)
class QualityComparison:
    """Like a data quality comparison, with metrics in the place of features."""

    outcome: str
    message: str
    rows: int
    violations: tuple[Mapping[str, str], ...] = ()
    compared: tuple[Mapping[str, Any], ...] = ()
    not_compared: Mapping[str, str] = field(default_factory=dict)
    """Metric → why not."""

    def violations_document(self) -> dict[str, Any]:
        return {"violations": [dict(violation) for violation in self.violations]}

    def document(self) -> dict[str, Any]:
        """The content of analysis.json: the outcome, and each metric beside its threshold."""
        return {
            "outcome": self.outcome,
            "message": self.message,
            "rows": self.rows,
            "metrics": [dict(metric) for metric in self.compared],
            "not_compared": dict(self.not_compared),
        }


@dataclass(frozen=True, kw_only=True)
class _Verdict:
    """Of one metric."""

    name: str
    value: float
    reference: MetricReference
    worse: bool
    chance: Mapping[str, float]
    """What chance explains: `p_value`, or `margin`; empty where it is not asked."""

    def document(self) -> dict[str, Any]:
        by = self.reference.worse_by(self.value)
        return {
            "metric_name": self.name,
            "value": self.value,
            "threshold": self.reference.value,
            "worse_by": by,
            "is_limit": self.reference.is_limit,
            **self.chance,
            "exceeds": self.worse,
        }

    def violation(self, rows: int, baseline: QualityBaseline) -> dict[str, str]:
        operator = self.reference.operator
        text = f"Metric {self.name} with {self.value} was {operator} {self.reference.value}"
        if self.chance:
            before = "" if baseline.rows is None else f", {baseline.rows:,} in the baseline"
            by = self.reference.worse_by(self.value)
            text += f". {self.name}: worse by {by:.4g}; {rows:,} labelled answers here{before}. "
            if "p_value" in self.chance:
                text += f"Without a change this happens {odds(self.chance['p_value'])}."
            else:
                text += f"Chance explains {self.chance['margin']:.4g}."
        return {
            "constraint_check_type": operator,
            "description": text,
            "metric_name": self.name,
        }


def compare_quality(
    quality: Quality,
    baseline: QualityBaseline,
    *,
    coverage: LabelCoverage | None = None,
    minimum_rows: int = MINIMUM_ROWS,
) -> QualityComparison:
    """Check metrics against a baseline.

    A metric may be worse than the baseline's by what chance makes of two samples of these sizes:
    half of all samples are worse than the value itself. A limit that a person wrote is taken as it
    is.
    """
    coverage = coverage or LabelCoverage(rows=quality.rows)
    violations = _refused(coverage) if coverage.total >= minimum_rows else []
    few = _too_few(quality, baseline, minimum_rows)
    verdicts: list[_Verdict] = []
    not_compared: dict[str, str] = {}
    if few is None:
        verdicts, not_compared = _verdicts(quality, baseline)
        violations += [v.violation(quality.rows, baseline) for v in verdicts if v.worse]
    if violations:
        names = ", ".join(violation["metric_name"] for violation in violations)
        message = f"Job completed successfully with {len(violations)} violations: {names}."
        outcome = COMPLETED_WITH_VIOLATIONS
        if few:
            message += f" No metric is compared: {few}."
    elif few:
        outcome, message = TOO_FEW_ROWS, few
    else:
        outcome, message = COMPLETED, "Job completed successfully with no violations."
    if coverage.refused:
        message = f"{message.rstrip('.')}. {coverage.message()}"
    return QualityComparison(
        outcome,
        message,
        quality.rows,
        tuple(violations),
        tuple(verdict.document() for verdict in verdicts),
        not_compared,
    )


def _too_few(quality: Quality, baseline: QualityBaseline, minimum_rows: int) -> str | None:
    needs = f"fewer than the {minimum_rows} that a comparison needs"
    if quality.rows < minimum_rows:
        return f"{quality.rows} predictions with a label, {needs}"
    if baseline.rows is not None and baseline.rows < minimum_rows:
        return f"{baseline.rows} predictions in the baseline, {needs}"
    return None


def _refused(coverage: LabelCoverage) -> list[dict[str, str]]:
    """Of labels, of answers, or of both where only together they are too many."""
    refusals = coverage.refusals
    if not refusals or coverage.refused <= REFUSED * coverage.total:
        return []
    return [
        {
            "constraint_check_type": _REFUSED_CHECK[what],
            "description": refused.message(what, coverage.total),
            "metric_name": what,
        }
        for what, refused in refusals.items()
    ]


def _verdicts(quality: Quality, baseline: QualityBaseline) -> tuple[list[_Verdict], dict[str, str]]:
    values, not_compared = {}, {}
    for name in baseline.references:
        value = quality.value(name)
        if value is not None:
            values[name] = value
        elif name in quality.metrics:
            not_compared[name] = "the labelled answers do not define it"
        else:
            not_compared[name] = f"there is no such metric of a {quality.problem} problem"
    p_values: dict[str, float] = {}
    if quality.problem == BINARY and baseline.statistics:
        judged = [name for name in values if not baseline.references[name].is_limit]
        p_values = quality_chance.p_values(judged, quality.metrics, baseline.statistics)
    beyond_chance = quality_chance.significant(p_values)
    verdicts = []
    for name, value in values.items():
        reference = baseline.references[name]
        by = reference.worse_by(value)
        chance: dict[str, float] = {}
        if name in p_values:
            worse, chance = beyond_chance[name], {"p_value": p_values[name]}
        elif reference.is_limit:
            worse = by > 0
        else:
            margin = STANDARD_ERRORS * math.hypot(
                quality.errors.get(name, 0.0), reference.error or 0.0
            )
            worse, chance = by > margin, {"margin": margin}
        verdicts.append(
            _Verdict(name=name, value=value, reference=reference, worse=worse, chance=chance)
        )
    return verdicts, not_compared
