"""Tuning steps: the search over ranges, the children, and the best of them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from ratchet.runner import CannotRunError
from ratchet.runner.step_types import search
from tests.runner.workbench import Workbench, definition, get, invoke, join, training

CODE = "s3://code/tuned.gz"
SCRIPT = """
    import os, sys
    depth = int(sys.argv[sys.argv.index("--depth") + 1])
    if depth == 3:
        sys.exit("three is refused")
    print(f"loss={(depth - 4) ** 2};")
    open(os.path.join(os.environ["SM_MODEL_DIR"], "m.txt"), "w").write(str(depth))
"""
DEPTHS = {"CategoricalParameterRanges": [{"Name": "depth", "Values": ["2", "3", "4", "9"]}]}


def tuning(
    ranges: dict[str, Any], *, strategy: str = "Grid", cached: bool = False, **config: Any
) -> dict[str, Any]:
    child = training("child", code=CODE)["Arguments"]
    static = child.pop("HyperParameters")
    metric = {"Name": "loss", "Regex": "loss=([0-9.]+);"}
    child["AlgorithmSpecification"]["MetricDefinitions"] = [metric]
    step: dict[str, Any] = {
        "Name": "tune",
        "Type": "Tuning",
        "Arguments": {
            "HyperParameterTuningJobConfig": {
                "Strategy": strategy,
                "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
                "ResourceLimits": {"MaxNumberOfTrainingJobs": 3, "MaxParallelTrainingJobs": 2},
                "ParameterRanges": ranges,
                "TrainingJobEarlyStoppingType": "Auto",
                **config,
            },
            "TrainingJobDefinition": {**child, "StaticHyperParameters": static},
        },
    }
    if cached:
        step["CacheConfig"] = {"Enabled": True, "ExpireAfter": "P30D"}
    return step


@pytest.fixture
def bench(workbench: Workbench) -> Workbench:
    workbench.put_bundle(CODE, train=SCRIPT)
    return workbench


def test_a_grid_tries_every_value_and_hands_on_the_best(bench: Workbench) -> None:
    top = join(
        "s3:/",
        "artifacts/models",
        get("Steps.tune.TrainingJobSummaries[0].TrainingJobName"),
        "output/model.tar.gz",
        on="/",
    )
    bench.services.functions["look"] = lambda payload: payload
    result = bench.run(definition(tuning(DEPTHS), invoke("look", {}, model=top)))
    assert result.status == "Succeeded", result.failure_reason
    properties = result.step("tune").properties
    best = properties["BestTrainingJob"]
    assert best["TunedHyperParameters"] == {"depth": "4"}
    assert best["FinalHyperParameterTuningJobObjectiveMetric"] == {
        "Type": "Minimize",
        "MetricName": "loss",
        "Value": 0.0,
    }
    tried = [child["TunedHyperParameters"]["depth"] for child in properties["TrainingJobSummaries"]]
    assert tried == ["4", "2", "9", "3"]
    assert properties["TrainingJobStatusCounters"]["NonRetryableError"] == 1
    model = result.step("look").arguments["model"]
    assert bench.files_in_archive(model) == {"m.txt": "4"}
    assert len(properties["HyperParameterTuningJobName"]) <= 32


def test_a_bayesian_search_says_that_it_is_random_here_and_is_cached(bench: Workbench) -> None:
    depth = {"Name": "depth", "MinValue": "4", "MaxValue": "50"}
    step = tuning({"IntegerParameterRanges": [depth]}, strategy="Bayesian", cached=True)
    first = bench.run(definition(step)).step("tune")
    assert any("as a random search" in line for line in bench.observer.output("tune"))
    assert len(first.properties["TrainingJobSummaries"]) == 3
    again = bench.run(definition(step)).step("tune")
    assert again.cache_hit_source is not None
    assert again.properties["BestTrainingJob"] == first.properties["BestTrainingJob"]


def test_a_tuning_job_without_any_result_fails_and_says_why(bench: Workbench) -> None:
    only = {"CategoricalParameterRanges": [{"Name": "depth", "Values": ["3"]}]}
    result = bench.run(definition(tuning(only)))
    assert "none of 1 training jobs has a result" in (result.failure_reason or "")
    assert "three is refused" in (result.failure_reason or "")


def test_a_missing_metric_and_a_grid_over_numbers_are_refused(bench: Workbench) -> None:
    step = tuning({"IntegerParameterRanges": [{"Name": "d", "MinValue": "1", "MaxValue": "2"}]})
    config = step["Arguments"]["HyperParameterTuningJobConfig"]
    config["HyperParameterTuningJobObjective"]["MetricName"] = "auc"
    with pytest.raises(CannotRunError, match="no metric 'auc'") as refused:
        bench.run(definition(step))
    assert "categorical ranges only" in str(refused.value)


def number(low: float, high: float, scaling: str, *, integer: bool = False) -> search.Range:
    return search.NumberRange(name="x", low=low, high=high, scaling=scaling, integer=integer)


@pytest.mark.parametrize(
    ("scaling", "low", "high"),
    [("Linear", -1, 1), ("Logarithmic", 1e-5, 1.0), ("ReverseLogarithmic", 0.5, 0.9999)],
)
def test_drawn_values_lie_in_their_range_and_repeat_for_a_seed(
    scaling: str, low: float, high: float
) -> None:
    ranges = [number(low, high, scaling)]
    drawn = [float(one["x"]) for one in search.sampled(ranges, count=50, seed=7)]
    assert len(drawn) == 50
    assert all(low <= value <= high for value in drawn)
    assert drawn == [float(one["x"]) for one in search.sampled(ranges, count=50, seed=7)]
    assert drawn != [float(one["x"]) for one in search.sampled(ranges, count=50, seed=8)]


def test_logarithmic_scaling_gives_each_decade_its_share() -> None:
    ranges = [number(1e-4, 1.0, "Logarithmic")]
    drawn = [float(one["x"]) for one in search.sampled(ranges, count=400, seed=1)]
    decades = [sum(math.floor(math.log10(v)) == d for v in drawn) for d in (-4, -3, -2, -1)]
    assert min(decades) > 60


def test_a_small_space_is_tried_once_and_not_again() -> None:
    ranges = [number(1, 3, "Auto", integer=True)]
    drawn = [one["x"] for one in search.sampled(ranges, count=10, seed=0)]
    assert sorted(drawn) == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"MinValue": "0", "MaxValue": "1", "ScalingType": "Logarithmic"}, "above 0"),
        ({"MinValue": "0", "MaxValue": "1", "ScalingType": "ReverseLogarithmic"}, "x < 1"),
        ({"MinValue": "2", "MaxValue": "1"}, "above its MaxValue"),
        ({"MinValue": "a", "MaxValue": "1"}, "needs a number"),
        ({"MinValue": "0", "MaxValue": "1", "ScalingType": "Log"}, "ScalingType 'Log'"),
    ],
)
def test_a_range_that_cannot_be_is_refused(body: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        search.read_ranges({"ContinuousParameterRanges": [{"Name": "x", **body}]})
