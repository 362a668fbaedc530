"""Each metric has scikit-learn's definition, and a draw of rows is those rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as reference

from ratchet.judging.answers import Answers, TrueLabels
from ratchet.judging.comparison import bootstrap
from ratchet.judging.metrics import MEASURES, unanswered, undefined_for
from ratchet.loop.problems import PROBLEMS, THRESHOLD, Kind

Array = np.ndarray[Any, Any]
Reference = Callable[[TrueLabels, Answers], float]
ROWS = (2, 3, 40, 1000)


def _hard(answers: Answers) -> Array:
    return np.asarray(answers.values >= THRESHOLD)


def _all(labels: TrueLabels) -> list[int]:
    return list(range(len(labels.classes)))


REFERENCES: dict[tuple[str, str], Reference] = {
    ("binary", "auc"): lambda y, a: reference.roc_auc_score(y.values, a.values),
    ("binary", "log_loss"): lambda y, a: reference.log_loss(y.values, a.values, labels=[0, 1]),
    ("binary", "brier"): lambda y, a: reference.brier_score_loss(y.values, a.values),
    ("binary", "accuracy"): lambda y, a: reference.accuracy_score(y.values, _hard(a)),
    ("binary", "precision"): lambda y, a: reference.precision_score(
        y.values, _hard(a), zero_division=0
    ),
    ("binary", "recall"): lambda y, a: reference.recall_score(y.values, _hard(a)),
    ("binary", "f1"): lambda y, a: reference.f1_score(y.values, _hard(a)),
    ("multiclass", "macro_f1"): lambda y, a: reference.f1_score(
        y.values, a.values, average="macro", zero_division=0
    ),
    ("multiclass", "weighted_f1"): lambda y, a: reference.f1_score(
        y.values, a.values, average="weighted", zero_division=0
    ),
    ("multiclass", "accuracy"): lambda y, a: reference.accuracy_score(y.values, a.values),
    ("multiclass", "log_loss"): lambda y, a: reference.log_loss(
        y.values, a.probabilities, labels=_all(y)
    ),
    ("regression", "rmse"): lambda y, a: math.sqrt(
        reference.mean_squared_error(y.values, a.values)
    ),
    ("regression", "mae"): lambda y, a: reference.mean_absolute_error(y.values, a.values),
    ("regression", "r2"): lambda y, a: reference.r2_score(y.values, a.values),
    ("regression", "mape"): lambda y, a: reference.mean_absolute_percentage_error(
        y.values, a.values
    ),
}


def rows_of(problem: Kind, rows: int, *, seed: int, ties: bool) -> tuple[TrueLabels, Answers]:
    """Labels and answers that know something of them. `ties`: answers of few values."""
    random = np.random.default_rng(seed)
    if problem == "regression":
        labels = random.normal(1000, 50, rows)  # far from 0, where sums of squares cancel
        answers = labels + random.normal(0, 20, rows)
        return TrueLabels(problem, labels), Answers(np.round(answers, -1) if ties else answers)
    if problem == "binary":
        scores = random.random(rows)
        truth = (random.random(rows) < scores).astype(int)
        truth[:2] = [0, 1]
        return (
            TrueLabels(problem, truth, ("0", "1")),
            Answers(np.round(scores, 1) if ties else scores),
        )
    classes = tuple("abcdefgh")
    truth = random.integers(6, size=rows)  # two that no label has
    truth[:2] = [0, 1]
    shares = random.dirichlet(np.ones(8), rows) + 0.7 * np.eye(8)[truth] * random.random((rows, 1))
    shares /= shares.sum(axis=1, keepdims=True)
    values = random.integers(8, size=rows) if ties else shares.argmax(axis=1)
    return TrueLabels(problem, truth, classes), Answers(values, classes, probabilities=shares)


def test_the_table_and_what_is_computed_are_the_same_metrics() -> None:
    table = {(p.name, name) for p in PROBLEMS.values() for name in p.metrics}
    assert table == {(problem, name) for problem in MEASURES for name in MEASURES[problem]}
    assert table == set(REFERENCES)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize(("problem", "name"), REFERENCES)
def test_a_metric_is_scikit_learns(problem: Kind, name: str, rows: int, ties: bool) -> None:
    for seed in range(5):
        labels, answers = rows_of(problem, rows, seed=seed, ties=ties)
        value = MEASURES[problem][name](labels, answers).value()
        expected = float(REFERENCES[problem, name](labels, answers))
        assert value == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(("problem", "name"), REFERENCES)
def test_a_row_that_is_drawn_twice_is_the_row_twice(problem: Kind, name: str) -> None:
    labels, answers = rows_of(problem, 60, seed=0, ties=False)
    draws = np.random.default_rng(1).integers(4, size=60)
    draws[:2] = 1
    drawn = MEASURES[problem][name](labels, answers).value(draws)
    chosen = np.repeat(np.arange(60), draws)
    shares = answers.probabilities
    repeated = Answers(
        answers.values[chosen],
        answers.classes,
        probabilities=None if shares is None else shares[chosen],
    )
    of_rows = TrueLabels(problem, labels.values[chosen], labels.classes)
    expected = MEASURES[problem][name](of_rows, repeated).value()
    assert drawn == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("labels", "scores", "expected"),
    [
        ([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4], 1.0),
        ([1, 1, 0, 0], [0.1, 0.2, 0.3, 0.4], 0.0),
        ([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], 0.75),
        ([0, 1, 0, 1], [0.5, 0.5, 0.5, 0.5], 0.5),
        ([0, 0, 1], [0.2, 0.5, 0.5], 0.75),
    ],
)
def test_auc_of_known_cases(labels: list[int], scores: list[float], expected: float) -> None:
    of = TrueLabels("binary", np.array(labels), ("0", "1"))
    assert MEASURES["binary"]["auc"](of, Answers(np.array(scores))).value() == expected


@pytest.mark.parametrize("answers", [[0.0, 1.0], [1.0, 0.0]])
def test_log_loss_of_certain_answers_is_scikit_learns(answers: list[float]) -> None:
    of = TrueLabels("binary", np.array([0, 1]), ("0", "1"))
    value = MEASURES["binary"]["log_loss"](of, Answers(np.array(answers))).value()
    assert value == pytest.approx(reference.log_loss([0, 1], answers), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("answer", [7.1, 7.0])
def test_r2_of_equal_labels_is_scikit_learns(answer: float) -> None:
    of, answers = TrueLabels("regression", np.full(7, 7.0)), Answers(np.full(7, answer))
    expected = reference.r2_score(of.values, answers.values)
    assert MEASURES["regression"]["r2"](of, answers).value() == expected


@pytest.mark.parametrize("metric", ["auc", "precision", "recall", "f1"])
@pytest.mark.parametrize("only", [0, 1])
def test_a_metric_of_two_classes_is_undefined_for_one(metric: str, only: int) -> None:
    labels = TrueLabels("binary", np.full(4, only), ("0", "1"))
    assert undefined_for(labels, metric) == f"all 4 labels are '{only}'; {metric} needs two classes"
    assert undefined_for(labels, "accuracy") is None
    assert undefined_for(labels, "log_loss") is None


def test_a_share_of_a_label_of_zero_is_undefined_with_the_count() -> None:
    labels = TrueLabels("regression", np.array([0.0, 1.0, 0.0]))
    assert undefined_for(labels, "mape") == "mape divides by the label, which is 0 in 2 of 3 rows"
    assert undefined_for(labels, "mae") is None


def test_log_loss_of_classes_without_probabilities_is_undefined_with_the_reason() -> None:
    labels = TrueLabels("multiclass", np.array([0, 1]), ("a", "b"))
    reason = unanswered(labels, Answers(np.array([0, 1]), ("a", "b")), "log_loss")
    assert reason == "log_loss needs probabilities: the model answers none"


# -- the interval ------------------------------------------------------------------------------


def interval_of(labels: TrueLabels, *models: Answers, **options: Any) -> tuple[float, float]:
    measures = [MEASURES[labels.problem]["auc"](labels, answers) for answers in models]

    def statistic(draws: Array) -> float:
        first, *rest = (measure.value(draws) for measure in measures)
        return first - sum(rest)

    interval = bootstrap(labels, statistic, **options)
    assert interval is not None
    return interval["low"], interval["high"]


def normal_scores(
    rng: np.random.Generator, *, rows: int, shift: float, noise: float
) -> tuple[TrueLabels, Answers, Answers]:
    """Labels and two models' scores: the candidate sees the signal, the champion a noisy copy."""
    labels = (rng.random(rows) < 0.3).astype(int)
    candidate = rng.normal(size=rows) + shift * labels
    champion = candidate + noise * rng.normal(size=rows)
    return TrueLabels("binary", labels, ("0", "1")), Answers(candidate), Answers(champion)


def normal_auc(shift: float, variance: float) -> float:
    """AUC of two normal distributions `shift` apart: Φ(shift / √(2·variance))."""
    return 0.5 * (1 + math.erf(shift / math.sqrt(2 * variance) / math.sqrt(2)))


def test_the_interval_holds_the_true_regression_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    truth = normal_auc(1, 1 + 0.5**2) - normal_auc(1, 1)
    covered = 0
    for trial in range(200):
        labels, candidate, champion = normal_scores(rng, rows=400, shift=1, noise=0.5)
        low, high = interval_of(
            labels, champion, candidate, resamples=200, confidence=0.9, seed=trial
        )
        covered += low <= truth <= high
    assert 0.84 <= covered / 200 <= 0.96


def test_the_interval_is_repeatable_and_holds_the_measured_regression() -> None:
    labels, candidate, champion = normal_scores(
        np.random.default_rng(1), rows=2000, shift=1, noise=0.5
    )
    low, high = interval_of(labels, champion, candidate)
    assert (low, high) == interval_of(labels, champion, candidate)
    ours, theirs = (
        MEASURES["binary"]["auc"](labels, answers).value() for answers in (candidate, champion)
    )
    assert low < theirs - ours < high < 0


def test_a_model_against_itself_has_an_interval_of_zero() -> None:
    labels, candidate, _ = normal_scores(np.random.default_rng(2), rows=500, shift=1, noise=0)
    assert interval_of(labels, candidate, candidate) == (0.0, 0.0)


def test_the_interval_of_one_auc_holds_it_and_narrows_with_more_rows() -> None:
    rng = np.random.default_rng(3)
    widths = []
    for rows in (200, 3200):
        scores = rng.random(rows)
        labels = TrueLabels("binary", (rng.random(rows) < scores).astype(int), ("0", "1"))
        low, high = interval_of(labels, Answers(scores), resamples=200)
        assert low < MEASURES["binary"]["auc"](labels, Answers(scores)).value() < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def test_a_draw_that_does_not_define_the_statistic_leaves_no_interval() -> None:
    labels = TrueLabels("regression", np.arange(5.0))
    assert bootstrap(labels, lambda draws: math.nan, resamples=10) is None
