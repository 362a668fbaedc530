from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.monitoring.capture import GROUND_TRUTH, OUTPUT, read_records
from ratchet.monitoring.chance import standard_error_of_auc
from ratchet.monitoring.cloudwatch import model_quality_metrics
from ratchet.monitoring.ground_truth import Labelled, merge
from ratchet.monitoring.model_quality import (
    CONSTRAINTS,
    Quality,
    auc,
    binary_quality,
    compare_quality,
    suggest_quality,
)


def quality(labels: list[int], scores: list[float], **options: float) -> Quality:
    return binary_quality(np.array(labels, dtype=bool), np.array(scores), **options)


def merged(tmp_path: Path, captured: list[dict[str, Any]], truth: dict[str, str]) -> Labelled:
    answers, labels = tmp_path / "capture.jsonl", tmp_path / "labels.jsonl"
    answers.write_text("".join(f"{json.dumps(line)}\n" for line in captured))
    with labels.open("w") as file:
        for identity, data in truth.items():
            line = {
                "groundTruthData": {"data": data, "encoding": "CSV"},
                "eventMetadata": {"eventId": identity},
                "eventVersion": "0",
            }
            file.write(json.dumps(line) + "\n")
    return merge(
        read_records([answers], sides=[OUTPUT]),
        read_records([labels], sides=[GROUND_TRUTH], metadata=["eventId"]),
    )


def answer(data: str, event: str, inference: str | None = None) -> dict[str, Any]:
    metadata = {"eventId": event, **({"inferenceId": inference} if inference else {})}
    output = {"observedContentType": "text/csv", "data": data, "encoding": "CSV"}
    return {"captureData": {OUTPUT: output}, "eventMetadata": metadata}


def test_metrics_are_those_of_the_example_that_aws_shows(real: Callable[[str], Any]) -> None:
    expected = real("binary_classification.json")
    metrics = quality([0, 0, 0, 1], [0.1, 0.6, 0.7, 0.9]).metrics
    for name, value in expected.items():
        if name == "confusion_matrix":
            assert metrics[name] == value
        else:
            assert metrics[name]["value"] == pytest.approx(value["value"]), name
            assert metrics[name]["standard_deviation"] == value["standard_deviation"]
    assert set(metrics) - set(expected) == {
        "receiver_operating_characteristic_curve",
        "precision_recall_curve",
    }


def test_auc_counts_ties_half() -> None:
    # Pairs (positive, negative): .9>.5, .9>.1, .5=.5, .5>.1 are worth 3.5 of 4.
    assert auc(np.array([True, False, True, False]), np.array([0.9, 0.5, 0.5, 0.1])) == 0.875


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=1, max_size=60))
def test_auc_is_the_share_of_pairs_in_order(rows: list[tuple[bool, int]]) -> None:
    labels = np.array([label for label, _ in rows])
    scores = np.array([score for _, score in rows], dtype=float)
    pairs = scores[labels][:, None] - scores[~labels][None, :]
    if pairs.size:
        assert auc(labels, scores) == pytest.approx(np.heaviside(pairs, 0.5).mean())
    else:
        assert np.isnan(auc(labels, scores))


def test_curves_run_from_the_strictest_threshold_to_the_loosest() -> None:
    metrics = quality([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1]).metrics
    assert metrics["receiver_operating_characteristic_curve"] == {
        "false_positive_rates": [0.0, 0.0, 0.5, 0.5, 1.0],
        "true_positive_rates": [0.0, 0.5, 0.5, 1.0, 1.0],
    }
    assert metrics["precision_recall_curve"]["precisions"] == [1.0, 1.0, 0.5, 2 / 3, 0.5]


def test_deviations_are_given_from_200_samples_on_and_are_the_same_each_time() -> None:
    random = np.random.default_rng(5)
    labels, scores = random.random(200) < 0.3, random.random(200)
    first, second = (binary_quality(labels, scores).metrics["auc"] for _ in range(2))
    assert first == second
    assert 0 < first["standard_deviation"] < 0.1
    few = binary_quality(labels[:199], scores[:199]).metrics["auc"]
    assert few["standard_deviation"] == "NaN"


def test_what_one_class_does_not_define_is_nan() -> None:
    metrics = quality([0, 0], [0.1, 0.2]).metrics
    assert metrics["auc"]["value"] == metrics["recall"]["value"] == "NaN"
    assert metrics["accuracy"]["value"] == 1.0
    json.dumps(quality([], []).statistics(), allow_nan=False)


def test_no_answers_violate_their_own_constraints() -> None:
    random = np.random.default_rng(6)
    own = binary_quality(random.random(500) < 0.3, random.random(500))
    comparison = compare_quality(own, suggest_quality(own))
    assert (comparison.outcome, comparison.violations) == ("Completed", ())


def test_a_worse_metric_is_a_violation_whichever_side_is_worse() -> None:
    constraints = suggest_quality(quality([1, 0] * 100, [0.9, 0.1] * 100))
    comparison = compare_quality(quality([1, 0] * 100, [0.9, 0.9] * 100), constraints)
    found = {violation["metric_name"]: violation for violation in comparison.violations}
    assert found["accuracy"] == {
        "constraint_check_type": "LessThanThreshold",
        "description": "Metric accuracy with 0.5 was LessThanThreshold 1.0",
        "metric_name": "accuracy",
    }
    assert found["false_positive_rate"]["constraint_check_type"] == "GreaterThanThreshold"
    assert "recall" not in found


def sample(random: np.random.Generator, rows: int, *, noise: float = 0.4) -> Quality:
    labels = random.random(rows) < 0.3
    scores = 0.5 * labels + noise * random.standard_normal(rows)
    return binary_quality(labels, np.clip(scores, 0, 1))


def test_the_standard_error_of_auc_is_the_spread_of_repeated_samples() -> None:
    random = np.random.default_rng(7)
    samples = [sample(random, 1000).metrics for _ in range(200)]
    areas = [metrics["auc"]["value"] for metrics in samples]
    positives = sum(samples[0]["confusion_matrix"]["1"].values())
    error = standard_error_of_auc(areas[0], positives, 1000 - positives)
    assert error == pytest.approx(np.std(areas), rel=0.35)


@pytest.mark.parametrize("positives", [0.01, 0.05, 0.3])
def test_rare_positives_raise_no_false_alarm_in_small_samples(positives: float) -> None:
    """F-scores of a sample without a hit are 0, whatever the quality of the answers."""
    random = np.random.default_rng(9)

    def answers(rows: int) -> Quality:
        labels = random.random(rows) < positives
        return binary_quality(labels, 0.25 * labels + 0.2 + 0.2 * random.standard_normal(rows))

    baselines = [answers(10_000) for _ in range(5)]
    alarms = 0
    for number in range(200):
        baseline = baselines[number % 5]
        comparison = compare_quality(
            answers((100, 300)[number % 2]),
            suggest_quality(baseline),
            statistics=baseline.statistics(),
        )
        alarms += bool(comparison.violations)
    assert alarms <= 5  # 1 % of 200 are 2; more than 5 happen less than 1 time in 60


def test_another_sample_of_the_same_answers_is_no_violation_and_worse_ones_are() -> None:
    random = np.random.default_rng(8)
    baseline = sample(random, 2000)
    constraints, statistics = suggest_quality(baseline), baseline.statistics()
    found = [
        compare_quality(sample(random, 500), constraints, statistics=statistics).violations
        for _ in range(100)
    ]
    assert sum(map(bool, found)) <= 3
    worse = compare_quality(sample(random, 500, noise=0.8), constraints, statistics=statistics)
    assert "auc" in {violation["metric_name"] for violation in worse.violations}
    (auc_compared,) = [m for m in worse.document()["metrics"] if m["metric_name"] == "auc"]
    assert auc_compared["exceeds"]
    assert auc_compared["p_value"] < 0.01
    description = {v["metric_name"]: v["description"] for v in worse.violations}["auc"]
    assert "auc: 500 predictions here, 2,000 in the baseline. Without a change this" in description


def test_answers_that_are_all_alike_are_compared_without_an_error() -> None:
    alike = [quality([0, 1] * 50, [score, score] * 50) for score in (0.1, 0.9)]
    alike += [quality([label] * 100, [0.9] * 100) for label in (0, 1)]
    for baseline in alike:
        for current in alike:
            comparison = compare_quality(
                current, suggest_quality(baseline), statistics=baseline.statistics()
            )
            json.dumps(comparison.document(), allow_nan=False)


def test_a_limit_that_was_edited_holds_in_the_place_of_the_baselines_value() -> None:
    baseline = quality([1] * 500 + [0] * 500, [0.9] * 400 + [0.1] * 600)  # recall 0.8
    current = quality([1] * 500 + [0] * 500, [0.9] * 350 + [0.1] * 650)  # recall 0.7
    constraints = suggest_quality(baseline)

    def is_worse(threshold: float) -> bool:
        constraints[CONSTRAINTS]["recall"]["threshold"] = threshold
        comparison = compare_quality(current, constraints, statistics=baseline.statistics())
        return "recall" in {violation["metric_name"] for violation in comparison.violations}

    assert [is_worse(limit) for limit in (0.6, 0.71, 0.8, 0.9)] == [False, False, True, True]


def test_too_few_labels_are_an_outcome_of_their_own() -> None:
    good = quality([1, 0] * 100, [0.9, 0.1] * 100)
    comparison = compare_quality(quality([1, 0], [0.1, 0.9]), suggest_quality(good))
    assert comparison.outcome == "TooFewRows"
    assert comparison.violations == ()


def test_labels_find_their_answers_by_inference_id_and_else_by_event_id(tmp_path: Path) -> None:
    captured = [answer("0.9", "e1", "mine"), answer("0.2", "e2"), answer("0.4", "e3")]
    labelled = merged(tmp_path, captured, {"e2": "0", "mine": "1", "e1": "0"})
    assert labelled.labels.tolist() == [True, False]
    assert labelled.scores.tolist() == [0.9, 0.2]
    assert labelled.unlabelled == 1


def test_a_record_of_several_rows_takes_as_many_labels(tmp_path: Path) -> None:
    captured = [answer("0.9\n0.2\n", "e1"), answer("0.3\n0.4\n", "e2"), answer("0.5", "e3")]
    labelled = merged(tmp_path, captured, {"e1": "1\n0", "e2": "1", "e3": "maybe"})
    assert labelled.labels.tolist() == [True, False]
    assert labelled.scores.tolist() == [0.9, 0.2]
    assert labelled.unreadable == 2


def test_no_captured_answers_are_no_labelled_ones(tmp_path: Path) -> None:
    labelled = merged(tmp_path, [], {"e1": "1"})
    assert len(labelled.labels) == labelled.unlabelled == 0


def test_metrics_leave_out_what_has_no_value() -> None:
    metrics = model_quality_metrics(
        quality([0, 0], [0.1, 0.9]), None, endpoint="e", schedule="s", timestamp="t"
    )
    by_name = {metric["MetricName"]: metric["Value"] for metric in metrics}
    assert by_name["accuracy"] == 0.5
    assert "auc" not in by_name
    assert "confusion_matrix" not in by_name
