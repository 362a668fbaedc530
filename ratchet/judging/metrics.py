"""Computes the metrics of ratchet/loop/problems.py, with scikit-learn's definitions. NumPy only.

Rows are reduced once to a measure. A measure gives the metric for any number of draws of each row,
so a bootstrap sorts and compares nothing again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ratchet.judging.answers import Answers, TrueLabels
from ratchet.loop.problems import BINARY, MULTICLASS, REGRESSION, THRESHOLD

Array = np.ndarray[Any, Any]


class Measure(Protocol):
    def value(self, draws: Array | None = None) -> float:
        """The metric. `draws`: how often each row counts (default: once)."""


@dataclass(frozen=True)
class RowSums:
    """A function of sums over rows."""

    terms: Array
    """(rows, sums)"""
    of: Callable[[Array], float]

    def value(self, draws: Array | None = None) -> float:
        return float(self.of(self.terms.sum(axis=0) if draws is None else draws @ self.terms))


@dataclass(frozen=True)
class Counts:
    """A function of the rows that are right, labelled and answered, class by class."""

    labels: Array
    answers: Array
    classes: int
    of: Callable[[Array, Array, Array], float]

    def value(self, draws: Array | None = None) -> float:
        draws = np.ones(len(self.labels)) if draws is None else draws
        right = self.labels == self.answers
        hits = np.bincount(self.labels[right], draws[right], self.classes)
        labelled = np.bincount(self.labels, draws, self.classes)
        answered = np.bincount(self.answers, draws, self.classes)
        return float(self.of(hits, labelled, answered))


class Ranks:
    """The area under the ROC curve is the Mann-Whitney statistic: the share of (positive, negative)
    pairs that scores put in the right order, a tie counting one half (Hanley and McNeil 1982,
    doi:10.1148/radiology.143.1.7063747)."""

    def __init__(self, positive: Array, scores: Array) -> None:
        self.positives = np.flatnonzero(positive)
        negatives = np.flatnonzero(~positive)
        self.negatives = negatives[np.argsort(scores[negatives], kind="stable")]
        ordered = scores[self.negatives]
        self.below = np.searchsorted(ordered, scores[self.positives], side="left")
        self.not_above = np.searchsorted(ordered, scores[self.positives], side="right")
        self.rows = len(scores)

    def value(self, draws: Array | None = None) -> float:
        draws = np.ones(self.rows, dtype=np.int64) if draws is None else draws
        positives, negatives = draws[self.positives], draws[self.negatives]
        sums = np.concatenate([[0], np.cumsum(negatives)])
        won_twice = positives @ (sums[self.below] + sums[self.not_above])
        return float(won_twice / (2 * positives.sum() * sums[-1]))


Maker = Callable[[TrueLabels, Answers], Measure]


def _share(part: Array, whole: Array) -> Array:
    """0 where the whole is 0, as scikit-learn's `zero_division` has it."""
    return np.divide(part, whole, out=np.zeros(np.shape(part)), where=np.asarray(whole) > 0)


def _mean(rows: Array) -> RowSums:
    terms = np.column_stack([np.ones(len(rows)), rows])
    return RowSums(terms, lambda sums: sums[1] / sums[0])


# -- regression --------------------------------------------------------------------------------


def _errors(labels: TrueLabels, answers: Answers) -> Array:
    return np.asarray(answers.values - labels.values)


def _rmse(labels: TrueLabels, answers: Answers) -> Measure:
    terms = np.column_stack([np.ones(labels.rows), _errors(labels, answers) ** 2])
    return RowSums(terms, lambda sums: np.sqrt(sums[1] / sums[0]))


def _r2(labels: TrueLabels, answers: Answers) -> Measure:
    # Around the mean: sums of squares of numbers far from 0 would cancel. A mean that is off by one
    # bit must not make a spread of equal labels.
    equal = np.ptp(labels.values) == 0
    centred = np.zeros(labels.rows) if equal else labels.values - labels.values.mean()
    columns = [np.ones(labels.rows), _errors(labels, answers) ** 2, centred, centred**2]
    return RowSums(np.column_stack(columns), _explained)


def _explained(sums: Array) -> float:
    rows, residual, total, squares = sums
    spread = squares - total**2 / rows
    if spread > 0:
        return float(1 - residual / spread)
    return 0.0 if residual > 0 else 1.0


def _mape(labels: TrueLabels, answers: Answers) -> Measure:
    size = np.maximum(np.abs(labels.values), np.finfo(float).eps)
    return _mean(np.abs(_errors(labels, answers)) / size)


# -- classes -----------------------------------------------------------------------------------


def _classes(labels: TrueLabels, answers: Answers) -> tuple[Array, int]:
    """What was answered, as positions of classes, and how many classes there are."""
    if labels.problem == BINARY:
        return (answers.values >= THRESHOLD).astype(int), 2
    return answers.values, len(answers.classes)


def _counted(of: Callable[[Array, Array, Array], float]) -> Maker:
    def measure(labels: TrueLabels, answers: Answers) -> Measure:
        answered, classes = _classes(labels, answers)
        return Counts(labels.values, answered, classes, of)

    return measure


def _f1(hits: Array, labelled: Array, answered: Array) -> Array:
    return _share(2 * hits, labelled + answered)


def _accuracy(hits: Array, labelled: Array, answered: Array) -> float:
    return float(hits.sum() / labelled.sum())


def _positive_precision(hits: Array, labelled: Array, answered: Array) -> float:
    return float(_share(hits, answered)[1])


def _positive_recall(hits: Array, labelled: Array, answered: Array) -> float:
    return float(_share(hits, labelled)[1])


def _positive_f1(hits: Array, labelled: Array, answered: Array) -> float:
    return float(_f1(hits, labelled, answered)[1])


def _macro_f1(hits: Array, labelled: Array, answered: Array) -> float:
    """Over the classes that occur, in labels or answers."""
    occurs = (labelled > 0) | (answered > 0)
    return float(_f1(hits, labelled, answered)[occurs].mean())


def _weighted_f1(hits: Array, labelled: Array, answered: Array) -> float:
    return float(_f1(hits, labelled, answered) @ labelled / labelled.sum())


def _auc(labels: TrueLabels, answers: Answers) -> Measure:
    return Ranks(labels.values == 1, answers.values)


def _brier(labels: TrueLabels, answers: Answers) -> Measure:
    return _mean((answers.values - labels.values) ** 2)


def _log_loss(labels: TrueLabels, answers: Answers) -> Measure:
    """In nats; probabilities are kept off 0 and 1 by the smallest step of a float."""
    epsilon = np.finfo(float).eps
    if labels.problem == BINARY:
        probabilities = np.column_stack([1 - answers.values, answers.values])
    else:
        assert answers.probabilities is not None
        probabilities = answers.probabilities
    of_label = probabilities[np.arange(labels.rows), labels.values]
    return _mean(-np.log(np.clip(of_label, epsilon, 1 - epsilon)))


MEASURES: Mapping[str, Mapping[str, Maker]] = {
    BINARY: {
        "auc": _auc,
        "log_loss": _log_loss,
        "brier": _brier,
        "accuracy": _counted(_accuracy),
        "precision": _counted(_positive_precision),
        "recall": _counted(_positive_recall),
        "f1": _counted(_positive_f1),
    },
    MULTICLASS: {
        "macro_f1": _counted(_macro_f1),
        "weighted_f1": _counted(_weighted_f1),
        "accuracy": _counted(_accuracy),
        "log_loss": _log_loss,
    },
    REGRESSION: {
        "rmse": _rmse,
        "mae": lambda labels, answers: _mean(np.abs(_errors(labels, answers))),
        "r2": _r2,
        "mape": _mape,
    },
}
"""Problem → metric → its measure. The names are those of ratchet/loop/problems.py."""

_OF_TWO_CLASSES = {"auc", "precision", "recall", "f1", "macro_f1", "weighted_f1"}


def undefined_for(labels: TrueLabels, metric: str) -> str | None:
    """Why these labels have no such metric, whatever is answered; None: they have."""
    if metric in _OF_TWO_CLASSES:
        present = [name for name, rows in labels.counts.items() if rows]
        if len(present) < 2:
            return f"all {labels.rows:,} labels are {present[0]!r}; {metric} needs two classes"
    if metric == "mape" and (zeros := int((labels.values == 0).sum())):
        return f"mape divides by the label, which is 0 in {zeros:,} of {labels.rows:,} rows"
    return None


def unanswered(labels: TrueLabels, answers: Answers, metric: str) -> str | None:
    """Why these answers have no such metric; None: they have."""
    needs = metric == "log_loss" and labels.problem == MULTICLASS
    if needs and answers.probabilities is None:
        return f"log_loss needs probabilities: {answers.no_probabilities}"
    return None
