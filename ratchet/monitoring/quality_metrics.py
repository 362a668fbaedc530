"""Model Monitor's metrics of labelled answers, for each kind of problem.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html
As there, a standard deviation is given from 200 samples on, over five random draws of 80 % of them
(the draws are seeded here: the same data gives the same file). That is half of a standard error,
give or take, so the standard errors beside it are the jackknife's, from all rows.

The "best constant classifier" is, of a binary problem, the one that always answers the positive
class, which is what the page's example shows; of several classes, the most frequent one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ratchet.judging.answers import Answers, TrueLabels
from ratchet.judging.metrics import MEASURES, Measure, standard_error
from ratchet.loop.problems import BINARY, MULTICLASS, PROBLEMS, REGRESSION, Kind
from ratchet.monitoring.profiles import VERSION
from ratchet.monitoring.quality_rows import QualityRows

Array = np.ndarray[Any, Any]
Values = dict[str, float]

BELOW, ABOVE = "LessThanThreshold", "GreaterThanThreshold"
CONFUSION = "confusion_matrix"
NOT_DEFINED = "NaN"
"""What Model Monitor writes in the place of a number."""

_CONSTANT = "_best_constant_classifier"
_SAMPLES_FOR_DEVIATION = 200
_DRAWS = 5
_DRAWN = 0.8
_CURVE_POINTS = 100
_BETAS = {"f0_5": 0.5, "f1": 1.0, "f2": 2.0}

_OTHER_RATES = {
    "true_positive_rate": BELOW,
    "false_positive_rate": ABOVE,
    "false_negative_rate": ABOVE,
}
"""Of a binary problem: the other names of recall and specificity, and of their complements."""


@dataclass(frozen=True, kw_only=True)
class Quality:
    """Metrics of `rows` labelled answers."""

    problem: Kind
    rows: int
    metrics: Mapping[str, Any]
    """As Model Monitor writes them: its names, each with value and standard_deviation."""
    errors: Mapping[str, float]
    """Standard errors, of the metrics that have one."""

    def value(self, name: str) -> float | None:
        """None: there is no such metric, or the rows do not define it."""
        return value_in(self.metrics, name)

    def statistics(self) -> dict[str, Any]:
        """The content of statistics.json."""
        return {
            "version": VERSION,
            "dataset": {"item_count": self.rows},
            PROBLEMS[self.problem].statistics: dict(self.metrics),
        }


def value_in(metrics: Mapping[str, Any], name: str) -> float | None:
    value = metrics.get(name, {}).get("value", NOT_DEFINED)
    return None if value == NOT_DEFINED else float(value)


def worse_sides(problem: Kind) -> dict[str, str]:
    """Model Monitor's metrics that are compared with a baseline, and the side that is worse."""
    sides = {
        metric.monitor: BELOW if metric.better == "higher" else ABOVE
        for metric in PROBLEMS[problem].metrics.values()
        if metric.monitor
    }
    return {**sides, **_OTHER_RATES} if problem == BINARY else sides


def quality_of(rows: QualityRows) -> Quality:
    """The metrics. What the rows do not define (AUC of one class, precision without a positive
    answer) is "NaN", as Model Monitor writes it."""
    labels, answers = rows.labels, rows.answers
    if labels.problem == BINARY:
        return _binary(labels, answers)
    measures = _measures(labels, answers) if labels.rows else {}
    deviations = _deviations(
        labels.rows, lambda drawn: {name: m.value(drawn) for name, m in measures.items()}
    )
    metrics: dict[str, Any] = {}
    if labels.problem == MULTICLASS:
        metrics[CONFUSION] = confusion(labels, answers)
    for name, measure in measures.items():
        metrics[name] = _metric(measure.value(), deviations[name])
    compared = worse_sides(labels.problem)
    measured = {name: m for name, m in measures.items() if name in compared and labels.rows > 1}
    errors = {name: standard_error(measure) for name, measure in measured.items()}
    return Quality(
        problem=labels.problem, rows=labels.rows, metrics=metrics, errors=_defined(errors)
    )


def confusion(labels: TrueLabels, answers: Answers) -> dict[str, dict[str, int]]:
    """{label: {answer: rows}}, of all classes that labels or answers may be."""
    names, size = answers.classes, len(answers.classes)
    cells = np.bincount(labels.values * size + answers.values, minlength=size * size)
    return {
        label: {answer: int(cells[i * size + j]) for j, answer in enumerate(names)}
        for i, label in enumerate(names)
    }


def errors_of_confusion(matrix: Mapping[str, Mapping[str, int]]) -> dict[str, float]:
    """The standard errors that quality_of gives, from a multiclass confusion matrix alone."""
    names = tuple(matrix)
    cells = np.array([[int(matrix[a].get(b, 0)) for b in names] for a in names])
    actual, answered = np.nonzero(cells)
    counts = cells[actual, answered]
    labels = TrueLabels(MULTICLASS, np.repeat(actual, counts), names)
    measures = _measures(labels, Answers(np.repeat(answered, counts), names), constant=False)
    return _defined({name: standard_error(measure) for name, measure in measures.items()})


def _measures(labels: TrueLabels, answers: Answers, *, constant: bool = True) -> dict[str, Measure]:
    """Model Monitor's name → measure, of a regression or of several classes."""
    problem = labels.problem
    names = {m.monitor: name for name, m in PROBLEMS[problem].metrics.items() if m.monitor}
    makers = MEASURES[problem]
    measures = {monitor: makers[name](labels, answers) for monitor, name in names.items()}
    if problem == REGRESSION or not constant:
        return measures
    most = int(np.bincount(labels.values).argmax())
    always = replace(answers, values=np.full(labels.rows, most), probabilities=None)
    return {
        **measures,
        **{
            f"{monitor}{_CONSTANT}": makers[name](labels, always) for monitor, name in names.items()
        },
    }


# -- binary ------------------------------------------------------------------------------------


def _binary(labels: TrueLabels, answers: Answers) -> Quality:
    positive, answered = labels.values == 1, answers.positions == 1
    scores = None if answers.no_probabilities else answers.values

    def values(rows: Array) -> Values:
        of_matrix = _of_matrix(*_matrix(positive[rows], answered[rows]))
        return {**of_matrix, "auc": _auc(labels.of(rows), answers.of(rows))}

    whole = values(np.ones(labels.rows, dtype=bool))
    deviations = _deviations(labels.rows, lambda drawn: values(drawn == 1))
    tn, fp, fn, tp = _matrix(positive, answered)
    metrics: dict[str, Any] = {CONFUSION: {"0": {"0": tn, "1": fp}, "1": {"0": fn, "1": tp}}}
    for name, value in whole.items():
        metrics[name] = _metric(value, deviations.get(name, float("nan")))
    if scores is not None:
        metrics.update(_curves(positive, scores))
    errors = dict(_errors_of_matrix(tn, fp, fn, tp))
    if not np.isnan(whole["auc"]):
        errors["auc"] = standard_error(MEASURES[BINARY]["auc"](labels, answers))
    compared = worse_sides(BINARY)
    errors = {name: error for name, error in errors.items() if name in compared}
    return Quality(problem=BINARY, rows=labels.rows, metrics=metrics, errors=_defined(errors))


def _matrix(positive: Array, answered: Array) -> tuple[int, int, int, int]:
    """tn, fp, fn, tp"""
    cells = np.bincount(2 * positive + answered, minlength=4)
    return tuple(map(int, cells))  # type: ignore[return-value]


def _auc(labels: TrueLabels, answers: Answers) -> float:
    if answers.no_probabilities or min(labels.counts.values()) == 0:
        return float("nan")
    return MEASURES[BINARY]["auc"](labels, answers).value()


def _of_matrix(tn: int, fp: int, fn: int, tp: int) -> Values:
    rows, positives, answered, negatives = tn + fp + fn + tp, tp + fn, tp + fp, tn + fp
    recall, precision = _ratio(tp, positives), _ratio(tp, answered)
    constant = _ratio(positives, rows)
    constant_recall = 1.0 if positives else float("nan")
    return {
        "recall": recall,
        "precision": precision,
        "accuracy": _ratio(tp + tn, rows),
        f"recall{_CONSTANT}": constant_recall,
        f"precision{_CONSTANT}": constant,
        f"accuracy{_CONSTANT}": constant,
        "true_positive_rate": recall,
        "true_negative_rate": _ratio(tn, negatives),
        "false_positive_rate": _ratio(fp, negatives),
        "false_negative_rate": _ratio(fn, positives),
        **{name: _f(beta, precision, recall) for name, beta in _BETAS.items()},
        **{
            f"{name}{_CONSTANT}": _f(beta, constant, constant_recall)
            for name, beta in _BETAS.items()
        },
    }


def _errors_of_matrix(*cells: int) -> dict[str, float | None]:
    """The jackknife, of rows that are alike at once."""
    rows = sum(cells)
    kinds = [place for place, count in enumerate(cells) if count]
    without = [
        _of_matrix(*(count - (place == kind) for place, count in enumerate(cells)))
        for kind in kinds
    ]
    weights = np.array([cells[kind] for kind in kinds])
    errors: dict[str, float | None] = {}
    for name in without[0] if without else ():
        values = np.array([left[name] for left in without])
        spread = weights @ (values - weights @ values / rows) ** 2
        errors[name] = float(np.sqrt((rows - 1) / rows * spread))
    return errors


def _curves(positive: Array, scores: Array) -> dict[str, Any]:
    """ROC and precision-recall curves of at most 100 points, from the strictest threshold on."""
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True)) if len(scores) else order
    if len(ends) > _CURVE_POINTS:
        ends = ends[np.linspace(0, len(ends) - 1, _CURVE_POINTS).astype(np.int64)]
    hits = np.cumsum(positive[order])[ends]
    answered = ends + 1
    positives = int(positive.sum())
    negatives = len(positive) - positives
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


# -- all ---------------------------------------------------------------------------------------


def _deviations(rows: int, values: Any) -> dict[str, float]:
    """`values`: the metrics of the rows that an array says (1: drawn)."""
    if rows < _SAMPLES_FOR_DEVIATION:
        return _Undefined()
    random = np.random.default_rng(0)
    draws = [values((random.random(rows) < _DRAWN).astype(float)) for _ in range(_DRAWS)]
    return {name: float(np.std([draw[name] for draw in draws])) for name in draws[0]}


class _Undefined(dict[str, float]):
    def __missing__(self, name: str) -> float:
        return float("nan")


def _metric(value: float, deviation: float) -> dict[str, float | str]:
    return {"value": _json(value), "standard_deviation": _json(deviation)}


def _json(value: float) -> float | str:
    return float(value) if np.isfinite(value) else NOT_DEFINED


def _defined(errors: Mapping[str, float | None]) -> dict[str, float]:
    return {
        name: error for name, error in errors.items() if error is not None and np.isfinite(error)
    }
