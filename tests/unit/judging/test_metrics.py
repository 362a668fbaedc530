from __future__ import annotations

import math
import time

import metrics
import numpy as np
import pytest


def pairwise_auc(labels: metrics.Array, scores: metrics.Array) -> float:
    """The definition, pair by pair."""
    difference = scores[labels == 1][:, None] - scores[labels == 0][None, :]
    return float(np.mean((difference > 0) + 0.5 * (difference == 0)))


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
    assert metrics.auc(np.array(labels), np.array(scores)) == expected


def test_auc_is_the_share_of_pairs_in_order_with_half_for_ties() -> None:
    rng = np.random.default_rng(0)
    labels, scores = rng.integers(0, 2, 300), rng.integers(0, 12, 300) / 12
    assert metrics.auc(labels, scores) == pytest.approx(pairwise_auc(labels, scores), abs=1e-12)


def test_a_weight_of_two_is_the_row_twice() -> None:
    rng = np.random.default_rng(0)
    labels, scores = rng.integers(0, 2, 60), rng.integers(0, 9, 60) / 9
    weights = rng.integers(0, 4, 60)
    weighted = metrics.Ranking(labels, scores).auc(weights[labels == 1], weights[labels == 0])
    repeated = metrics.auc(np.repeat(labels, weights), np.repeat(scores, weights))
    assert weighted == repeated


@pytest.mark.parametrize("only", [0, 1])
def test_auc_of_one_class_is_refused(only: int) -> None:
    with pytest.raises(ValueError, match="an AUC needs at least one of each"):
        metrics.auc(np.full(4, only), np.linspace(0, 1, 4))


def test_log_loss_of_known_cases() -> None:
    labels = np.array([0, 1])
    assert metrics.log_loss(labels, np.array([0.5, 0.5])) == pytest.approx(math.log(2))
    assert metrics.log_loss(labels, np.array([0.2, 0.6])) == pytest.approx(
        -(math.log(0.8) + math.log(0.6)) / 2
    )
    assert metrics.log_loss(labels, np.array([1.0, 0.0])) == pytest.approx(34.54, abs=0.01)


def normal_scores(
    rng: np.random.Generator, *, rows: int, shift: float, noise: float
) -> tuple[metrics.Array, metrics.Array, metrics.Array]:
    """Labels and two models' scores: the candidate sees the signal, the champion a noisy copy."""
    labels = (rng.random(rows) < 0.3).astype(int)
    candidate = rng.normal(size=rows) + shift * labels
    return labels, candidate, candidate + noise * rng.normal(size=rows)


def normal_auc(shift: float, variance: float) -> float:
    """AUC of two normal distributions `shift` apart: Φ(shift / √(2·variance))."""
    return 0.5 * (1 + math.erf(shift / math.sqrt(2 * variance) / math.sqrt(2)))


def test_the_interval_holds_the_true_regression_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    truth = normal_auc(1, 1 + 0.5**2) - normal_auc(1, 1)
    covered = 0
    for trial in range(200):
        labels, candidate, champion = normal_scores(rng, rows=400, shift=1, noise=0.5)
        low, high = metrics.regression_interval(
            labels, candidate, champion, resamples=200, confidence=0.9, seed=trial
        )
        covered += low <= truth <= high
    assert 0.84 <= covered / 200 <= 0.96


def test_the_interval_is_repeatable_and_holds_the_measured_regression() -> None:
    labels, candidate, champion = normal_scores(
        np.random.default_rng(1), rows=2000, shift=1, noise=0.5
    )
    low, high = metrics.regression_interval(labels, candidate, champion)
    assert (low, high) == metrics.regression_interval(labels, candidate, champion)
    assert low < metrics.auc(labels, champion) - metrics.auc(labels, candidate) < high < 0


def test_a_model_against_itself_has_an_interval_of_zero() -> None:
    labels, candidate, _ = normal_scores(np.random.default_rng(2), rows=500, shift=1, noise=0)
    assert metrics.regression_interval(labels, candidate, candidate) == (0.0, 0.0)


def test_a_thousand_resamples_of_a_month_take_under_two_seconds_of_work() -> None:
    labels, candidate, champion = normal_scores(
        np.random.default_rng(3), rows=30_000, shift=1, noise=0.5
    )
    start = time.process_time()
    metrics.regression_interval(labels, candidate, champion, resamples=1000)
    assert time.process_time() - start < 2


def test_the_interval_of_one_auc_holds_it_and_narrows_with_more_rows() -> None:
    rng = np.random.default_rng(3)
    widths = []
    for rows in (200, 3200):
        scores = rng.random(rows)
        labels = (rng.random(rows) < scores).astype(int)
        low, high = metrics.auc_interval(labels, scores, resamples=200)
        assert low < metrics.auc(labels, scores) < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2
