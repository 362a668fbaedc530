from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ratchet.judging.answers import RefusedError
from ratchet.loop.problems import BINARY, MULTICLASS, REGRESSION, Kind
from ratchet.monitoring import quality_baseline
from ratchet.monitoring.baseline import InvalidBaselineError
from ratchet.monitoring.chance import standard_error_of_auc
from ratchet.monitoring.cloudwatch import model_quality_metrics
from ratchet.monitoring.ground_truth import LabelledAnswers
from ratchet.monitoring.job import InvalidSettingError
from ratchet.monitoring.model_quality import QualityComparison, compare_quality
from ratchet.monitoring.quality_metrics import (
    Quality,
    errors_of_confusion,
    quality_of,
    worse_sides,
)
from ratchet.monitoring.quality_rows import ProblemFacts, understood
from tests.late import Late
from tests.unit.monitoring.labelled import baseline_of, bikes, digits, lates, quality, rows

Sample = Callable[..., tuple[list[str], Any]]
sklearn_metrics = Late("sklearn.metrics")
SAMPLES: dict[Kind, Sample] = {BINARY: lates, MULTICLASS: digits, REGRESSION: bikes}
EQUAL: dict[Kind, dict[str, float]] = {BINARY: {}, MULTICLASS: {"wrong": 0.1}, REGRESSION: {}}
WORSE: dict[Kind, dict[str, float]] = {
    BINARY: {"noise": 0.8},
    MULTICLASS: {"wrong": 0.2},
    REGRESSION: {"noise": 32.0},
}
BETTER: dict[Kind, dict[str, float]] = {
    BINARY: {"noise": 0.1},
    MULTICLASS: {"wrong": 0.02},
    REGRESSION: {"noise": 5.0},
}
PROBLEMS: tuple[Kind, ...] = (BINARY, MULTICLASS, REGRESSION)


def sample(problem: Kind, count: int, *, seed: int = 0, **how: float) -> Quality:
    return quality(problem, *SAMPLES[problem](count, seed=seed, **{**EQUAL[problem], **how}))


def violated(comparison: QualityComparison) -> set[str]:
    return {violation["metric_name"] for violation in comparison.violations}


# -- metrics -----------------------------------------------------------------------------------


def test_metrics_are_those_of_the_binary_example_that_aws_shows(
    real: Callable[[str], Any],
) -> None:
    expected = real("binary_classification.json")
    metrics = quality(BINARY, [0, 0, 0, 1], [0.1, 0.6, 0.7, 0.9]).metrics
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


@pytest.mark.parametrize(
    ("problem", "example"),
    [(MULTICLASS, "multiclass_classification.json"), (REGRESSION, "regression.json")],
)
def test_metrics_are_those_of_the_examples_that_aws_shows(
    real: Callable[[str], Any], problem: Kind, example: str
) -> None:
    cells = real("multiclass_classification.json")["confusion_matrix"]
    pairs = [(a, b) for a in cells for b in cells[a] for _ in range(cells[a][b])]
    pairs = [pairs[i] for i in np.random.default_rng(0).permutation(len(pairs))]
    metrics = quality(problem, *zip(*pairs, strict=True)).metrics
    expected = real(example)
    assert set(metrics) == set(expected)
    for name, metric in expected.items():
        if name == "confusion_matrix":
            assert metrics[name] == metric
        elif "constant" not in name:  # theirs is the rarer of the two classes
            assert metrics[name]["value"] == pytest.approx(metric["value"], rel=1e-13), name
            # Of five draws, so a chi-squared distribution of four degrees of freedom.
            deviations = [m["standard_deviation"] for m in (metrics[name], metric)]
            assert 0.25 < deviations[0] / deviations[1] < 4, name


def test_the_best_constant_of_several_classes_is_the_most_frequent_one() -> None:
    metrics = quality(MULTICLASS, list("aaabbc"), list("aaabbb")).metrics
    assert metrics["accuracy_best_constant_classifier"]["value"] == 0.5
    assert metrics["weighted_precision_best_constant_classifier"]["value"] == 0.25


def _sklearn(problem: Kind, labels: list[str], answers: Any) -> dict[str, float]:
    if problem == REGRESSION:
        truth, answered = np.array(labels, float), np.array(answers, float)
        mse = sklearn_metrics.mean_squared_error(truth, answered)
        return {
            "mse": mse,
            "rmse": math.sqrt(mse),
            "mae": sklearn_metrics.mean_absolute_error(truth, answered),
            "r2": sklearn_metrics.r2_score(truth, answered),
        }
    average, prefix, extra = "weighted", "weighted_", {}
    truth, answered = np.array(labels), np.array(answers)
    if problem == BINARY:
        truth = np.array(labels, int)
        answered = (np.array(answers) >= 0.5).astype(int)
        average, prefix = "binary", ""
        specificity = sklearn_metrics.recall_score(truth, answered, pos_label=0)
        recall = sklearn_metrics.recall_score(truth, answered)
        extra = {
            "auc": sklearn_metrics.roc_auc_score(truth, answers),
            "true_positive_rate": recall,
            "false_negative_rate": 1 - recall,
            "true_negative_rate": specificity,
            "false_positive_rate": 1 - specificity,
        }
    options = {"average": average, "zero_division": 0}
    f = {
        f"{prefix}{name}": sklearn_metrics.fbeta_score(truth, answered, beta=beta, **options)
        for name, beta in (("f0_5", 0.5), ("f1", 1), ("f2", 2))
    }
    return {
        "accuracy": sklearn_metrics.accuracy_score(truth, answered),
        f"{prefix}recall": sklearn_metrics.recall_score(truth, answered, **options),
        f"{prefix}precision": sklearn_metrics.precision_score(truth, answered, **options),
        **f,
        **extra,
    }


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("count", [150, 900])
def test_planted_wrong_answers_are_found_by_as_much_as_scikit_learn_says(
    problem: Kind, count: int, tmp_path: Path
) -> None:
    before = SAMPLES[problem](count, **EQUAL[problem])
    after = SAMPLES[problem](count, seed=1, **WORSE[problem])
    comparison = compare_quality(
        quality(problem, *after), baseline_of(quality(problem, *before), tmp_path)
    )
    expected, now = _sklearn(problem, *before), _sklearn(problem, *after)
    compared = {metric["metric_name"]: metric for metric in comparison.compared}
    assert compared.keys() == expected.keys() == worse_sides(problem).keys()
    for name, metric in compared.items():
        by = abs(now[name] - expected[name])
        assert metric["value"] == pytest.approx(now[name], rel=1e-12, abs=1e-12), name
        assert metric["threshold"] == pytest.approx(expected[name], rel=1e-12, abs=1e-12), name
        assert abs(metric["worse_by"]) == pytest.approx(by, rel=1e-10, abs=1e-12), name
    assert violated(comparison) == {n for n, metric in compared.items() if metric["exceeds"]}
    assert bool(violated(comparison)) == (count == 900 or problem != BINARY)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_standard_errors_are_the_spread_of_repeated_samples(problem: Kind) -> None:
    samples = [sample(problem, 500, seed=seed) for seed in range(150)]
    for name in worse_sides(problem):
        spread = np.std([s.value(name) or 0.0 for s in samples])
        assert samples[0].errors[name] == pytest.approx(spread, rel=0.3), name


def test_standard_errors_of_several_classes_are_in_their_confusion_matrix() -> None:
    of_rows = quality(MULTICLASS, *digits(700, wrong=0.2))
    of_matrix = errors_of_confusion(of_rows.metrics["confusion_matrix"])
    assert of_matrix == pytest.approx(of_rows.errors, rel=1e-12)


def test_curves_run_from_the_strictest_threshold_to_the_loosest() -> None:
    metrics = quality(BINARY, [1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1]).metrics
    assert metrics["receiver_operating_characteristic_curve"] == {
        "false_positive_rates": [0.0, 0.0, 0.5, 0.5, 1.0],
        "true_positive_rates": [0.0, 0.5, 0.5, 1.0, 1.0],
    }
    assert metrics["precision_recall_curve"]["precisions"] == [1.0, 1.0, 0.5, 2 / 3, 0.5]


@pytest.mark.parametrize("problem", PROBLEMS)
def test_deviations_are_given_from_200_samples_on_and_are_the_same_each_time(
    problem: Kind,
) -> None:
    first, second = (sample(problem, 200).metrics for _ in range(2))
    assert first == second
    few = sample(problem, 199).metrics
    for name in worse_sides(problem):
        assert first[name]["standard_deviation"] > 0
        assert few[name]["standard_deviation"] == "NaN"


def test_what_one_class_does_not_define_is_nan() -> None:
    metrics = quality(BINARY, [0, 0], [0.1, 0.2]).metrics
    assert metrics["auc"]["value"] == metrics["recall"]["value"] == "NaN"
    assert metrics["accuracy"]["value"] == 1.0


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("count", [0, 1, 2])
def test_hardly_any_rows_make_files_without_nan(problem: Kind, count: int) -> None:
    made = sample(problem, count)
    json.dumps([made.statistics(), made.errors], allow_nan=False)


def test_the_threshold_decides_which_answers_are_positive() -> None:
    labels, scores = ["1", "1", "0"], [0.9, 0.4, 0.3]
    by_threshold = [quality(BINARY, labels, scores, threshold=t) for t in (0.5, 0.4, 0.3)]
    assert [q.value("recall") for q in by_threshold] == [0.5, 1.0, 1.0]
    assert [q.value("precision") for q in by_threshold] == [1.0, 1.0, 2 / 3]


def test_a_binary_model_that_answers_classes_has_no_auc() -> None:
    answers = quality_of(rows(BINARY, list("1100"), list("1000"), probabilities=[0.9, 0.1, 0.2, 0]))
    assert (answers.value("recall"), answers.value("auc")) == (0.5, 0.75)
    of_classes = LabelledAnswers(labels=list("1100"), predictions=list("1000"))
    alone = quality_of(understood(of_classes, ProblemFacts(problem=BINARY)))
    assert (alone.value("recall"), alone.value("auc")) == (0.5, None)
    assert "precision_recall_curve" not in alone.metrics


# -- labels ------------------------------------------------------------------------------------


def test_labels_that_are_words_are_those_of_numbers() -> None:
    labels, scores = lates(300)
    words = ["late" if label == "1" else "on time" for label in labels]
    assert quality(BINARY, words, scores, positive="late") == quality(BINARY, labels, scores)


@pytest.mark.parametrize(
    ("problem", "labels", "answers", "facts", "coverage"),
    [
        (
            BINARY,
            ["1", "yes", "0", "no", "no"],
            [0.9, 0.9, 0.2, 0.1, 0.3],
            {},
            {"rows": 2, "labels": {"no": 2, "yes": 1}},
        ),
        (
            BINARY,
            ["yes", "no", "maybe"],
            [0.9, 2.0, 0.2],
            {"seen": ("no", "yes")},
            {"rows": 1, "labels": {"maybe": 1}, "answers": {"2.0": 1}},
        ),
        (
            REGRESSION,
            ["1.5", "", "3", "inf", "7"],
            ["2", "3", "x", "1", "6.5"],
            {},
            {"rows": 2, "labels": {"": 1, "inf": 1}, "answers": {"x": 1}},
        ),
        (
            MULTICLASS,
            ["ant", "", "bee", "wasp"],
            ["ant", "bee", "", "bee"],
            {"stated": ("ant", "bee")},
            {"rows": 1, "labels": {"": 1, "wasp": 1}, "answers": {"": 1}},
        ),
    ],
)
def test_what_is_not_understood_is_counted_with_examples(
    problem: Kind, labels: list[str], answers: list[Any], facts: Any, coverage: dict[str, Any]
) -> None:
    made = rows(problem, labels, answers, **facts).coverage
    assert made.rows == coverage["rows"]
    assert dict(made.refused_labels.texts) == coverage.get("labels", {})
    assert dict(made.refused_answers.texts) == coverage.get("answers", {})
    assert made.total == len(labels)
    document = made.document()
    assert document["labelled"] == document["compared"] + made.refused == len(labels)
    assert document["refused_labels"]["examples"] == coverage.get("labels", {})


def test_a_class_that_only_later_labels_have_counts_as_one_that_was_not_answered() -> None:
    made = rows(MULTICLASS, ["ant", "wasp"], ["ant", "ant"], seen=("ant", "bee"))
    assert made.coverage.rows == 2
    assert quality_of(made).metrics["confusion_matrix"]["wasp"] == {"ant": 1, "bee": 0, "wasp": 0}


def test_a_window_without_a_positive_label_is_understood() -> None:
    made = rows(BINARY, ["no", "no"], [0.1, 0.9], seen=("no", "yes"))
    assert made.labels.counts == {"no": 2, "yes": 0}
    with pytest.raises(RefusedError, match="no label is 'yes', the positive class"):
        rows(BINARY, ["no", "no"], [0.1, 0.9], positive="yes")


@pytest.mark.parametrize(
    ("problem", "place"),
    [
        (BINARY, "--probability-attribute"),
        (MULTICLASS, "--inference-attribute"),
        (REGRESSION, "--inference-attribute"),
    ],
)
def test_answers_of_which_nothing_says_where_they_are_are_refused(
    problem: Kind, place: str
) -> None:
    with pytest.raises(InvalidSettingError, match=f"give {place}"):
        rows(problem, ["1"])


# -- comparison --------------------------------------------------------------------------------


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("ours", [True, False])
def test_worse_answers_are_violations_and_equal_and_better_ones_are_none(
    problem: Kind, ours: bool, tmp_path: Path
) -> None:
    """With our file, and with Model Monitor's own two alone."""
    baseline = baseline_of(sample(problem, 900), tmp_path, ours=ours)

    def compared(**how: float) -> QualityComparison:
        return compare_quality(sample(problem, 900, seed=1, **how), baseline)

    assert compared().outcome == "Completed"
    better = compared(**BETTER[problem])
    assert (better.outcome, better.violations) == ("Completed", ())
    worse = compared(**WORSE[problem])
    assert worse.outcome == "CompletedWithViolations"
    assert len(worse.violations) >= 3


def test_a_violation_says_by_how_much_and_what_chance_explains(tmp_path: Path) -> None:
    baseline = baseline_of(sample(REGRESSION, 720), tmp_path)
    comparison = compare_quality(sample(REGRESSION, 500, seed=1, noise=40), baseline)
    (violation,) = [v for v in comparison.violations if v["metric_name"] == "rmse"]
    (metric,) = [m for m in comparison.document()["metrics"] if m["metric_name"] == "rmse"]
    assert violation["constraint_check_type"] == "GreaterThanThreshold"
    assert violation["description"] == (
        f"Metric rmse with {metric['value']} was GreaterThanThreshold {metric['threshold']}. "
        f"rmse: worse by {metric['worse_by']:.4g}; 500 labelled answers here, 720 in the "
        f"baseline. Chance explains {metric['margin']:.4g}."
    )
    assert metric["worse_by"] == metric["value"] - metric["threshold"] > metric["margin"] > 0
    errors = sample(REGRESSION, 500, seed=1, noise=40).errors["rmse"]
    assert metric["margin"] == pytest.approx(
        3 * math.hypot(errors, baseline.references["rmse"].error or 0)
    )


def test_a_violation_of_a_binary_model_says_how_likely_it_is(tmp_path: Path) -> None:
    baseline = baseline_of(sample(BINARY, 2000), tmp_path)
    worse = compare_quality(sample(BINARY, 500, seed=1, noise=0.8), baseline)
    (auc,) = [m for m in worse.document()["metrics"] if m["metric_name"] == "auc"]
    assert auc["exceeds"]
    assert auc["p_value"] < 0.01
    description = {v["metric_name"]: v["description"] for v in worse.violations}["auc"]
    assert f"auc: worse by {auc['worse_by']:.4g}; 500 labelled answers here, 2,000" in description
    assert "Without a change this happens" in description


@pytest.mark.parametrize("problem", PROBLEMS)
def test_a_limit_that_was_edited_is_taken_as_it_is(problem: Kind, tmp_path: Path) -> None:
    name, side = next(iter(worse_sides(problem).items()))
    value = sample(problem, 400).value(name)
    assert value is not None
    worse = 1e-9 if side == "LessThanThreshold" else -1e-9

    def compared(limit: float) -> tuple[bool, bool]:
        baseline = baseline_of(sample(problem, 400), tmp_path, edited={name: limit})
        comparison = compare_quality(sample(problem, 400), baseline)
        (metric,) = [m for m in comparison.compared if m["metric_name"] == name]
        assert metric["threshold"] == limit
        return metric["is_limit"], name in violated(comparison)

    assert compared(value + worse) == (True, True)
    assert compared(value) == (True, False)
    assert compared(value - worse) == (True, False)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_thresholds_carry_the_margin_for_an_engine_that_knows_none(
    problem: Kind, tmp_path: Path
) -> None:
    """Model Monitor's container compares with the threshold as it is. So does our analysis where it
    has the constraints alone."""
    before = sample(problem, 900)
    alone = baseline_of(before, tmp_path, ours=False, statistics=False)
    assert all(reference.is_limit for reference in alone.references.values())
    with_ours = baseline_of(before, tmp_path, minimum_rows=300)
    constraints = json.loads((tmp_path / "constraints.json").read_text())
    (limits,) = [constraints[key] for key in constraints if key.endswith("_constraints")]
    for name, side in worse_sides(problem).items():
        value, margin = before.value(name), 3 * before.errors[name] * math.sqrt(1 + 900 / 300)
        assert value is not None
        moved = value - margin if side == "LessThanThreshold" else value + margin
        assert limits[name] == {"threshold": pytest.approx(moved), "comparison_operator": side}
        reference = with_ours.references[name]
        assert (reference.value, reference.is_limit) == (value, False)


def test_our_analysis_does_not_add_chance_to_the_margin_in_the_threshold(tmp_path: Path) -> None:
    """A change between the margin of the analysis and that of the threshold is a violation."""
    before = sample(REGRESSION, 5000)
    after = sample(REGRESSION, 5000, seed=1, noise=23)
    baseline = baseline_of(before, tmp_path)
    limit = json.loads((tmp_path / "constraints.json").read_text())
    rmse = after.value("rmse")
    assert rmse is not None
    assert rmse < limit["regression_constraints"]["rmse"]["threshold"]
    assert "rmse" in violated(compare_quality(after, baseline))


def test_without_our_file_the_error_is_told_from_the_deviation_of_five_draws(
    tmp_path: Path,
) -> None:
    before = sample(REGRESSION, 900)
    baseline = baseline_of(before, tmp_path, ours=False)
    deviation = before.metrics["rmse"]["standard_deviation"]
    assert baseline.references["rmse"].error == pytest.approx(2 * math.sqrt(1.25) * deviation)
    classes = baseline_of(sample(MULTICLASS, 900), tmp_path, ours=False)
    errors = {name: reference.error for name, reference in classes.references.items()}
    assert errors == pytest.approx(sample(MULTICLASS, 900).errors)
    few = baseline_of(sample(REGRESSION, 150), tmp_path, ours=False)
    assert few.references["rmse"].error is None


@pytest.mark.parametrize("problem", PROBLEMS)
def test_no_answers_violate_their_own_constraints(problem: Kind, tmp_path: Path) -> None:
    for ours in (True, False):
        baseline = baseline_of(sample(problem, 500), tmp_path, ours=ours)
        assert compare_quality(sample(problem, 500), baseline).outcome == "Completed"


def test_what_the_window_does_not_define_is_named_as_not_compared(tmp_path: Path) -> None:
    baseline = baseline_of(sample(BINARY, 300), tmp_path)
    comparison = compare_quality(quality(BINARY, [0] * 200, [0.1] * 200), baseline)
    assert {"auc", "recall"} <= comparison.document()["not_compared"].keys()
    assert comparison.not_compared["recall"] == "the labelled answers do not define it"


@pytest.mark.parametrize(
    ("wrong", "checks"), [(0, set()), (15, set()), (16, {"refused_labels_check"})]
)
def test_more_refused_labels_than_one_in_twenty_are_a_violation(
    wrong: int, checks: set[str], tmp_path: Path
) -> None:
    baseline = baseline_of(sample(MULTICLASS, 300), tmp_path)
    labels, answers = digits(300, wrong=0.1, seed=1)
    made = rows(MULTICLASS, ["" if i < wrong else x for i, x in enumerate(labels)], answers)
    comparison = compare_quality(quality_of(made), baseline, coverage=made.coverage)
    assert {v["constraint_check_type"] for v in comparison.violations} == checks
    says = f"{wrong} of 300 labels are not understood: '' ({wrong}); expected one of 0, 1"
    assert (says in comparison.message) == bool(wrong)
    for violation in comparison.violations:
        assert violation["metric_name"] == "labels"
        assert says in violation["description"]


def test_labels_of_another_language_are_a_violation_and_not_too_few_rows(tmp_path: Path) -> None:
    baseline = baseline_of(sample(BINARY, 300), tmp_path)
    made = rows(BINARY, ["ja", "nein"] * 100, [0.1, 0.9] * 100)
    comparison = compare_quality(quality_of(made), baseline, coverage=made.coverage)
    assert comparison.outcome == "CompletedWithViolations"
    assert violated(comparison) == {"labels"}
    assert "No metric is compared: 0 predictions with a label" in comparison.message
    answers = rows(BINARY, ["1", "0"] * 100, [7.0, 8.0] * 100)
    comparison = compare_quality(quality_of(answers), baseline, coverage=answers.coverage)
    (violation,) = comparison.violations
    assert violation["constraint_check_type"] == "refused_answers_check"
    assert "200 of 200 answers are not understood: '7.0' (100)" in violation["description"]


def test_too_few_labels_are_an_outcome_of_their_own(tmp_path: Path) -> None:
    baseline = baseline_of(sample(MULTICLASS, 300), tmp_path)
    comparison = compare_quality(sample(MULTICLASS, 99, wrong=1.0), baseline)
    assert (comparison.outcome, comparison.violations) == ("TooFewRows", ())
    assert comparison.message.startswith("99 predictions with a label, fewer than the 100")
    small = baseline_of(sample(MULTICLASS, 99), tmp_path)
    comparison = compare_quality(sample(MULTICLASS, 300, wrong=1.0), small)
    assert comparison.outcome == "TooFewRows"
    assert "99 predictions in the baseline" in comparison.message


def test_a_binary_model_whose_answers_are_all_alike_is_compared_without_an_error(
    tmp_path: Path,
) -> None:
    alike = [quality(BINARY, [0, 1] * 50, [score, score] * 50) for score in (0.1, 0.9)]
    alike += [quality(BINARY, [label] * 100, [0.9] * 100) for label in (0, 1)]
    for before in alike:
        baseline = baseline_of(before, tmp_path)
        for current in alike:
            json.dumps(compare_quality(current, baseline).document(), allow_nan=False)


@pytest.mark.parametrize("positives", [0.01, 0.05, 0.3])
def test_rare_positives_raise_no_false_alarm_in_small_samples(
    positives: float, tmp_path: Path
) -> None:
    """F-scores of a sample without a hit are 0, whatever the quality of the answers."""
    made = [
        baseline_of(sample(BINARY, 10_000, seed=seed, positive=positives), tmp_path)
        for seed in range(3)
    ]
    alarms = 0
    for number in range(120):
        current = sample(BINARY, (100, 300)[number % 2], seed=99 + number, positive=positives)
        alarms += bool(compare_quality(current, made[number % 3]).violations)
    assert alarms <= 4  # 1 % of 120 is 1; more than 4 happen less than 1 time in 100


def test_the_standard_error_of_auc_is_that_of_the_jackknife() -> None:
    made = sample(BINARY, 1000)
    area, positives = made.value("auc"), sum(made.metrics["confusion_matrix"]["1"].values())
    assert area is not None
    error = standard_error_of_auc(area, positives, 1000 - positives)
    assert made.errors["auc"] == pytest.approx(error, rel=0.2)


# -- files -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ({"threshold": "high"}, "the constraint of rmse is .*expected .*a number"),
        ({"comparison_operator": "Below"}, "comparison_operator of rmse is 'Below'; expected"),
    ],
)
def test_constraints_that_mean_nothing_are_refused(
    edit: dict[str, str], message: str, tmp_path: Path
) -> None:
    baseline_of(sample(REGRESSION, 300), tmp_path)
    file = tmp_path / "constraints.json"
    constraints = json.loads(file.read_text())
    constraints["regression_constraints"]["rmse"].update(edit)
    file.write_text(json.dumps(constraints))
    with pytest.raises(InvalidBaselineError, match=message):
        quality_baseline.load(file)
    with pytest.raises(InvalidBaselineError, match=r"of a regression problem.*is Multiclass"):
        quality_baseline.load(file, problem=MULTICLASS)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_metrics_of_a_problem_are_published_by_model_monitors_names(problem: Kind) -> None:
    made = sample(problem, 300)
    data = model_quality_metrics(made, None, endpoint="e", schedule="s", timestamp="t")
    by_name = {datum["MetricName"]: datum["Value"] for datum in data}
    assert set(worse_sides(problem)) <= set(by_name)
    assert all(by_name[name] == made.value(name) for name in by_name)
    assert "confusion_matrix" not in by_name
    assert data[0]["Dimensions"] == [
        {"Name": "Endpoint", "Value": "e"},
        {"Name": "MonitoringSchedule", "Value": "s"},
    ]


def test_metrics_leave_out_what_has_no_value() -> None:
    none = quality(BINARY, [0, 0], [0.1, 0.9])
    data = model_quality_metrics(none, None, endpoint="e", schedule="s", timestamp="t")
    assert "auc" not in {datum["MetricName"] for datum in data}
