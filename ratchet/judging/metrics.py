"""Computes the metrics of ratchet/loop/problems.py, with scikit-learn's definitions. NumPy only.

Rows are reduced once to a measure. A measure gives the metric for any number of draws of each row,
so a bootstrap sorts and compares nothing again; and, where the metric is smooth, its value without
each row in turn (the jackknife), so that standard errors of a metric, of a difference of two models
and of a slice cost no resampling. A row of weight 0 counts for nothing, not even for its class.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np

from ratchet.judging.answers import Answers, TrueLabels
from ratchet.loop.problems import BINARY, MULTICLASS, PROBLEMS, REGRESSION

Array = np.ndarray[Any, Any]

_AT_ONCE = 10_000
"""Rows whose counts by class are in memory together."""


class Measure(Protocol):
    def value(self, draws: Array | None = None) -> float:
        """The metric. `draws`: how often each row counts, beside its weight (default: once)."""

    def without_each(self) -> Array | None:
        """(rows,): the metric without the first row, without the second, ...; None: it is no smooth
        function of the rows, and a jackknife says nothing of it (Miller 1974,
        doi:10.1093/biomet/61.1.1)."""


def standard_error(measure: Measure, other: Measure | None = None) -> float | None:
    """The jackknife's standard error of a metric or, with `other`, of the difference of two
    models' on the same rows; None: not defined."""
    values = measure.without_each()
    if values is not None and other is not None:
        others = other.without_each()
        values = None if others is None else values - others
    if values is None or not np.isfinite(values).all():
        return None
    rows = len(values)
    return math.sqrt((rows - 1) / rows * float(np.sum((values - values.mean()) ** 2)))


class RowSums:
    """A function of sums over rows."""

    def __init__(self, of: Callable[[Array], Array], weights: Array | None, *terms: Array) -> None:
        """`of`: (..., 1 + terms) sums, the first of the weights, to (...) values."""
        columns = np.column_stack([np.ones(len(terms[0])), *terms])
        self._terms = columns if weights is None else columns * weights[:, None]
        self._of = of

    def value(self, draws: Array | None = None) -> float:
        sums = self._terms.sum(axis=0) if draws is None else draws @ self._terms
        return float(self._of(sums))

    def without_each(self) -> Array:
        return self._of(self._terms.sum(axis=0) - self._terms)


ByClass = Callable[[Array, Array, Array], Array]
"""(..., classes) of rows that are right, labelled and answered."""


class Counts:
    """A function of the rows that are right, labelled and answered, class by class."""

    def __init__(
        self,
        labels: Array,
        answers: Array,
        classes: int,
        of: ByClass,
        weights: Array | None = None,
    ) -> None:
        # Rows of one label and one answer are alike: a draw counts them once, as one cell.
        cells, self._rows = np.unique(labels * classes + answers, return_inverse=True)
        self._labels, self._answers = np.divmod(cells, classes)
        self._classes, self._of, self._weights = classes, of, weights

    def value(self, draws: Array | None = None) -> float:
        weights = _drawn(self._weights, draws, len(self._rows))
        return float(self._of(*self._sums(weights)))

    def without_each(self) -> Array:
        sums = self._sums(_drawn(self._weights, None, len(self._rows)))
        cells, weights = self._rows, self._weights
        if weights is None:
            cells = np.arange(len(self._labels))
            weights = np.ones(len(cells))
        parts = [
            self._without(sums, cells[part], weights[part, None])
            for start in range(0, len(cells), _AT_ONCE)
            for part in [slice(start, start + _AT_ONCE)]
        ]
        values = np.concatenate(parts)
        return values[self._rows] if self._weights is None else values

    def _without(self, sums: tuple[Array, ...], cells: Array, weights: Array) -> Array:
        """Without a row of each of these cells."""
        labelled, answered = (
            (places[cells, None] == np.arange(self._classes)) * weights
            for places in (self._labels, self._answers)
        )
        hits = np.minimum(labelled, answered)
        return self._of(sums[0] - hits, sums[1] - labelled, sums[2] - answered)

    def _sums(self, weights: Array) -> tuple[Array, Array, Array]:
        cells = np.bincount(self._rows, weights, len(self._labels))
        right = self._labels == self._answers
        return (
            # Of no rows NumPy counts in whole numbers.
            np.bincount(self._labels[right], cells[right], self._classes).astype(float),
            np.bincount(self._labels, cells, self._classes),
            np.bincount(self._answers, cells, self._classes),
        )


class Ranks:
    """The area under the ROC curve is the Mann-Whitney statistic: the share of (positive, negative)
    pairs that scores put in the right order, a tie counting one half (Hanley and McNeil 1982,
    doi:10.1148/radiology.143.1.7063747)."""

    def __init__(self, positive: Array, scores: Array, weights: Array | None = None) -> None:
        self._positives = _ordered(np.flatnonzero(positive), scores)
        self._negatives = _ordered(np.flatnonzero(~positive), scores)
        self._ups, self._downs = scores[self._positives], scores[self._negatives]
        self._below = np.searchsorted(self._downs, self._ups, side="left")
        self._not_above = np.searchsorted(self._downs, self._ups, side="right")
        self._rows, self._weights = len(scores), weights

    def value(self, draws: Array | None = None) -> float:
        counts = np.ones(self._rows, dtype=np.int64) if draws is None else draws
        weights = counts if self._weights is None else self._weights * counts
        positives, negatives = weights[self._positives], weights[self._negatives]
        pairs = positives.sum() * negatives.sum()
        won_twice = positives @ _twice_below(negatives, self._below, self._not_above)
        return float(won_twice / (2 * pairs)) if pairs else math.nan

    def without_each(self) -> Array:
        weights = np.ones(self._rows) if self._weights is None else self._weights
        positives, negatives = weights[self._positives], weights[self._negatives]
        won = _twice_below(negatives, self._below, self._not_above)
        below = np.searchsorted(self._ups, self._downs, side="left")
        not_above = np.searchsorted(self._ups, self._downs, side="right")
        lost = 2 * positives.sum() - _twice_below(positives, below, not_above)
        total, up, down = positives @ won, positives.sum(), negatives.sum()
        values = np.empty(self._rows)
        with np.errstate(invalid="ignore", divide="ignore"):  # without the last of its class: NaN
            values[self._positives] = (total - positives * won) / (2 * (up - positives) * down)
            values[self._negatives] = (total - negatives * lost) / (2 * up * (down - negatives))
        return values


def _ordered(rows: Array, scores: Array) -> Array:
    return rows[np.argsort(scores[rows], kind="stable")]


def _twice_below(weights: Array, below: Array, not_above: Array) -> Array:
    """Twice the weight of those that are lower, a tie counting one half."""
    sums = np.concatenate([[0], np.cumsum(weights)])
    return np.asarray(sums[below] + sums[not_above])


class AveragePrecision:
    """The precision at each score that occurs, weighted by the recall that is gained there."""

    def __init__(self, positive: Array, scores: Array, weights: Array | None) -> None:
        self._order = np.argsort(-scores, kind="stable")
        ordered = scores[self._order]
        self._ends = np.flatnonzero(np.append(np.diff(ordered) != 0, True))
        self._positive, self._weights = positive[self._order], weights

    def value(self, draws: Array | None = None) -> float:
        weights = _drawn(self._weights, draws, len(self._order))[self._order]
        hits = np.cumsum(weights * self._positive)[self._ends]
        precision = _share(hits, np.cumsum(weights)[self._ends])
        return float(np.diff(hits, prepend=0.0) @ precision / hits[-1]) if hits[-1] else math.nan

    def without_each(self) -> None:
        return None


class Median:
    """Half of the weight lies at or below it; the middle of two values that both do."""

    def __init__(self, values: Array, weights: Array | None) -> None:
        self._order = np.argsort(values, kind="stable")
        self._values, self._weights = values[self._order], weights

    def value(self, draws: Array | None = None) -> float:
        weights = _drawn(self._weights, draws, len(self._order))[self._order]
        sums = np.cumsum(weights)
        middle = sums[-1] / 2
        low = np.searchsorted(sums, middle, side="left")
        high = np.searchsorted(sums, middle, side="right")
        last = len(sums) - 1
        return float((self._values[min(low, last)] + self._values[min(high, last)]) / 2)

    def without_each(self) -> None:
        return None


@dataclass(frozen=True)
class Mean:
    """Of several measures."""

    of: tuple[Ranks, ...]

    def value(self, draws: Array | None = None) -> float:
        return float(np.mean([measure.value(draws) for measure in self.of]))

    def without_each(self) -> Array:
        return np.asarray(np.mean([measure.without_each() for measure in self.of], axis=0))


Maker = Callable[[TrueLabels, Answers], Measure]


def _drawn(weights: Array | None, draws: Array | None, rows: int) -> Array:
    counts = np.ones(rows) if draws is None else draws
    return counts if weights is None else weights * counts


def _share(part: Array, whole: Array) -> Array:
    """0 where the whole is 0, as scikit-learn's `zero_division` has it."""
    return np.divide(part, whole, out=np.zeros(np.shape(part)), where=np.asarray(whole) > 0)


def _average(sums: Array) -> Array:
    return np.asarray(sums[..., 1] / sums[..., 0])


# -- regression --------------------------------------------------------------------------------


def _errors(labels: TrueLabels, answers: Answers) -> Array:
    return np.asarray(answers.values - labels.values)


def _mae(labels: TrueLabels, answers: Answers) -> Measure:
    return RowSums(_average, labels.weights, np.abs(_errors(labels, answers)))


def _mse(labels: TrueLabels, answers: Answers) -> Measure:
    return RowSums(_average, labels.weights, _errors(labels, answers) ** 2)


def _rmse(labels: TrueLabels, answers: Answers) -> Measure:
    def root(sums: Array) -> Array:  # what a great error leaves of a sum may be less than 0
        return np.sqrt(np.maximum(_average(sums), 0))

    return RowSums(root, labels.weights, _errors(labels, answers) ** 2)


def _mape(labels: TrueLabels, answers: Answers) -> Measure:
    size = np.maximum(np.abs(labels.values), np.finfo(float).eps)
    return RowSums(_average, labels.weights, np.abs(_errors(labels, answers)) / size)


def _pinball(labels: TrueLabels, answers: Answers) -> Measure:
    over = _errors(labels, answers)
    loss = np.maximum((1 - answers.quantile) * over, -answers.quantile * over)
    return RowSums(_average, labels.weights, loss)


def _median_absolute_error(labels: TrueLabels, answers: Answers) -> Measure:
    return Median(np.abs(_errors(labels, answers)), labels.weights)


def _r2(labels: TrueLabels, answers: Answers) -> Measure:
    label = _centred(labels.values, labels.weights)
    squares = _errors(labels, answers) ** 2
    return RowSums(
        lambda sums: _explained(sums[..., 3], _spread(sums[..., 1], sums[..., 2], sums[..., 0])),
        labels.weights,
        label,
        label**2,
        squares,
    )


def _explained_variance(labels: TrueLabels, answers: Answers) -> Measure:
    label = _centred(labels.values, labels.weights)
    error = _centred(_errors(labels, answers), labels.weights)
    return RowSums(
        lambda sums: _explained(
            _spread(sums[..., 3], sums[..., 4], sums[..., 0]),
            _spread(sums[..., 1], sums[..., 2], sums[..., 0]),
        ),
        labels.weights,
        label,
        label**2,
        error,
        error**2,
    )


def _centred(values: Array, weights: Array | None) -> Array:
    """Around the mean: sums of squares of numbers far from 0 would cancel. A mean that is off by
    one bit must not make a spread of equal values."""
    if np.ptp(values) == 0:
        return np.zeros(len(values))
    return np.asarray(values - np.average(values, weights=weights))


def _spread(total: Array, squares: Array, weight: Array) -> Array:
    return np.maximum(squares - total**2 / weight, 0)


def _explained(residual: Array, spread: Array) -> Array:
    """Of labels without a spread: 1 where there is nothing left to explain, else 0."""
    left = np.where(spread > 0, _share(residual, spread), np.where(residual > 0, 1.0, 0.0))
    return np.asarray(1 - left)


# -- classes -----------------------------------------------------------------------------------


def _counted(of: ByClass) -> Maker:
    def measure(labels: TrueLabels, answers: Answers) -> Measure:
        classes = len(answers.classes) or len(labels.classes)
        return Counts(labels.values, answers.positions, classes, of, labels.weights)

    return measure


def _precision(hits: Array, labelled: Array, answered: Array) -> Array:
    return _share(hits, answered)


def _recall(hits: Array, labelled: Array, answered: Array) -> Array:
    return _share(hits, labelled)


def _f(beta: float, hits: Array, labelled: Array, answered: Array) -> Array:
    return _share((1 + beta**2) * hits, beta**2 * labelled + answered)


_BY_CLASS: Mapping[str, ByClass] = {
    "recall": _recall,
    "precision": _precision,
    "f0_5": partial(_f, 0.5),
    "f1": partial(_f, 1.0),
    "f2": partial(_f, 2.0),
}


def _of_class(place: int, by_class: ByClass) -> Maker:
    return _counted(lambda *counts: by_class(*counts)[..., place])


def _macro(by_class: ByClass) -> Maker:
    """The mean over the classes that occur, in labels or answers."""

    def mean(hits: Array, labelled: Array, answered: Array) -> Array:
        occurs = (labelled > 0) | (answered > 0)
        return _share(
            (by_class(hits, labelled, answered) * occurs).sum(axis=-1), occurs.sum(axis=-1)
        )

    return _counted(mean)


def _weighted(by_class: ByClass) -> Maker:
    """The mean over classes, each as often as it is labelled."""

    def mean(hits: Array, labelled: Array, answered: Array) -> Array:
        return _share(
            (by_class(hits, labelled, answered) * labelled).sum(axis=-1), labelled.sum(axis=-1)
        )

    return _counted(mean)


def _accuracy(hits: Array, labelled: Array, answered: Array) -> Array:
    return _share(hits.sum(axis=-1), labelled.sum(axis=-1))


def _balanced_accuracy(hits: Array, labelled: Array, answered: Array) -> Array:
    """The mean recall of the classes that labels have."""
    return _share(_recall(hits, labelled, answered).sum(axis=-1), (labelled > 0).sum(axis=-1))


def _matthews(hits: Array, labelled: Array, answered: Array) -> Array:
    """The correlation of answers with labels (Gorodkin 2004,
    doi:10.1016/j.compbiolchem.2004.09.006); 0 where all labels or all answers are one class."""
    rows = labelled.sum(axis=-1)
    together = hits.sum(axis=-1) * rows - (labelled * answered).sum(axis=-1)
    spreads = [
        np.where((counts > 0).sum(axis=-1) > 1, rows**2 - (counts**2).sum(axis=-1), 0)
        for counts in (labelled, answered)
    ]
    return _share(together, np.sqrt(np.maximum(spreads[0] * spreads[1], 0)))


# -- probabilities -----------------------------------------------------------------------------


def _auc(labels: TrueLabels, answers: Answers) -> Measure:
    return Ranks(labels.values == 1, answers.values, labels.weights)


def _average_precision(labels: TrueLabels, answers: Answers) -> Measure:
    return AveragePrecision(labels.values == 1, answers.values, labels.weights)


def _auc_ovr(labels: TrueLabels, answers: Answers) -> Measure:
    """The mean over classes of each one's against the rest."""
    assert answers.probabilities is not None
    return Mean(
        tuple(
            Ranks(labels.values == place, of_class, labels.weights)
            for place, of_class in enumerate(answers.probabilities.T)
        )
    )


def _brier(labels: TrueLabels, answers: Answers) -> Measure:
    return RowSums(_average, labels.weights, (answers.values - labels.values) ** 2)


def _log_loss(labels: TrueLabels, answers: Answers) -> Measure:
    """In nats; probabilities are kept off 0 and 1 by the smallest step of a float."""
    epsilon = np.finfo(float).eps
    if labels.problem == BINARY:
        probabilities = np.column_stack([1 - answers.values, answers.values])
    else:
        assert answers.probabilities is not None
        probabilities = answers.probabilities
    of_label = probabilities[np.arange(labels.rows), labels.values]
    return RowSums(_average, labels.weights, -np.log(np.clip(of_label, epsilon, 1 - epsilon)))


MEASURES: Mapping[str, Mapping[str, Maker]] = {
    BINARY: {
        "auc": _auc,
        "average_precision": _average_precision,
        "log_loss": _log_loss,
        "brier": _brier,
        "accuracy": _counted(_accuracy),
        "balanced_accuracy": _counted(_balanced_accuracy),
        **{name: _of_class(1, by_class) for name, by_class in _BY_CLASS.items()},
        "specificity": _of_class(0, _recall),
        "matthews": _counted(_matthews),
    },
    MULTICLASS: {
        "accuracy": _counted(_accuracy),
        "balanced_accuracy": _counted(_balanced_accuracy),
        **{f"weighted_{name}": _weighted(by_class) for name, by_class in _BY_CLASS.items()},
        **{f"macro_{name}": _macro(by_class) for name, by_class in _BY_CLASS.items()},
        "matthews": _counted(_matthews),
        "auc_ovr": _auc_ovr,
        "log_loss": _log_loss,
    },
    REGRESSION: {
        "rmse": _rmse,
        "mae": _mae,
        "mse": _mse,
        "r2": _r2,
        "explained_variance": _explained_variance,
        "mape": _mape,
        "median_absolute_error": _median_absolute_error,
        "pinball": _pinball,
    },
}
"""Problem → metric → its measure. The names are those of ratchet/loop/problems.py."""


def best_threshold(labels: TrueLabels, probabilities: Array) -> float:
    """Of a binary problem: the threshold with the best F1, the highest of several; halfway to the
    next probability below, so that the last bit of an answer decides nothing."""
    order = np.argsort(-probabilities, kind="stable")
    ordered, positive = probabilities[order], labels.values[order]
    weights = _drawn(labels.weights, None, labels.rows)[order]
    ends = np.flatnonzero(np.append(np.diff(ordered) != 0, True))
    hits, answered = np.cumsum(weights * positive)[ends], np.cumsum(weights)[ends]
    best = int(_f(1.0, hits, hits[-1], answered).argmax())
    lowest, *below = ordered[ends[best : best + 2]]
    middle = (lowest + below[0]) / 2 if below else lowest
    return float(middle if not below or middle > below[0] else lowest)


MOST_CLASSES = 50
"""Of a confusion matrix in a report."""


def confusion_matrix(labels: TrueLabels, answers: Answers) -> dict[str, dict[str, int]]:
    """Class → the class that it was taken for → rows."""
    names = answers.classes or labels.classes
    cells = np.bincount(labels.values * len(names) + answers.positions, minlength=len(names) ** 2)
    return {
        name: {other: int(rows) for other, rows in zip(names, counts, strict=True)}
        for name, counts in zip(names, cells.reshape(len(names), -1), strict=True)
    }


def undefined_for(labels: TrueLabels, metric: str) -> str | None:
    """Why these labels have no such metric, whatever is answered; None: they have."""
    if labels.weights is not None:
        labels = labels.of(labels.weights > 0)
    about = PROBLEMS[labels.problem].metrics.get(metric)
    if about is not None and about.of_two_classes:
        present = [name for name, rows in labels.counts.items() if rows]
        if len(present) < 2:
            return f"all {labels.rows:,} labels are {present[0]!r}; {metric} needs two classes"
    if metric == "auc_ovr":
        absent = [name for name, rows in labels.counts.items() if not rows]
        if absent:
            shown = ", ".join(map(repr, absent[:3]))
            return f"auc_ovr needs labels of every class, and {len(absent):,} have none: {shown}"
    if metric == "mape" and (zeros := int((labels.values == 0).sum())):
        return f"mape divides by the label, which is 0 in {zeros:,} of {labels.rows:,} rows"
    return None


def unanswered(labels: TrueLabels, answers: Answers, metric: str) -> str | None:
    """Why these answers have no such metric; None: they have."""
    about = PROBLEMS[labels.problem].metrics.get(metric)
    if about is None or not about.of_probabilities:
        return None
    reason = answers.no_probabilities
    if labels.problem == MULTICLASS and answers.probabilities is None:
        reason = reason or "the model answers none"
    return f"{metric} needs probabilities: {reason}" if reason else None
