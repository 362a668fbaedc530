"""How far chance alone moves the metrics of a classifier from one sample of rows to the next.

Shares are binomial; AUC after Hanley and McNeil (1982), "The meaning and use of the area under a
receiver operating characteristic curve"; F-scores by their slopes in precision and recall.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

_F = {"f0_5": 0.5, "f1": 1.0, "f2": 2.0}


def standard_errors(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Metric → its standard error, of the metrics in a statistics.json of model quality.

    What a sample of these rows does not define, and what is not known here, is not in it.
    """
    matrix = metrics["confusion_matrix"]
    tn, fp, fn, tp = (int(matrix[actual][answer]) for actual in "01" for answer in "01")
    shares = {
        "accuracy": (tp + tn, tp + tn + fp + fn),
        "recall": (tp, tp + fn),
        "true_positive_rate": (tp, tp + fn),
        "false_negative_rate": (fn, tp + fn),
        "true_negative_rate": (tn, tn + fp),
        "false_positive_rate": (fp, tn + fp),
        "precision": (tp, tp + fp),
    }
    errors = {name: _of_share(part, whole) for name, (part, whole) in shares.items() if whole}
    if isinstance(area := metrics["auc"]["value"], float):
        errors["auc"] = _of_auc(area, tp + fn, tn + fp)
    if tp + fn and tp + fp:
        precision, recall = tp / (tp + fp), tp / (tp + fn)
        for name, beta in _F.items():
            slopes = _slopes(beta, precision, recall)
            parts = zip(slopes, (errors["precision"], errors["recall"]), strict=True)
            errors[name] = math.hypot(*(slope * error for slope, error in parts))
    return errors


def _of_share(part: int, whole: int) -> float:
    # One more of each: no sample is so pure that the next one must be.
    share = (part + 1) / (whole + 2)
    return math.sqrt(share * (1 - share) / whole)


def _of_auc(area: float, positives: int, negatives: int) -> float:
    two_positives = area / (2 - area) - area**2
    two_negatives = 2 * area**2 / (1 + area) - area**2
    variance = area * (1 - area)
    variance += (positives - 1) * two_positives + (negatives - 1) * two_negatives
    return math.sqrt(variance / (positives * negatives))


def _slopes(beta: float, precision: float, recall: float) -> tuple[float, float]:
    weighted = beta**2 * precision + recall
    if not weighted:
        return 0.0, 0.0
    scale = (1 + beta**2) / weighted**2
    return scale * recall**2, scale * beta**2 * precision**2
