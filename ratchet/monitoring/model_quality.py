"""Model quality of a binary classifier: metrics, suggested constraints and violations.

Metrics and their file: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html
As there, a standard deviation is given from 200 samples on, over five random draws of 80 % of them
(the draws are seeded here: the same data gives the same file), and the "best constant classifier"
is the one that always answers the positive class, which is what the page's example shows.

The page shows no constraints or violations. Their shape and wording are those of AWS's
MonitoringCustomMetrics container, which writes files for Model Monitor to read: {"threshold",
"comparison_operator"} and {"constraint_check_type", "description", "metric_name"}.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ratchet.monitoring import quality_chance
from ratchet.monitoring.chance import odds
from ratchet.monitoring.columns import Floats
from ratchet.monitoring.findings import (
    COMPLETED,
    COMPLETED_WITH_VIOLATIONS,
    MINIMUM_ROWS,
    TOO_FEW_ROWS,
)
from ratchet.monitoring.profiles import VERSION

BELOW, ABOVE = "LessThanThreshold", "GreaterThanThreshold"
METRICS = "binary_classification_metrics"
CONSTRAINTS = "binary_classification_constraints"

# What is compared with the baseline, and which side of its value is worse.
_WORSE = {
    "recall": BELOW,
    "precision": BELOW,
    "accuracy": BELOW,
    "true_positive_rate": BELOW,
    "true_negative_rate": BELOW,
    "false_positive_rate": ABOVE,
    "false_negative_rate": ABOVE,
    "auc": BELOW,
    "f0_5": BELOW,
    "f1": BELOW,
    "f2": BELOW,
}

_SAMPLES_FOR_DEVIATION = 200
_DRAWS = 5
_DRAWN = 0.8
_CURVE_POINTS = 100


@dataclass(frozen=True)
class Quality:
    """Metrics of `rows` labelled predictions."""

    rows: int
    metrics: Mapping[str, Any]

    def statistics(self) -> dict[str, Any]:
        """The content of statistics.json."""
        return {
            "version": VERSION,
            "dataset": {"item_count": self.rows},
            METRICS: dict(self.metrics),
        }


@dataclass(frozen=True)
class QualityComparison:
    """Like a data quality comparison, with metrics in the place of features."""

    outcome: str
    message: str
    rows: int
    violations: tuple[Mapping[str, str], ...] = ()
    compared: tuple[Mapping[str, Any], ...] = ()

    def violations_document(self) -> dict[str, Any]:
        return {"violations": [dict(violation) for violation in self.violations]}

    def document(self) -> dict[str, Any]:
        """The content of analysis.json: the outcome, and each metric beside its threshold."""
        return {
            "outcome": self.outcome,
            "message": self.message,
            "rows": self.rows,
            "metrics": [dict(metric) for metric in self.compared],
        }


def binary_quality(labels: NDArray[np.bool_], scores: Floats, *, threshold: float = 0.5) -> Quality:
    """Metrics of scores (one a row, higher means positive; positive from the threshold on).

    A metric that the data does not define (AUC of one class, precision without a positive
    answer) is "NaN", as Model Monitor writes it.
    """
    values = _values(labels, scores, threshold)
    deviations = _deviations(labels, scores, threshold)
    answers = scores >= threshold
    metrics: dict[str, Any] = {
        "confusion_matrix": {
            str(int(actual)): {
                str(int(answer)): int(((labels == actual) & (answers == answer)).sum())
                for answer in (False, True)
            }
            for actual in (False, True)
        }
    }
    for name, value in values.items():
        metrics[name] = {"value": _json(value), "standard_deviation": _json(deviations[name])}
    metrics.update(_curves(labels, scores))
    return Quality(len(labels), metrics)


def suggest_quality(quality: Quality) -> dict[str, Any]:
    """constraints.json: no metric should be worse than the baseline's value."""
    return {
        "version": VERSION,
        CONSTRAINTS: {
            name: {
                "threshold": quality.metrics[name]["value"],
                "comparison_operator": operator,
            }
            for name, operator in _WORSE.items()
            if quality.metrics[name]["value"] != "NaN"
        },
    }


def compare_quality(
    quality: Quality,
    constraints: Mapping[str, Any],
    *,
    statistics: Mapping[str, Any] | None = None,
    minimum_rows: int = MINIMUM_ROWS,
) -> QualityComparison:
    """Check metrics against a baseline's constraints; thresholds may have been edited since.

    With the baseline's `statistics` a metric may be worse by what chance makes of two samples of
    these sizes; see quality_chance.py. The suggested thresholds are the baseline's own values,
    which half of all samples would miss.
    """
    if quality.rows < minimum_rows:
        message = (
            f"{quality.rows} predictions with a label, "
            f"fewer than the {minimum_rows} that a comparison needs"
        )
        return QualityComparison(TOO_FEW_ROWS, message, quality.rows)
    limits = {
        name: float(constraint["threshold"])
        for name, constraint in constraints[CONSTRAINTS].items()
        if quality.metrics.get(name, {}).get("value", "NaN") != "NaN"
    }
    chances = {}
    if statistics:
        judged = {name: limit for name, limit in limits.items() if name in _WORSE}
        chances = quality_chance.p_values(judged, quality.metrics, statistics[METRICS])
    beyond_chance = quality_chance.significant(chances)
    compared, violations = [], []
    for name, limit in limits.items():
        value = quality.metrics[name]["value"]
        operator = constraints[CONSTRAINTS][name]["comparison_operator"]
        worse = value < limit if operator == BELOW else value > limit
        worse = worse and beyond_chance.get(name, True)
        chance = {"p_value": chances[name]} if name in chances else {}
        compared.append(
            {"metric_name": name, "value": value, "threshold": limit, **chance, "exceeds": worse}
        )
        if worse:
            description = f"Metric {name} with {value} was {operator} {limit}"
            if statistics and chance:
                before = statistics["dataset"]["item_count"]
                description += (
                    f". {name}: {quality.rows:,} predictions here, {before:,} in the baseline. "
                    f"Without a change this happens {odds(chances[name])}."
                )
            violations.append(
                {
                    "constraint_check_type": operator,
                    "description": description,
                    "metric_name": name,
                }
            )
    if violations:
        names = ", ".join(violation["metric_name"] for violation in violations)
        message = f"Job completed successfully with {len(violations)} violations: {names}."
        outcome = COMPLETED_WITH_VIOLATIONS
    else:
        message, outcome = "Job completed successfully with no violations.", COMPLETED
    return QualityComparison(outcome, message, quality.rows, tuple(violations), tuple(compared))


def auc(labels: NDArray[np.bool_], scores: Floats) -> float:
    """Probability that a positive row scores above a negative one, ties counting half."""
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if not positives or not negatives:
        return float("nan")
    ordered = np.sort(scores)
    first = np.searchsorted(ordered, scores[labels], side="left")
    last = np.searchsorted(ordered, scores[labels], side="right")
    ranks = (first + last + 1) / 2
    return float((ranks.sum() - positives * (positives + 1) / 2) / (positives * negatives))


def _values(labels: NDArray[np.bool_], scores: Floats, threshold: float) -> dict[str, float]:
    answers = scores >= threshold
    rows = len(labels)
    hits = int((labels & answers).sum())
    positives, answered = int(labels.sum()), int(answers.sum())
    false_alarms = answered - hits
    negatives = rows - positives
    recall, precision = _ratio(hits, positives), _ratio(hits, answered)
    constant = _ratio(positives, rows)
    constant_recall = 1.0 if positives else float("nan")
    values = {
        "recall": recall,
        "precision": precision,
        "accuracy": _ratio(hits + negatives - false_alarms, rows),
        "recall_best_constant_classifier": constant_recall,
        "precision_best_constant_classifier": constant,
        "accuracy_best_constant_classifier": constant,
        "true_positive_rate": recall,
        "true_negative_rate": _ratio(negatives - false_alarms, negatives),
        "false_positive_rate": _ratio(false_alarms, negatives),
        "false_negative_rate": _ratio(positives - hits, positives),
        "auc": auc(labels, scores),
    }
    for name, beta in (("f0_5", 0.5), ("f1", 1.0), ("f2", 2.0)):
        values[name] = _f(beta, precision, recall)
    for name, beta in (("f0_5", 0.5), ("f1", 1.0), ("f2", 2.0)):
        values[f"{name}_best_constant_classifier"] = _f(beta, constant, constant_recall)
    return values


def _deviations(labels: NDArray[np.bool_], scores: Floats, threshold: float) -> dict[str, float]:
    rows = len(labels)
    if rows < _SAMPLES_FOR_DEVIATION:
        return dict.fromkeys(_values(labels, scores, threshold), float("nan"))
    random = np.random.default_rng(0)
    draws = []
    for _ in range(_DRAWS):
        drawn = random.random(rows) < _DRAWN
        draws.append(_values(labels[drawn], scores[drawn], threshold))
    return {name: float(np.std([draw[name] for draw in draws])) for name in draws[0]}


def _curves(labels: NDArray[np.bool_], scores: Floats) -> dict[str, Any]:
    """ROC and precision-recall curves of at most 100 points, from the strictest threshold on."""
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True)) if len(scores) else order
    if len(ends) > _CURVE_POINTS:
        ends = ends[np.linspace(0, len(ends) - 1, _CURVE_POINTS).astype(np.int64)]
    hits = np.cumsum(labels[order])[ends]
    answered = ends + 1
    positives = int(labels.sum())
    negatives = len(labels) - positives
    recalls = [0.0, *(hits / max(positives, 1)).tolist()]
    return {
        "receiver_operating_characteristic_curve": {
            "false_positive_rates": [0.0, *((answered - hits) / max(negatives, 1)).tolist()],
            "true_positive_rates": recalls,
        },
        "precision_recall_curve": {
            "precisions": [1.0, *(hits / answered).tolist()],
            "recalls": recalls,
        },
    }


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def _f(beta: float, precision: float, recall: float) -> float:
    weighted = beta**2 * precision + recall
    return (1 + beta**2) * precision * recall / weighted if weighted else 0.0


def _json(value: float) -> float | str:
    return "NaN" if np.isnan(value) else value
