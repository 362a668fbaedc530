"""A small model on top of vectors: what an embedding knows of the label, for the price of a fit.

A logistic or a ridge regression on scaled vectors, whose penalty is chosen by cross-validation on
the training rows alone. Both are deterministic.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ratchet.candidates.answers import RowAnswer
from ratchet.candidates.embeddings import Vector
from ratchet.judging.answers import TrueLabels
from ratchet.loop.problems import BINARY, REGRESSION

_PENALTIES = 10.0 ** np.arange(-4, 3)
_FOLDS = 3
_MOST_ITERATIONS = 1000


class HeadError(Exception):
    """No head can be fitted; the message says why."""


def answers_by_head(
    train: Sequence[Vector], labels: TrueLabels, rows: Sequence[Vector]
) -> list[RowAnswer]:
    """Fits a head on the training rows, and answers for other rows.

    Args:
        labels: of the training rows.

    Raises:
        HeadError: vectors of several lengths, or too few rows of a class.
    """
    lengths = {len(vector) for vector in (*train, *rows)}
    if len(lengths) > 1:
        raise HeadError(f"vectors of {min(lengths)} to {max(lengths)} numbers; expected one length")
    if len(train) < 2 * _FOLDS:
        raise HeadError(
            f"{len(train):,} training rows have vectors; expected {2 * _FOLDS} at least"
        )
    head = _fitted(np.array(train), labels)
    columns = np.array(rows)
    if labels.problem == REGRESSION:
        return [RowAnswer(value=float(value)) for value in head.predict(columns)]
    shares = head.predict_proba(columns)
    if labels.problem == BINARY:
        return [RowAnswer(value=float(share)) for share in shares[:, 1]]
    names = [labels.classes[place] for place in head.classes_]
    absent = dict.fromkeys(set(labels.classes) - set(names), 0.0)
    return [
        RowAnswer(
            value=names[int(np.argmax(row))],
            probabilities={**dict(zip(names, map(float, row), strict=True)), **absent},
        )
        for row in shares
    ]


def _fitted(vectors: Any, labels: TrueLabels) -> Any:
    from sklearn.linear_model import LogisticRegressionCV, RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if labels.problem == REGRESSION:
        head = make_pipeline(StandardScaler(), RidgeCV(alphas=1 / _PENALTIES))
        return head.fit(vectors, labels.values, ridgecv__sample_weight=labels.weights)
    classes, sizes = np.unique(labels.values, return_counts=True)
    if len(classes) < 2 or sizes.min() < _FOLDS:
        smallest = labels.classes[int(classes[sizes.argmin()])]
        raise HeadError(
            f"{sizes.min():,} of {labels.rows:,} training rows are {smallest!r}; expected two "
            f"classes, and {_FOLDS} rows of each. Ask for more with --train-rows"
        )
    head = make_pipeline(
        StandardScaler(),
        LogisticRegressionCV(
            Cs=_PENALTIES,
            cv=_FOLDS,
            scoring="neg_log_loss",
            max_iter=_MOST_ITERATIONS,
            random_state=0,
        ),
    )
    return head.fit(vectors, labels.values, logisticregressioncv__sample_weight=labels.weights)
