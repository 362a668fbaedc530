from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ratchet.monitoring.baseline import Baseline, InvalidBaselineError
from ratchet.monitoring.cloudwatch import DATA_NAMESPACE, data_quality_metrics
from ratchet.monitoring.comparison import compare
from ratchet.monitoring.constraints import (
    InvalidConstraintsError,
    MonitoringConfig,
    expected_completeness,
    suggest,
)
from ratchet.monitoring.profiles import Profile

Profiled = Callable[..., Profile]
BaselineOf = Callable[[Profile], Baseline]


def violations(current: Profile, baseline: Baseline) -> list[tuple[str, str]]:
    return [(v.feature, v.check) for v in compare(current, baseline).violations]


def test_constraints_have_the_fields_that_model_monitor_suggests(
    profiled: Profiled, real: Callable[[str], Any]
) -> None:
    churn = real("churn.json")
    expected = churn["constraints"]
    document = suggest(
        profiled({"Churn": [1] * 325 + [0] * 2008, "plan": ["a", "b"] * 1166 + ["a"]})
    )
    assert document["features"] == [
        {
            "name": "Churn",
            "inferred_type": expected["inferred_type"],
            "completeness": 0.99,  # Model Monitor's container gets a margin, too
            "num_constraints": {"is_non_negative": expected["is_non_negative"]},
        },
        {
            "name": "plan",
            "inferred_type": "String",
            "completeness": 0.99,
            "string_constraints": {"domains": ["a", "b"]},
        },
    ]
    assert document["monitoring_config"] == {
        "evaluate_constraints": "Enabled",
        "emit_metrics": "Enabled",
        "datatype_check_threshold": 1.0,
        "domain_content_threshold": 1.0,
        "distribution_constraints": {
            "perform_comparison": "Enabled",
            "comparison_threshold": 0.1,
            "comparison_method": "Robust",
            "categorical_comparison_threshold": 0.1,
            "categorical_drift_method": "LInfinity",
        },
    }


def test_expected_completeness_leaves_out_what_chance_makes_of_a_thousand_rows() -> None:
    assert expected_completeness(100, 0) == 0.99
    assert expected_completeness(0, 100) == 0.0
    # 0.5 - 4.5 * sqrt(0.25 * (1 / 1000 + 1 / 1000)) = 0.39938, down to thousandths
    assert expected_completeness(500, 500) == 0.399
    assert expected_completeness(2, 98) == 0.0


def test_text_with_many_values_seen_once_has_no_domain(profiled: Profiled) -> None:
    (feature,) = suggest(profiled({"c": ["a", "a", "b"]}))["features"]
    assert "string_constraints" not in feature


def test_each_of_the_six_checks_is_found(profiled: Profiled, baseline_of: BaselineOf) -> None:
    rows = 400
    still = {"count": list(range(rows)), "kind": ["a", "b"] * (rows // 2)}
    baseline = baseline_of(
        profiled({**still, "shift": np.arange(rows) / rows, "gone": [1] * rows, "full": [2] * rows})
    )
    current = profiled(
        {
            "count": np.arange(rows) + 0.5,
            "kind": ["a", "z", "b", "b"] * (rows // 4),
            "shift": np.arange(rows) / rows + 0.5,
            "full": pa.array([2, None] * (rows // 2)),
            "new": [0] * rows,
        }
    )
    assert violations(current, baseline) == [
        ("gone", "missing_column_check"),
        ("new", "extra_column_check"),
        ("count", "data_type_check"),
        ("kind", "categorical_values_check"),
        ("kind", "baseline_drift_check"),
        ("shift", "baseline_drift_check"),
        ("full", "completeness_check"),
    ]


def test_descriptions_are_worded_as_model_monitor_does(
    profiled: Profiled, baseline_of: BaselineOf, real: Callable[[str], Any]
) -> None:
    baseline = baseline_of(profiled({"Churn": [1] * 100 + [0] * 100}))
    (violation,) = compare(
        profiled({"Churn": [0.99] * 100 + [0.01] * 100}, expected=baseline.types), baseline
    ).violations_document()["violations"][:1]
    described = real("churn.json")["violation"]
    assert violation.pop("description") == (
        f"{described.pop('description')} Churn: 200 of 200 rows (100 %) are not Integral; in the "
        "baseline 0 of 200 rows (0 %). Without a change this happens less than 1 time in 1,000,000."
    )
    assert violation == described

    empty = compare(profiled({"Churn": [None] * 200}), baseline).violations[0]
    expected = real("constraint_violations.json")["violations"][2]
    assert empty.check == expected["constraint_check_type"]
    assert empty.description.startswith(expected["description"])


def test_of_a_column_of_numbers_and_text_the_numbers_are_compared_and_the_text_is_counted(
    profiled: Profiled, baseline_of: BaselineOf
) -> None:
    baseline = baseline_of(profiled({"x": list(range(200))}))
    texts = profiled({"x": ["12"] * 150 + ["a few"] * 50}, expected=baseline.types)
    comparison = compare(texts, baseline)
    by_type, by_drift = comparison.violations
    assert "Observed: Only 75.0% of data is Integral" in by_type.description
    assert "x: 150 values here, 200 in the baseline" in by_drift.description
    none = profiled({"x": ["a few"] * 200}, expected=baseline.types)
    assert compare(none, baseline).not_compared == {"x": "it is String and was Integral"}


def test_an_integer_satisfies_a_fraction(profiled: Profiled, baseline_of: BaselineOf) -> None:
    baseline = baseline_of(profiled({"x": [float(i) for i in range(200)]}))
    assert violations(profiled({"x": list(range(200))}), baseline) == []


def test_too_few_rows_are_an_outcome_of_their_own(
    profiled: Profiled, baseline_of: BaselineOf
) -> None:
    many, few = profiled({"x": list(range(500))}), profiled({"x": [10_000] * 99})
    on_this_side = compare(few, baseline_of(many))
    assert (on_this_side.outcome, on_this_side.violations) == ("TooFewRows", ())
    assert on_this_side.message == ("99 rows analyzed, fewer than the 100 that a comparison needs")
    assert compare(many, baseline_of(few)).outcome == "TooFewRows"
    assert compare(few, baseline_of(many), minimum_rows=50).outcome == "CompletedWithViolations"


def test_a_feature_with_too_few_values_is_not_compared(
    profiled: Profiled, baseline_of: BaselineOf
) -> None:
    baseline = baseline_of(profiled({"x": [None] * 190 + list(range(10))}))
    comparison = compare(profiled({"x": [5.0] * 200}), baseline)
    assert comparison.drifts == ()
    assert "10 values, fewer than the 100" in comparison.not_compared["x"]


def test_overrides_of_a_feature_lie_over_the_configuration(
    profiled: Profiled, baseline_of: BaselineOf
) -> None:
    baseline = baseline_of(profiled({"x": np.arange(400.0), "y": np.arange(400.0)}))
    override = {"distribution_constraints": {"comparison_threshold": 0.9}}
    baseline.constraints["features"][0]["monitoringConfigOverrides"] = override
    current = profiled({"x": np.arange(400.0) + 200, "y": np.arange(400.0) + 200})
    assert violations(current, baseline) == [("y", "baseline_drift_check")]


def test_evaluation_and_comparison_can_be_turned_off(
    profiled: Profiled, baseline_of: BaselineOf
) -> None:
    baseline = baseline_of(profiled({"x": list(range(400))}))
    moved = profiled({"x": [None] * 100 + list(range(1000, 1300))})
    config = dict(baseline.constraints["monitoring_config"])
    off = {**config, "evaluate_constraints": "Disabled"}
    assert (
        violations(
            moved, Baseline(baseline.statistics, {**baseline.constraints, "monitoring_config": off})
        )
        == []
    )
    config["distribution_constraints"] = {"perform_comparison": "Disabled"}
    only = Baseline(baseline.statistics, {**baseline.constraints, "monitoring_config": config})
    assert violations(moved, only) == [("x", "completeness_check")]


def test_the_general_threshold_is_that_of_categories_unless_they_have_one() -> None:
    given_one = MonitoringConfig.of({"distribution_constraints": {"comparison_threshold": 0.3}})
    assert given_one.categorical_threshold == 0.3
    both = {"comparison_threshold": 0.3, "categorical_comparison_threshold": 0.2}
    assert MonitoringConfig.of({"distribution_constraints": both}).categorical_threshold == 0.2


def test_an_unknown_method_is_refused_by_name() -> None:
    with pytest.raises(InvalidConstraintsError, match=r"comparison_method is 'Fancy'.*Simple"):
        MonitoringConfig.of({"distribution_constraints": {"comparison_method": "Fancy"}})


def test_the_methods_have_two_spellings() -> None:
    settings = MonitoringConfig.of(
        {"distribution_constraints": {"comparison_method": "linf_simple"}}
    )
    assert settings.method == "Simple"


def test_a_baseline_that_is_not_there_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(InvalidBaselineError, match="run the analyzer without a baseline"):
        Baseline.load(statistics=tmp_path / "s.json", constraints=tmp_path / "c.json")


def test_a_file_of_another_kind_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text("[]")
    with pytest.raises(InvalidBaselineError, match=r"s\.json is not a Model Monitor file"):
        Baseline.load(statistics=tmp_path / "s.json", constraints=tmp_path / "s.json")


def test_metrics_carry_the_names_and_dimensions_of_model_monitor(
    profiled: Profiled, baseline_of: BaselineOf
) -> None:
    baseline = baseline_of(profiled({"x": list(range(200)), "c": ["a", "b"] * 100}))
    current = profiled({"x": pa.array([None, 1, 2, 3] * 50), "c": ["a", "b"] * 100})
    metrics = data_quality_metrics(
        current,
        compare(current, baseline),
        baseline,
        endpoint="flights",
        schedule="hourly",
        timestamp="2026-02-14T18:00:00Z",
    )
    by_name = {metric["MetricName"]: metric for metric in metrics}
    assert list(by_name) == [
        "feature_data_x",
        "feature_non_null_x",
        "feature_non_null_c",
        "feature_baseline_drift_x",
        "feature_baseline_drift_c",
        "constraint_violations",
    ]
    assert by_name["feature_non_null_x"] == {
        "MetricName": "feature_non_null_x",
        "Timestamp": "2026-02-14T18:00:00Z",
        "Dimensions": [
            {"Name": "Endpoint", "Value": "flights"},
            {"Name": "MonitoringSchedule", "Value": "hourly"},
        ],
        "Value": 0.75,
    }
    assert by_name["feature_data_x"]["StatisticValues"] == {
        "SampleCount": 150.0,
        "Sum": 300.0,
        "Minimum": 1.0,
        "Maximum": 3.0,
    }
    assert DATA_NAMESPACE == "aws/sagemaker/Endpoints/data-metrics"


def test_too_few_rows_leave_no_drift_metric_behind(
    profiled: Profiled, baseline_of: BaselineOf
) -> None:
    baseline, few = baseline_of(profiled({"x": list(range(200))})), profiled({"x": [1]})
    metrics = data_quality_metrics(
        few, compare(few, baseline), baseline, endpoint="", schedule="s", timestamp="t"
    )
    assert [metric["MetricName"] for metric in metrics] == ["feature_data_x", "feature_non_null_x"]


numbers = st.one_of(st.none(), st.floats(), st.integers(-5, 5).map(float))
words = st.one_of(st.none(), st.sampled_from("abcdef"), st.text(max_size=3))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    st.lists(numbers, min_size=1, max_size=40),
    st.lists(words, min_size=1, max_size=40),
    st.sampled_from(["Simple", "Robust"]),
    st.sampled_from(["LInfinity", "ChiSquared"]),
    st.integers(1, 90),
)
def test_no_dataset_violates_its_own_baseline(
    profiled: Profiled,
    baseline_of: BaselineOf,
    column: list[float | None],
    text: list[str | None],
    method: str,
    categorical: str,
    times: int,
) -> None:
    clean = [None if word is None else word.encode("utf-8", "ignore").decode() for word in text]
    rows = len(column) * len(clean) * times
    table = pa.table(
        {
            "x": pa.array((column * (rows // len(column)))[:rows], pa.float64()),
            "c": pa.array((clean * (rows // len(clean)))[:rows], pa.string()),
        }
    )
    current = profiled(table)
    baseline = baseline_of(current)
    comparison = baseline.constraints["monitoring_config"]["distribution_constraints"]
    comparison.update(comparison_method=method, categorical_drift_method=categorical)
    comparison["comparison_threshold"] = 0.0
    assert compare(current, baseline, minimum_rows=1).violations == ()
