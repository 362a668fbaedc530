"""Whether a binary classifier's metric is worse than the baseline's by more than chance makes.

Every metric of a confusion matrix is a share of errors among some of the rows, so Fisher's exact
test compares two samples of it, however rare the positives are. An F-score is such a share, too:
F = 2 tp / (2 tp + w_fp fp + w_fn fn) falls as the weighted errors' share of tp + w_fp fp + w_fn fn
grows; exactly binomial for F1, nearly so for the others. AUC has a standard error instead.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from ratchet.monitoring.chance import above, holm, more_often, standard_error_of_auc

_F = {"f0_5": 0.5, "f1": 1.0, "f2": 2.0}

# Metrics that are the same count of errors under another name.
_SAME = {
    "true_positive_rate": "recall",
    "false_negative_rate": "recall",
    "false_positive_rate": "true_negative_rate",
}


def p_values(
    names: Iterable[str], metrics: Mapping[str, Any], baseline: Mapping[str, Any]
) -> dict[str, float]:
    """For each metric how often chance makes it so much worse than the baseline's.

    `metrics` and `baseline` are those of a statistics.json.
    """
    return {name: _p_value(name, metrics, baseline) for name in names}


def significant(p_values: Mapping[str, float]) -> dict[str, bool]:
    """Which of the metrics are worse, all tests of an analysis together; see chance.holm."""
    tests = {name: (_SAME.get(name, name), p_value) for name, p_value in p_values.items()}
    distinct = list(dict.fromkeys(tests.values()))
    worse = dict(zip(distinct, holm([p_value for _, p_value in distinct]), strict=True))
    return {name: worse[test] for name, test in tests.items()}


def _p_value(name: str, metrics: Mapping[str, Any], baseline: Mapping[str, Any]) -> float:
    if name == "auc":
        return _of_auc(metrics, baseline)
    errors, rows = _errors(name, metrics)
    errors_before, rows_before = _errors(name, baseline)
    return more_often(round(errors), round(rows), round(errors_before), round(rows_before))


def _errors(name: str, metrics: Mapping[str, Any]) -> tuple[float, float]:
    """The errors that a metric counts, and the rows among which it does."""
    tn, fp, fn, tp = _matrix(metrics)
    if name in _F:
        false_negative, false_positive = 2 * _F[name] ** 2, 2.0
        both = 1 + _F[name] ** 2
        wrong = (false_negative * fn + false_positive * fp) / both
        # A row of weight w speaks like one row: the largest weight says how few rows there are.
        scale = both / max(false_negative, false_positive)
        return wrong * scale, (tp + wrong) * scale
    return {
        "accuracy": (fp + fn, tp + tn + fp + fn),
        "recall": (fn, tp + fn),
        "true_negative_rate": (fp, tn + fp),
        "precision": (fp, tp + fp),
    }[_SAME.get(name, name)]


def _of_auc(metrics: Mapping[str, Any], baseline: Mapping[str, Any]) -> float:
    areas = [sample["auc"]["value"] for sample in (metrics, baseline)]
    if "NaN" in areas:
        return 1.0
    errors = []
    for area, sample in zip(areas, (metrics, baseline), strict=True):
        tn, fp, fn, tp = _matrix(sample)
        errors.append(standard_error_of_auc(area, tp + fn, tn + fp))
    return above(areas[1] - areas[0], math.hypot(*errors))


def _matrix(metrics: Mapping[str, Any]) -> tuple[int, int, int, int]:
    matrix = metrics["confusion_matrix"]
    tn, fp, fn, tp = (int(matrix[actual][answer]) for actual in "01" for answer in "01")
    return tn, fp, fn, tp
