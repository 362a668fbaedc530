"""QualityCheck steps: baselines computed, compared and handed on, by the project's analyzer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.runner.workbench import Workbench, definition, get, invoke

pytestmark = pytest.mark.jobs

FOLDER = "/opt/ml/processing"
DATA = "s3://data/check/"


def check(
    *, kind: str = "DATA_QUALITY", columns: Mapping[str, str] | None = None, **settings: Any
) -> dict[str, Any]:
    """As `sagemaker/workflow/quality_check_step.py` writes it."""
    source = {"S3Uri": DATA, "LocalPath": f"{FOLDER}/input/data", "S3DataType": "S3Prefix"}
    target = {"S3Uri": "s3://out/check", "LocalPath": f"{FOLDER}/output"}
    return {
        "Name": "quality",
        "Type": "QualityCheck",
        "CheckType": kind,
        "SuppliedBaselineStatistics": None,
        "SuppliedBaselineConstraints": None,
        **settings,
        "Arguments": {
            "AppSpecification": {"ImageUri": "sagemaker-model-monitor-analyzer"},
            "Environment": {
                "dataset_format": '{"csv": {"header": true}}',
                "dataset_source": f"{FOLDER}/input/data",
                "output_path": f"{FOLDER}/output",
                "publish_cloudwatch_metrics": "Disabled",
                **(columns or {}),
            },
            "ProcessingInputs": [{"InputName": "baseline_dataset_input", "S3Input": source}],
            "ProcessingOutputConfig": {
                "Outputs": [{"OutputName": "quality_check_output", "S3Output": target}]
            },
        },
    }


def rows(workbench: Workbench, shift: int) -> None:
    lines = "".join(f"{shift + n % 50},{'ab'[n % 2]}\n" for n in range(600))
    workbench.put(f"{DATA}rows.csv", f"number,kind\n{lines}")


def test_a_first_check_registers_its_own_baseline(workbench: Workbench) -> None:
    rows(workbench, 0)
    workbench.services.functions["look"] = lambda payload: payload
    look = invoke("look", {}, used=get("Steps.quality.BaselineUsedForDriftCheckConstraints"))
    step = check(SkipCheck=True, RegisterNewBaseline=True, ModelPackageGroupName="flights")
    result = workbench.run(definition(step, look))
    assert result.status == "Succeeded", result.failure_reason
    properties = result.step("quality").properties
    assert properties["CalculatedBaselineStatistics"] == "s3://out/check/statistics.json"
    assert result.step("look").arguments == {"used": "s3://out/check/constraints.json"}
    assert workbench.storage.exists("s3://out/check/constraints.json")


def test_drift_from_the_approved_versions_baseline_fails_the_step(workbench: Workbench) -> None:
    rows(workbench, 0)
    workbench.run(definition(check(SkipCheck=True, RegisterNewBaseline=True)))
    baseline = {}
    for part in ("Statistics", "Constraints"):
        data = workbench.storage.read_bytes(f"s3://out/check/{part.lower()}.json")
        uri = workbench.put(f"s3://old/{part.lower()}.json", data)
        baseline[part] = {"S3Uri": uri, "ContentType": "application/json"}
    package = {"DriftCheckBaselines": {"ModelDataQuality": baseline}}
    workbench.services.packages["flights"] = package
    again = check(SkipCheck=False, RegisterNewBaseline=False, ModelPackageGroupName="flights")
    same = workbench.run(definition(again))
    assert same.status == "Succeeded", same.failure_reason
    used = same.step("quality").properties["BaselineUsedForDriftCheckStatistics"]
    assert used == "s3://old/statistics.json"
    rows(workbench, 1000)
    drifted = workbench.run(definition(again))
    assert drifted.status == "Failed"
    assert "constraint violations, such as number" in (drifted.failure_reason or "")
    tolerated = workbench.run(definition({**again, "FailOnViolation": False}))
    assert tolerated.status == "Succeeded"
    report = tolerated.step("quality").properties["ViolationReport"]
    assert report == "s3://out/check/constraint_violations.json"


def test_a_check_without_a_previous_baseline_says_how_to_begin(workbench: Workbench) -> None:
    rows(workbench, 0)
    step = check(SkipCheck=False, RegisterNewBaseline=True, ModelPackageGroupName="flights")
    result = workbench.run(definition(step))
    assert "no approved version of 'flights' has one" in (result.failure_reason or "")
    assert "set SkipCheck and RegisterNewBaseline" in (result.failure_reason or "")


PROBLEMS: dict[str, tuple[dict[str, str], Callable[[int, bool], str]]] = {
    # Columns, and label and answer of the nth row, of a good model or of a worse one.
    "BinaryClassification": (
        {"probability_attribute": "answer", "probability_threshold_attribute": "0.3"},
        lambda n, good: f"{n % 2},{0.4 if (n % 2) == (good or n % 3 > 0) else 0.2}",
    ),
    "MulticlassClassification": (
        {"inference_attribute": "answer"},
        lambda n, good: f"{'abc'[n % 3]},{'abc'[(n if good else n // 3) % 3]}",
    ),
    "Regression": (
        {"inference_attribute": "answer"},
        lambda n, good: f"{n % 50},{n % 50 + (1 if good else 9) * (n % 2)}",
    ),
}
KEYS = {
    "BinaryClassification": ("binary_classification", "recall", "LessThanThreshold"),
    "MulticlassClassification": ("multiclass_classification", "accuracy", "LessThanThreshold"),
    "Regression": ("regression", "rmse", "GreaterThanThreshold"),
}


@pytest.mark.parametrize("problem", PROBLEMS)
def test_model_quality_of_every_problem_is_checked_against_its_own_baseline(
    workbench: Workbench, problem: str
) -> None:
    columns, row = PROBLEMS[problem]
    key, metric, worse = KEYS[problem]

    def land(*, good: bool) -> None:
        lines = "".join(f"{row(n, good)}\n" for n in range(600))
        workbench.put(f"{DATA}rows.csv", f"truth,answer\n{lines}")

    def run(**settings: Any) -> Any:
        about = {"problem_type": problem, "ground_truth_attribute": "truth", **columns}
        return workbench.run(definition(check(kind="MODEL_QUALITY", columns=about, **settings)))

    def report(uri: str) -> Any:
        return json.loads(workbench.storage.read_bytes(uri))

    land(good=True)
    first = run(SkipCheck=True, RegisterNewBaseline=True)
    assert first.status == "Succeeded", first.failure_reason
    properties = first.step("quality").properties
    supplied = {}
    for part, section in (("Statistics", "metrics"), ("Constraints", "constraints")):
        content = report(properties[f"CalculatedBaseline{part}"])
        assert metric in content[f"{key}_{section}"]
        old = workbench.put(f"s3://old/{part.lower()}.json", json.dumps(content).encode())
        supplied[f"SuppliedBaseline{part}"] = old
    assert run(**supplied).status == "Succeeded"

    land(good=False)
    tolerated = run(**supplied, FailOnViolation=False)
    assert tolerated.status == "Succeeded"
    violations = report(tolerated.step("quality").properties["ViolationReport"])["violations"]
    assert (metric, worse) in {(v["metric_name"], v["constraint_check_type"]) for v in violations}


def test_a_check_of_model_quality_without_a_problem_says_what_it_needs(
    workbench: Workbench,
) -> None:
    workbench.put(f"{DATA}rows.csv", "label,answer\n1,1\n")
    columns = {"inference_attribute": "answer"}
    step = check(kind="MODEL_QUALITY", columns=columns, SkipCheck=True, RegisterNewBaseline=True)
    result = workbench.run(definition(step))
    assert "problem_type is not set" in (result.failure_reason or "")
