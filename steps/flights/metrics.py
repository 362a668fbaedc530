"""How good scores are, and how sure the difference between two models is. NumPy only.

The area under the ROC curve is the Mann-Whitney statistic: the share of (positive, negative)
pairs that the scores put in the right order, a tie counting one half (Hanley and McNeil 1982,
doi:10.1148/radiology.143.1.7063747).
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


class Ranking:
    """Scores compared once, pair by pair, so that resamples need no further sort.

    Resampling rows gives each row a weight (how often it was drawn) and leaves the order of the
    scores alone. With the negatives sorted, the weight of those below a positive is a difference
    of two entries of a cumulative sum.
    """

    def __init__(self, labels: Array, scores: Array) -> None:
        positives, negatives = scores[labels == 1], scores[labels == 0]
        if not len(positives) or not len(negatives):
            raise ValueError(
                f"{len(positives)} positive and {len(negatives)} negative rows; "
                "an AUC needs at least one of each"
            )
        self.order = np.argsort(negatives, kind="stable")
        ordered = negatives[self.order]
        self.below = np.searchsorted(ordered, positives, side="left")
        self.not_above = np.searchsorted(ordered, positives, side="right")

    def auc(self, positives: Array | None = None, negatives: Array | None = None) -> float:
        """AUC with a whole-number weight for each positive and each negative row (default 1)."""
        if positives is None or negatives is None:
            positives, negatives = np.ones_like(self.below), np.ones_like(self.order)
        sums = np.concatenate([[0], np.cumsum(negatives[self.order])])
        won_twice = positives @ (sums[self.below] + sums[self.not_above])
        return float(won_twice / (2 * positives.sum() * sums[-1]))


def auc(labels: Array, scores: Array) -> float:
    """Area under the ROC curve, 0 to 1; labels are 0 and 1."""
    return Ranking(labels, scores).auc()


def log_loss(labels: Array, scores: Array) -> float:
    """Mean negative log likelihood in nats; probabilities are kept 1e-15 away from 0 and 1."""
    p = np.clip(scores, 1e-15, 1 - 1e-15)
    return float(-np.mean(np.where(labels == 1, np.log(p), np.log1p(-p))))


def regression_interval(
    labels: Array,
    candidate: Array,
    champion: Array,
    *,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Low and high end of how much worse the candidate is: AUC(champion) - AUC(candidate).

    A paired, stratified percentile bootstrap: each resample draws positives and negatives apart,
    with replacement, and scores both models on the very same draw (Carpenter and Bithell 2000,
    doi:10.1002/(SICI)1097-0258(20000515)19:9<1141::AID-SIM479>3.0.CO;2-F; the default of R's
    pROC). It holds for rows that are independent: flights of one day share its weather, so the
    true uncertainty from month to month is larger.
    """
    return _interval(
        labels,
        [champion, candidate],
        lambda aucs: aucs[0] - aucs[1],
        resamples=resamples,
        confidence=confidence,
        seed=seed,
    )


def auc_interval(
    labels: Array,
    scores: Array,
    *,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Low and high end of the AUC of one model's scores: the same bootstrap, of one model."""
    return _interval(
        labels,
        [scores],
        lambda aucs: aucs[0],
        resamples=resamples,
        confidence=confidence,
        seed=seed,
    )


def _interval(
    labels: Array,
    models: Sequence[Array],
    statistic: Callable[[list[float]], float],
    *,
    resamples: int,
    confidence: float,
    seed: int,
) -> tuple[float, float]:
    """Percentiles of a statistic of the models' AUCs, over resamples that they share."""
    rng = np.random.default_rng(seed)
    rankings = [Ranking(labels, scores) for scores in models]
    positives, negatives = int((labels == 1).sum()), int((labels == 0).sum())
    found = np.empty(resamples)
    for i in range(resamples):
        drawn = [
            np.bincount(rng.integers(size, size=size), minlength=size)
            for size in (positives, negatives)
        ]
        found[i] = statistic([ranking.auc(*drawn) for ranking in rankings])
    tail = (1 - confidence) / 2
    low, high = np.quantile(found, [tail, 1 - tail])
    return float(low), float(high)
