import json
from datetime import timedelta
from typing import Any

import pytest

from ratchet.cli.views import analysis_view, distributions
from ratchet.cli.views.distributions import Bucket, Numeric
from ratchet.deployment import standing
from ratchet.deployment.errors import DeploymentError
from ratchet.deployment.monitoring import analyses
from ratchet.deployment.monitoring import starting as monitoring
from ratchet.deployment.monitoring.analyses import Analysis
from ratchet.deployment.target import facts
from ratchet.deployment.target.environment import Target
from tests.unit.cli.conftest import Type
from tests.unit.cli.fake_deployment import ACCOUNT, START, FakeRun, job, step
from tests.unit.cli.fake_serving import MONITORING_PIPELINE, ServingWorld
from tests.unit.cli.golden_files import drawn, hold

NOW = START + timedelta(hours=3)
REPORT = "s3://artifacts/monitoring/1"


def numeric(name: str, bounds: list[float], counts: list[int]) -> dict[str, Any]:
    pairs = zip(bounds, bounds[1:], counts, strict=False)
    buckets = [{"lower_bound": low, "upper_bound": high, "count": n} for low, high, n in pairs]
    return {
        "name": name,
        "inferred_type": "Fractional",
        "numerical_statistics": {"distribution": {"kll": {"buckets": buckets}}},
    }


def text(name: str, counts: dict[str, int]) -> dict[str, Any]:
    buckets = [{"value": value, "count": count} for value, count in counts.items()]
    return {
        "name": name,
        "inferred_type": "String",
        "string_statistics": {"distribution": {"categorical": {"buckets": buckets}}},
    }


BASELINE = {
    "features": [
        numeric("temp", [17, 27, 37, 47, 57], [10, 60, 25, 5]),
        text("dest", {"ATL": 60, "BOS": 40}),
    ]
}
CURRENT = {
    "features": [
        numeric("temp", [60, 70, 80, 90, 100], [10, 50, 35, 5]),
        text("dest", {"ATL": 500, "BOS": 480, "ANC": 20}),
    ]
}


@pytest.fixture
def analyzed(serving: ServingWorld) -> ServingWorld:
    """The schedule has run once, and found that summer has come."""
    arn = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:processing-job/monitoring-1"
    serving.sagemaker.executions = [
        {
            "MonitoringScheduleName": "flights-dev-data-quality",
            "CreationTime": START + timedelta(hours=2),
            "MonitoringExecutionStatus": "CompletedWithViolations",
            "ProcessingJobArn": arn,
        }
    ]
    serving.sagemaker.jobs["monitoring-1"] = {
        "ProcessingJobStatus": "Completed",
        "ExitMessage": "CompletedWithViolations: …",
        "ProcessingEndTime": START + timedelta(hours=2, seconds=4),
        "ProcessingOutputConfig": {
            "Outputs": [{"OutputName": "result", "S3Output": {"S3Uri": REPORT}}]
        },
        "ProcessingInputs": [
            {"InputName": "endpoint_input_1"},
            {"InputName": "baseline", "S3Input": {"S3Uri": "s3://artifacts/baselines/1"}},
        ],
    }
    documents = {
        "monitoring/1/statistics.json": CURRENT,
        "baselines/1/statistics.json": BASELINE,
        "monitoring/1/constraint_violations.json": {
            "violations": [
                violation("dest", "categorical_values_check", "Value: 0.98 does not meet [it]"),
                violation("dewp", "baseline_drift_check", "Baseline drift distance: 0.7 exceeds"),
                violation("temp", "baseline_drift_check", "Baseline drift distance: 1 exceeds"),
            ]
        },
        "monitoring/1/analysis.json": {
            "outcome": "CompletedWithViolations",
            "message": "Job completed successfully with 3 violations: dest, dewp, temp.",
            "rows": 2000,
            "drift": [distance("temp", 1.0), distance("dewp", 0.7), distance("carrier", 0.01)],
        },
    }
    for key, content in documents.items():
        serving.world.s3.objects["artifacts", key] = json.dumps(content).encode()
    serving.cloudwatch.states["flights-dev-drift"] = "ALARM"
    return serving


def violation(feature: str, check: str, description: str) -> dict[str, str]:
    return {
        "feature_name": feature,
        "constraint_check_type": check,
        "description": description,
    }


def distance(feature: str, value: float) -> dict[str, Any]:
    return {
        "feature_name": feature,
        "method": "Robust",
        "distance": value,
        "threshold": 0.1,
        "exceeds": value > 0.1,
    }


def newest(world: ServingWorld) -> Analysis | None:
    return analyses.newest(world.world.target, facts.read_serving(world.world.target))


def test_show_of_an_analysis_that_found_drift(analyzed: ServingWorld) -> None:
    found = newest(analyzed)
    assert found is not None
    assert found.drifted == ["temp", "dewp"], "the farthest first"
    drift = standing.alarms(analyzed.world.target, {"drift": "flights-dev-drift"})["drift"]
    hold("analysis.txt", drawn(analysis_view.document(found, drift=drift, now=NOW)))


def test_monitor_show_prints_json_for_scripts(type_serving: Type, analyzed: ServingWorld) -> None:
    shown = json.loads(type_serving("monitor", "show", "--json").stdout)
    assert shown["outcome"] == "CompletedWithViolations"
    assert shown["drifted"] == ["temp", "dewp"]
    assert shown["alarm"]["state"] == "ALARM"
    assert shown["baseline_uri"] == "s3://artifacts/baselines/1/statistics.json"
    assert shown["rows"] == 2000


def test_an_analysis_under_way_gives_way_to_the_last_that_ended(analyzed: ServingWorld) -> None:
    under_way = {
        **analyzed.sagemaker.executions[0],
        "CreationTime": START + timedelta(hours=3),
        "MonitoringExecutionStatus": "InProgress",
        "ProcessingJobArn": "arn:…:processing-job/monitoring-2",
    }
    analyzed.sagemaker.executions.insert(0, under_way)
    found = newest(analyzed)
    assert found is not None
    assert found.source.job == "monitoring-1"


def test_a_container_of_model_monitor_that_says_no_outcome_is_judged_by_its_violations(
    analyzed: ServingWorld,
) -> None:
    del analyzed.world.s3.objects["artifacts", "monitoring/1/analysis.json"]
    found = newest(analyzed)
    assert found is not None
    assert found.outcome == "CompletedWithViolations"
    assert found.distances == ()
    assert "Baseline drift distance" in drawn(
        analysis_view.document(found, drift=None, now=NOW)
    ).replace("\n", " ")


def test_a_baseline_that_is_given_as_two_files_is_found(analyzed: ServingWorld) -> None:
    folder = "s3://artifacts/baselines/1"
    analyzed.sagemaker.jobs["monitoring-1"]["ProcessingInputs"] = [
        {"InputName": "constraints", "S3Input": {"S3Uri": f"{folder}/constraints.json"}},
        {"InputName": "statistics", "S3Input": {"S3Uri": f"{folder}/statistics.json"}},
    ]
    found = newest(analyzed)
    assert found is not None
    assert found.baseline_uri == f"{folder}/statistics.json"
    assert found.baseline == BASELINE


def test_an_execution_that_could_not_start_says_why(analyzed: ServingWorld) -> None:
    failed = {
        "CreationTime": START + timedelta(hours=3),
        "MonitoringExecutionStatus": "Failed",
        "FailureReason": "No S3 objects found under S3 URL",
    }
    analyzed.sagemaker.executions.insert(0, failed)
    found = newest(analyzed)
    assert found is not None
    assert (found.outcome, found.message) == ("Failed", "No S3 objects found under S3 URL")


def test_a_run_of_the_monitoring_pipeline_is_an_analysis_too(analyzed: ServingWorld) -> None:
    analyzed.sagemaker.jobs["analyze-1"] = analyzed.sagemaker.jobs["monitoring-1"]
    run = FakeRun(
        id="fedcba987654",
        name="x",
        status="Succeeded",
        steps=[step("analyze", 9000, 2, **job("ProcessingJob", "analyze-1"))],
        pipeline=MONITORING_PIPELINE,
    )
    analyzed.sagemaker.runs.append(run)
    found = newest(analyzed)
    assert found is not None
    assert (found.source.engine, found.source.job) == ("pipeline", "analyze-1")


def test_without_an_analysis_it_says_how_to_run_one(type_serving: Type) -> None:
    result = type_serving("monitor", "show")
    assert "No analysis yet" in result.stdout
    assert "ratchet monitor run --local" in result.stderr
    assert type_serving("monitor", "show", "--json").stdout == "null\n"


def test_monitor_run_runs_the_schedule_of_the_local_cloud_and_shows_what_it_found(
    type_serving: Type, analyzed: ServingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests: list[tuple[str, object]] = []
    (execution,) = analyzed.sagemaker.executions
    analyzed.sagemaker.executions = []

    def answer(_: Target, path: str, body: object = None, **__: Any) -> dict[str, str]:
        requests.append((path, body))
        analyzed.sagemaker.executions = [execution]
        return {"job": "monitoring-1"}

    monkeypatch.setattr(Target, "ask", answer)
    result = type_serving("monitor", "run")
    assert result.exit_code == 0, result.output
    assert requests == [("monitoring/flights-dev-data-quality/run", {})]
    assert "temp" in result.stdout


def test_an_execution_that_found_nothing_captured_is_not_waited_for(
    analyzed: ServingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no job: SageMaker starts none."""
    (execution,) = analyzed.sagemaker.executions
    failed = {
        "CreationTime": execution["CreationTime"] + timedelta(minutes=1),
        "MonitoringExecutionStatus": "Failed",
        "FailureReason": "Job inputs had no data",
    }

    def answer(*_: object, **__: Any) -> dict[str, str]:
        analyzed.sagemaker.executions = [failed, execution]
        return {"job": "a name that no job has"}

    def wait(_: float) -> None:
        pytest.fail("the execution has ended")

    monkeypatch.setattr(Target, "ask", answer)
    target = analyzed.world.target
    analysis = monitoring.run_schedule(target, facts.read_serving(target), sleep=wait)
    assert (analysis.outcome, analysis.message) == ("Failed", "Job inputs had no data")


def test_monitor_run_starts_the_monitoring_pipeline_when_that_is_the_engine(
    type_serving: Type, serving: ServingWorld
) -> None:
    serving.cloudformation.parameters["MonitorEngine"] = "pipeline"
    result = type_serving("monitor", "run")
    assert result.exit_code == 0, result.output
    (started,) = serving.sagemaker.started
    assert started["PipelineName"] == "flights-dev-monitoring"
    assert started["PipelineParameters"] == [{"Name": "WindowEnd", "Value": "now"}]
    assert "nothing was captured" in result.stdout


def test_monitor_run_needs_something_that_serves_and_a_baseline(
    type_serving: Type, serving: ServingWorld
) -> None:
    serving.cloudformation.parameters["BaselineUri"] = "none"
    assert "registered without a baseline" in type_serving("monitor", "run").stderr
    serving.cloudformation.parameters["ChampionModelPackageArn"] = "none"
    assert "nothing serves" in type_serving("monitor", "run").stderr


def test_an_unknown_engine_is_refused(type_serving: Type) -> None:
    result = type_serving("monitor", "run", "--engine", "clarify")
    assert result.exit_code == 2
    assert "'clarify' is not one of 'model-monitor', 'pipeline'" in " ".join(result.stderr.split())


def test_on_aws_a_schedule_cannot_be_run_by_hand(serving: ServingWorld) -> None:
    from dataclasses import replace

    target = replace(serving.world.target, folder=None, endpoint=None)
    with pytest.raises(DeploymentError, match="--engine pipeline"):
        monitoring.run_schedule(target, facts.read_serving(serving.world.target))


def test_heights_spread_a_bucket_evenly_and_keep_the_whole() -> None:
    buckets = [Bucket(low=0, high=4, share=0.8), Bucket(low=4, high=8, share=0.2)]
    found = distributions.heights(buckets, low=0, high=8, columns=4)
    assert found == pytest.approx([0.4, 0.4, 0.1, 0.1])
    assert sum(distributions.heights(buckets, low=-3, high=11, columns=7)) == pytest.approx(1)


def test_a_feature_of_one_value_is_one_column() -> None:
    point = [Bucket(low=3, high=3, share=1.0)]
    assert distributions.heights(point, low=3, high=3, columns=3) == [1.0, 0, 0]
    assert distributions.heights(point, low=0, high=3, columns=3) == [0, 0, 1.0]


def test_what_is_rare_is_still_drawn_and_what_is_not_there_is_blank() -> None:
    assert distributions.bars([0.0, 0.001, 0.5, 1.0]) == " ▁▄█"
    assert distributions.bars([0.0, 0.0]) == "  "


def test_numbers_before_and_now_share_one_axis() -> None:
    found = distributions.picture(BASELINE["features"][0], CURRENT["features"][0], columns=10)
    assert isinstance(found, Numeric)
    assert (found.low, found.high) == (17, 100)
    assert found.before[-4:] == "    "
    assert found.now[:4] == "    "


def test_of_text_the_values_that_changed_most_come_first() -> None:
    found = distributions.picture(BASELINE["features"][1], CURRENT["features"][1])
    assert isinstance(found, list)
    assert [(s.value, round(s.before, 2), round(s.now, 2)) for s in found] == [
        ("ATL", 0.6, 0.5),
        ("BOS", 0.4, 0.48),
        ("ANC", 0.0, 0.02),
    ]


def test_without_a_distribution_on_both_sides_there_is_no_picture() -> None:
    assert distributions.picture(BASELINE["features"][0], {}) is None
    assert distributions.picture(BASELINE["features"][0], CURRENT["features"][1]) is None
