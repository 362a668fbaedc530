"""Each metric has scikit-learn's definition, and a draw of rows is those rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from ratchet.judging.answers import Answers, TrueLabels
from ratchet.judging.comparison import bootstrap
from ratchet.judging.metrics import (
    MEASURES,
    best_threshold,
    confusion_matrix,
    standard_error,
    unanswered,
    undefined_for,
)
from ratchet.loop.problems import PROBLEMS, Kind
from tests.late import Late

Array = np.ndarray[Any, Any]
MetricReference = Callable[[TrueLabels, Answers], float]
ROWS = (2, 3, 40, 1000)


class LateMetrics:
    """Those of scikit-learn, named in tables before one is called."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *a, **options: getattr(Late("sklearn.metrics"), name)(*a, **options)


reference = LateMetrics()
BY_CLASS: dict[str, Callable[..., float]] = {
    "recall": reference.recall_score,
    "precision": reference.precision_score,
    "f0_5": partial(reference.fbeta_score, beta=0.5),
    "f1": reference.f1_score,
    "f2": partial(reference.fbeta_score, beta=2),
}


def _all(labels: TrueLabels) -> list[int]:
    return list(range(len(labels.classes)))


def of_values(function: Callable[..., float], **options: Any) -> MetricReference:
    return lambda y, a: function(y.values, a.values, sample_weight=y.weights, **options)


def of_classes(function: Callable[..., float], **options: Any) -> MetricReference:
    return lambda y, a: function(y.values, a.positions, sample_weight=y.weights, **options)


def by_class(name: str, **options: Any) -> MetricReference:
    return of_classes(BY_CLASS[name], zero_division=0, **options)


def _auc_ovr(labels: TrueLabels, answers: Answers) -> float:
    assert answers.probabilities is not None
    return float(
        np.mean(
            [
                reference.roc_auc_score(labels.values == k, of_class, sample_weight=labels.weights)
                for k, of_class in enumerate(answers.probabilities.T)
            ]
        )
    )


REFERENCES: dict[tuple[str, str], MetricReference] = {
    ("binary", "auc"): of_values(reference.roc_auc_score),
    ("binary", "average_precision"): of_values(reference.average_precision_score),
    ("binary", "log_loss"): of_values(reference.log_loss, labels=[0, 1]),
    ("binary", "brier"): of_values(reference.brier_score_loss),
    ("binary", "accuracy"): of_classes(reference.accuracy_score),
    ("binary", "balanced_accuracy"): of_classes(reference.balanced_accuracy_score),
    **{("binary", name): by_class(name) for name in BY_CLASS},
    ("binary", "specificity"): by_class("recall", pos_label=0),
    ("binary", "matthews"): of_classes(reference.matthews_corrcoef),
    ("multiclass", "accuracy"): of_classes(reference.accuracy_score),
    ("multiclass", "balanced_accuracy"): of_classes(reference.balanced_accuracy_score),
    **{
        ("multiclass", f"{average}_{name}"): by_class(name, average=average)
        for name in BY_CLASS
        for average in ("macro", "weighted")
    },
    ("multiclass", "matthews"): of_classes(reference.matthews_corrcoef),
    ("multiclass", "auc_ovr"): _auc_ovr,
    ("multiclass", "log_loss"): lambda y, a: reference.log_loss(
        y.values, a.probabilities, labels=_all(y), sample_weight=y.weights
    ),
    ("regression", "rmse"): of_values(reference.root_mean_squared_error),
    ("regression", "mae"): of_values(reference.mean_absolute_error),
    ("regression", "mse"): of_values(reference.mean_squared_error),
    ("regression", "r2"): of_values(reference.r2_score),
    ("regression", "explained_variance"): of_values(reference.explained_variance_score),
    ("regression", "mape"): of_values(reference.mean_absolute_percentage_error),
    ("regression", "median_absolute_error"): of_values(reference.median_absolute_error),
    ("regression", "pinball"): lambda y, a: reference.mean_pinball_loss(
        y.values, a.values, sample_weight=y.weights, alpha=a.quantile
    ),
}


def rows_of(
    problem: Kind, rows: int, *, seed: int, ties: bool = False, weighted: bool = False
) -> tuple[TrueLabels, Answers]:
    """Labels and answers that know something of them. `ties`: answers of few values."""
    random = np.random.default_rng(seed)
    weights = random.exponential(size=rows) if weighted else None
    truth: Array
    values: Array
    if problem == "regression":
        truth = random.normal(1000, 50, rows)  # far from 0, where sums of squares cancel
        values = truth + random.normal(0, 20, rows)
        answers = Answers(np.round(values, -1) if ties else values, quantile=0.3)
        return TrueLabels(problem, truth, weights=weights), answers
    if problem == "binary":
        scores = random.random(rows)
        truth = (random.random(rows) < scores).astype(int)
        truth[:2] = [0, 1]
        answers = Answers(np.round(scores, 1) if ties else scores, threshold=0.4)
        return TrueLabels(problem, truth, ("0", "1"), weights), answers
    classes = tuple("abcdefgh")
    truth = random.integers(6, size=rows)  # two that no label has
    truth[:2] = [0, 1]
    shares = random.dirichlet(np.ones(8), rows) + 0.7 * np.eye(8)[truth] * random.random((rows, 1))
    shares /= shares.sum(axis=1, keepdims=True)
    values = random.integers(8, size=rows) if ties else shares.argmax(axis=1)
    return (
        TrueLabels(problem, truth, classes, weights),
        Answers(values, classes, probabilities=shares),
    )


def defined_rows(name: str, problem: Kind, rows: int, **how: Any) -> tuple[TrueLabels, Answers]:
    """With labels of every class, where the metric takes them."""
    labels, answers = rows_of(problem, rows, **how)
    if name != "auc_ovr":
        return labels, answers
    assert answers.probabilities is not None
    present = np.unique(labels.values)
    classes = tuple(labels.classes[k] for k in present)
    shares = answers.probabilities[:, present]
    of = TrueLabels(problem, np.searchsorted(present, labels.values), classes, labels.weights)
    return of, Answers(shares.argmax(axis=1), classes, probabilities=shares)


def test_the_table_and_what_is_computed_are_the_same_metrics() -> None:
    table = {(p.name, name) for p in PROBLEMS.values() for name in p.metrics}
    assert table == {(problem, name) for problem in MEASURES for name in MEASURES[problem]}
    assert table == set(REFERENCES)


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize(("problem", "name"), REFERENCES)
def test_a_metric_is_scikit_learns(
    problem: Kind, name: str, rows: int, ties: bool, weighted: bool
) -> None:
    for seed in range(2):
        labels, answers = defined_rows(name, problem, rows, seed=seed, ties=ties, weighted=weighted)
        value = MEASURES[problem][name](labels, answers).value()
        expected = float(REFERENCES[problem, name](labels, answers))
        assert value == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("problem", "name"), REFERENCES)
def test_a_row_that_is_drawn_twice_is_the_row_twice(
    problem: Kind, name: str, weighted: bool
) -> None:
    labels, answers = defined_rows(name, problem, 60, seed=0, weighted=weighted)
    draws = np.random.default_rng(1).integers(4, size=60)
    draws[:2] = 1
    rows = np.repeat(np.arange(60), draws)
    drawn = MEASURES[problem][name](labels, answers).value(draws)
    assert drawn == pytest.approx(value_of(name, labels.of(rows), answers.of(rows)), rel=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("problem", "name"), REFERENCES)
def test_without_each_row_is_the_metric_of_the_others(
    problem: Kind, name: str, weighted: bool
) -> None:
    labels, answers = defined_rows(name, problem, 40, seed=3, ties=True, weighted=weighted)
    values = MEASURES[problem][name](labels, answers).without_each()
    if name in ("average_precision", "median_absolute_error"):
        assert values is None
        return
    assert values is not None
    others = [np.arange(40) != row for row in range(40)]
    expected = [value_of(name, labels.of(rows), answers.of(rows)) for rows in others]
    assert values == pytest.approx(expected, rel=1e-10, abs=1e-12, nan_ok=True)


def value_of(name: str, labels: TrueLabels, answers: Answers) -> float:
    return MEASURES[labels.problem][name](labels, answers).value()


@pytest.mark.parametrize(("problem", "name"), REFERENCES)
def test_a_row_of_weight_0_counts_for_nothing(problem: Kind, name: str) -> None:
    labels, answers = defined_rows(name, problem, 60, seed=5, weighted=True)
    rare = labels.values == labels.values.max()  # of classes: all rows of one
    rows = np.ones(60, dtype=bool) if name in ("auc", "auc_ovr", "average_precision") else ~rare
    rows[7] = False
    assert labels.weights is not None
    weighted = replace(labels, weights=np.where(rows, labels.weights, 0.0))
    value = value_of(name, weighted, answers)
    assert value == pytest.approx(value_of(name, labels.of(rows), answers.of(rows)), rel=1e-12)


def test_the_standard_error_is_that_of_the_mean() -> None:
    labels, answers = rows_of("binary", 200, seed=1)
    squares = (answers.values - labels.values) ** 2
    error = standard_error(MEASURES["binary"]["brier"](labels, answers))
    assert error == pytest.approx(squares.std(ddof=1) / math.sqrt(200), rel=1e-9)


def test_the_standard_error_of_a_difference_is_that_of_the_paired_rows() -> None:
    labels, answers = rows_of("regression", 200, seed=1)
    other = Answers(answers.values + np.random.default_rng(2).normal(0, 1, 200))
    measures = [MEASURES["regression"]["mse"](labels, model) for model in (answers, other)]
    squares = [(model.values - labels.values) ** 2 for model in (answers, other)]
    expected = (squares[0] - squares[1]).std(ddof=1) / math.sqrt(200)
    assert standard_error(*measures) == pytest.approx(expected, rel=1e-9)
    assert standard_error(measures[0], measures[0]) == 0


def test_there_is_no_standard_error_where_a_row_is_the_last_of_its_class() -> None:
    labels = TrueLabels("binary", np.array([1, 0, 0, 0]), ("0", "1"))
    measure = MEASURES["binary"]["auc"](labels, Answers(np.array([0.9, 0.1, 0.2, 0.3])))
    assert standard_error(measure) is None


def test_model_monitors_names_are_those_of_its_developer_guide() -> None:
    names = {
        p.monitor: [m.monitor for m in p.metrics.values() if m.monitor] for p in PROBLEMS.values()
    }
    by_class = ["recall", "precision", "f0_5", "f1", "f2"]
    assert {name: sorted(metrics) for name, metrics in names.items()} == {
        "BinaryClassification": sorted(["auc", "accuracy", "true_negative_rate", *by_class]),
        "MulticlassClassification": sorted(
            ["accuracy", *(f"weighted_{name}" for name in by_class)]
        ),
        "Regression": ["mae", "mse", "r2", "rmse"],
    }
    assert [(p.statistics, p.constraints) for p in PROBLEMS.values()] == [
        ("binary_classification_metrics", "binary_classification_constraints"),
        ("multiclass_classification_metrics", "multiclass_classification_constraints"),
        ("regression_metrics", "regression_constraints"),
    ]


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


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([0.1, 0.4, 0.6, 0.9], 0.5),
        ([0.2, 0.2, 0.2, 0.2], 0.2),  # all or nothing
        ([0.9, 0.1, 0.1, 0.8], 0.1),  # the lowest has nothing below
        ([0.5, 0.5, 0.5000000000000001, 0.9], 0.5000000000000001),  # nothing lies between
    ],
)
def test_the_best_threshold_lies_halfway_to_the_next_answer_below(
    answers: list[float], expected: float
) -> None:
    labels = TrueLabels("binary", np.array([0, 0, 1, 1]), ("0", "1"))
    assert best_threshold(labels, np.array(answers)) == expected


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ties", [False, True])
def test_no_threshold_has_a_better_f1_than_the_best(ties: bool, weighted: bool) -> None:
    for seed in range(5):
        labels, answers = rows_of("binary", 50, seed=seed, ties=ties, weighted=weighted)

        def f1(threshold: float, y: TrueLabels = labels, p: Array = answers.values) -> float:
            return float(reference.f1_score(y.values, p >= threshold, sample_weight=y.weights))

        best = f1(best_threshold(labels, answers.values))
        assert best == pytest.approx(max(f1(threshold) for threshold in answers.values), rel=1e-12)


def test_the_confusion_matrix_counts_what_each_class_was_taken_for() -> None:
    labels = TrueLabels("multiclass", np.array([0, 0, 1, 1, 1]), ("a", "b"))
    answers = Answers(np.array([0, 2, 1, 1, 0]), ("a", "b", "z"))
    matrix = {"a": {"a": 1, "b": 0, "z": 1}, "b": {"a": 1, "b": 2, "z": 0}}
    empty = {"z": {"a": 0, "b": 0, "z": 0}}
    assert confusion_matrix(labels, answers) == {**matrix, **empty}
    two = TrueLabels("binary", np.array([0, 1, 1]), ("no", "yes"))
    assert confusion_matrix(two, Answers(np.array([0.1, 0.3, 0.4]), threshold=0.4)) == {
        "no": {"no": 1, "yes": 0},
        "yes": {"no": 1, "yes": 1},
    }


def test_forty_classes_are_scikit_learns() -> None:
    random = np.random.default_rng(0)
    classes = tuple(f"{k:02}" for k in range(40))
    truth = np.concatenate([np.arange(40), random.integers(40, size=400)])
    shares = random.dirichlet(np.ones(40), 440) + np.eye(40)[truth] * random.random((440, 1))
    shares /= shares.sum(axis=1, keepdims=True)
    labels = TrueLabels("multiclass", truth, classes, random.exponential(size=440))
    answers = Answers(shares.argmax(axis=1), classes, probabilities=shares)
    for (problem, name), expected in REFERENCES.items():
        if problem == "multiclass":
            value = value_of(name, labels, answers)
            assert value == pytest.approx(expected(labels, answers), rel=1e-12, abs=1e-12), name


@pytest.mark.parametrize("scale", [1e-150, 1e-9, 1e9, 1e150])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", PROBLEMS["regression"].metrics)
def test_extreme_numbers_are_scikit_learns(name: str, weighted: bool, scale: float) -> None:
    labels, answers = rows_of("regression", 200, seed=4, weighted=weighted)
    labels = replace(labels, values=labels.values * scale)
    answers = replace(answers, values=answers.values * scale)
    expected = REFERENCES["regression", name](labels, answers)
    assert value_of(name, labels, answers) == pytest.approx(expected, rel=1e-12, abs=0)


@pytest.mark.parametrize("answer", [0.0, 1.0, 1e-300, 1 - 1e-16])
@pytest.mark.parametrize(
    "name", ["auc", "average_precision", "log_loss", "brier", "precision", "matthews"]
)
def test_answers_that_are_all_the_same_are_scikit_learns(name: str, answer: float) -> None:
    labels = TrueLabels("binary", np.array([0, 1, 1, 0, 1]), ("0", "1"), np.arange(1.0, 6))
    answers = Answers(np.full(5, answer))
    expected = REFERENCES["binary", name](labels, answers)
    assert value_of(name, labels, answers) == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("name", ["recall", "f1", "weighted_recall", "macro_f1", "matthews"])
def test_answers_of_one_class_are_scikit_learns(name: str) -> None:
    problem: Kind = "multiclass" if "_" in name else "binary"
    labels = TrueLabels(problem, np.array([0, 1, 1, 0]), ("a", "b"), np.array([0.1, 0.2, 0.3, 0.7]))
    answers = Answers(np.zeros(4)) if problem == "binary" else Answers(np.zeros(4, int), ("a", "b"))
    expected = REFERENCES[problem, name](labels, answers)
    assert value_of(name, labels, answers) == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_weights_of_constant_labels_do_not_make_a_spread_of_the_last_bit() -> None:
    for seed in range(200):
        random = np.random.default_rng(seed)
        rows, value = int(random.integers(2, 40)), random.random()
        labels = TrueLabels("regression", np.full(rows, value), weights=random.random(rows))
        answers = Answers(np.full(rows, value + 0.1))
        assert value_of("r2", labels, answers) == 0.0
        assert value_of("r2", labels, Answers(labels.values)) == 1.0
        assert value_of("explained_variance", labels, answers) == 1.0


def test_a_draw_without_a_class_has_no_auc() -> None:
    labels = TrueLabels("binary", np.array([0, 1, 1]), ("0", "1"))
    measure = MEASURES["binary"]["auc"](labels, Answers(np.array([0.1, 0.2, 0.3])))
    assert math.isnan(measure.value(np.array([3, 0, 0])))
    assert math.isnan(measure.value(np.array([0, 3, 0])))


def test_a_class_whose_rows_weigh_nothing_is_not_there() -> None:
    labels = TrueLabels("binary", np.array([0, 1]), ("0", "1"), np.array([1.0, 0.0]))
    assert undefined_for(labels, "auc") == "all 1 labels are '0'; auc needs two classes"


def test_one_against_the_rest_needs_labels_of_every_class() -> None:
    labels = TrueLabels("multiclass", np.array([0, 1]), ("a", "b", "c", "d"))
    reason = "auc_ovr needs labels of every class, and 2 have none: 'c', 'd'"
    assert undefined_for(labels, "auc_ovr") == reason


def test_a_binary_model_that_answers_classes_has_no_metric_of_probabilities() -> None:
    labels = TrueLabels("binary", np.array([0, 1]), ("0", "1"))
    named = np.array([0, 1])
    answers = Answers(named.astype(float), named=named, no_probabilities="it answers classes")
    undefined = {m for m in PROBLEMS["binary"].metrics if unanswered(labels, answers, m)}
    assert undefined == {"auc", "average_precision", "log_loss", "brier"}
    assert unanswered(labels, answers, "auc") == "auc needs probabilities: it answers classes"


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
