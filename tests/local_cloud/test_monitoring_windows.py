"""When monitoring schedules run, over which traffic, and as which processing job."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ratchet.local_cloud.sagemaker.errors import ApiError
from ratchet.local_cloud.sagemaker.monitors.request import Monitored
from ratchet.local_cloud.sagemaker.monitors.windows import (
    Timetable,
    TrafficWindow,
    offset_of,
    timetable_of,
)
from ratchet.local_cloud.sagemaker.table import DATA_QUALITY, MODEL_QUALITY
from tests.local_cloud.sagemaker_calls import IMAGE, ROLE, Caller, until

NOON = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "due", "hours"),
    [
        ("cron(0 * ? * * *)", NOON, 1),
        ("cron(0 9 ? * * *)", NOON.replace(hour=9), 24),
        ("cron(0 17 ? * * *)", NOON.replace(day=4, hour=17), 24),
        ("cron(0 0/6 ? * * *)", NOON, 6),
        ("cron(0 1/12 ? * * *)", NOON.replace(hour=1), 12),
    ],
)
def test_a_schedule_is_due_at_its_hours(expression: str, due: datetime, hours: int) -> None:
    table = timetable_of(expression)
    assert isinstance(table, Timetable)
    assert table.due(NOON + timedelta(minutes=34)) == due
    assert table.interval == timedelta(hours=hours)


@pytest.mark.parametrize(
    "expression",
    ["cron(5 * ? * * *)", "rate(1 hour)", "cron(0 24 ? * * *)", "cron(0 0/25 ? * * *)"],
)
def test_an_expression_that_model_monitor_does_not_take_is_refused(expression: str) -> None:
    with pytest.raises(ApiError, match="none that Model Monitor takes"):
        timetable_of(expression)


def test_offsets_are_periods_before_the_scheduled_time() -> None:
    window = TrafficWindow(start=NOON - timedelta(hours=1), end=NOON, scheduled=NOON)
    shifted = window.shifted("-P1DT2H", "-PT1H")
    assert shifted.start == NOON - timedelta(hours=26)
    assert shifted.end == NOON - timedelta(hours=1)
    assert offset_of("PT0H") == timedelta(0)
    assert offset_of("-P7H") == offset_of("-PT7H") == timedelta(hours=-7)
    assert offset_of("-P8D") == timedelta(days=-8)
    for text in ("one hour", "P", "-P", "PT", "-P1W"):
        with pytest.raises(ApiError, match="no offset"):
            offset_of(text)


def monitored(
    kind: Any = DATA_QUALITY, application: Mapping[str, Any] | None = None, **source: Any
) -> Monitored:
    quality = kind.name.removesuffix("JobDefinition")
    endpoint = {"EndpointName": "e", "LocalPath": "/opt/ml/processing/input/endpoint", **source}
    output = {"S3Uri": "s3://b/reports/", "LocalPath": "/opt/ml/processing/output"}
    baseline = {
        "StatisticsResource": {"S3Uri": "s3://b/base/statistics.json"},
        "ConstraintsResource": {"S3Uri": "s3://b/base/constraints.json"},
    }
    definition = {
        f"{quality}AppSpecification": {
            "ImageUri": IMAGE,
            "Environment": {"minimum_rows": "10"},
            **(application or {}),
        },
        f"{quality}JobInput": {
            "EndpointInput": endpoint,
            "GroundTruthS3Input": {"S3Uri": "s3://b/truth"},
        },
        f"{quality}JobOutputConfig": {"MonitoringOutputs": [{"S3Output": output}]},
        f"{quality}BaselineConfig": baseline,
        "JobResources": {"ClusterConfig": {}},
        "RoleArn": ROLE,
    }
    return Monitored(
        kind=kind,
        definition=definition,
        schedule="s",
        capture_uri="s3://b/capture",
        variants=("AllTraffic",),
    )


WINDOW = TrafficWindow(start=NOON - timedelta(minutes=90), end=NOON, scheduled=NOON)


def test_a_window_reads_every_hour_that_it_touches() -> None:
    assert monitored().captured(WINDOW) == [
        (
            f"s3://b/capture/e/AllTraffic/2026/03/05/{hour}",
            f"/opt/ml/processing/input/endpoint/e/AllTraffic/2026/03/05/{hour}",
        )
        for hour in (10, 11)
    ]
    truth = [uri for uri, _ in monitored(MODEL_QUALITY).ground_truth(WINDOW)]
    assert truth == ["s3://b/truth/2026/03/05/10", "s3://b/truth/2026/03/05/11"]


def test_a_job_is_told_what_the_container_contract_says() -> None:
    request = monitored(ExcludeFeaturesAttribute="a,b").request(WINDOW, [], job_name="j")
    environment = request["Environment"]
    assert json.loads(environment.pop("dataset_format")) == {
        "sagemakerCaptureJson": {"captureIndexNames": ["endpointInput"]}
    }
    assert environment == {
        "analysis_type": "DATA_QUALITY",
        "dataset_source": "/opt/ml/processing/input/endpoint",
        "output_path": "/opt/ml/processing/output",
        "publish_cloudwatch_metrics": "Disabled",
        "sagemaker_endpoint_name": "e",
        "sagemaker_monitoring_schedule_name": "s",
        "start_time": "2026-03-05T10:30:00Z",
        "end_time": "2026-03-05T12:00:00Z",
        "baseline_statistics": "/opt/ml/processing/baseline/statistics/statistics.json",
        "baseline_constraints": "/opt/ml/processing/baseline/constraints/constraints.json",
        "exclude_columns": "a,b",
        "minimum_rows": "10",
    }


def test_reports_are_laid_out_by_endpoint_schedule_and_hour() -> None:
    (output,) = monitored().request(WINDOW, [], job_name="j")["ProcessingOutputConfig"]["Outputs"]
    assert output["S3Output"]["S3Uri"] == "s3://b/reports/e/s/2026/03/05/12"


@pytest.mark.parametrize(
    ("problem", "source", "settings"),
    [
        (
            "BinaryClassification",
            {"ProbabilityAttribute": "0", "ProbabilityThresholdAttribute": 0.37},
            {"probability_attribute": "0", "probability_threshold_attribute": "0.37"},
        ),
        (
            "BinaryClassification",
            {"InferenceAttribute": "class", "ProbabilityAttribute": "score"},
            {"inference_attribute": "class", "probability_attribute": "score"},
        ),
        ("MulticlassClassification", {"InferenceAttribute": "0"}, {"inference_attribute": "0"}),
        ("Regression", {"InferenceAttribute": "0"}, {"inference_attribute": "0"}),
    ],
)
def test_model_quality_is_told_the_problem_the_answers_and_the_labels(
    problem: str, source: dict[str, Any], settings: dict[str, str]
) -> None:
    definition = monitored(MODEL_QUALITY, {"ProblemType": problem}, **source)
    environment = definition.request(WINDOW, [], job_name="j")["Environment"]
    assert {name: text for name, text in environment.items() if "attribute" in name} == settings
    assert environment["problem_type"] == problem
    assert environment["analysis_type"] == "MODEL_QUALITY"
    assert environment["ground_truth_source"] == "/opt/ml/processing/groundtruth"


def test_what_the_analyzer_would_leave_out_is_named() -> None:
    script = {"RecordPreprocessorSourceUri": "s3://b/preprocess.py", "ContainerArguments": ["-v"]}
    definition = monitored(MODEL_QUALITY, script)
    assert definition.not_run_here == ["ContainerArguments", "RecordPreprocessorSourceUri"]
    assert monitored(MODEL_QUALITY).not_run_here == []


def test_a_schedule_that_cannot_run_here_fails_and_holds_up_no_other(call: Caller) -> None:
    batch = {
        "DataCapturedDestinationS3Uri": "s3://b/c",
        "LocalPath": "/opt/ml/processing/input",
        "DatasetFormat": {"Json": {}},
    }
    output = {"S3Uri": "s3://b/r", "LocalPath": "/opt/ml/processing/output"}
    cluster = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
    for name in ("a", "b"):
        call(
            "CreateDataQualityJobDefinition",
            JobDefinitionName=name,
            DataQualityAppSpecification={"ImageUri": IMAGE},
            DataQualityJobInput={"BatchTransformInput": batch},
            DataQualityJobOutputConfig={"MonitoringOutputs": [{"S3Output": output}]},
            JobResources={"ClusterConfig": cluster},
            RoleArn=ROLE,
        )
        plan = {
            "ScheduleExpression": "NOW",
            "DataAnalysisStartTime": "-PT2H",
            "DataAnalysisEndTime": "-PT1H",
        }
        config = {"MonitoringJobDefinitionName": name, "MonitoringType": "DataQuality"}
        call(
            "CreateMonitoringSchedule",
            MonitoringScheduleName=name,
            MonitoringScheduleConfig={**config, "ScheduleConfig": plan},
        )
    call.sagemaker.monitors.run_due()
    for name in ("a", "b"):

        def failed(name: str = name) -> Any:
            return call(
                "ListMonitoringExecutions", MonitoringScheduleName=name, StatusEquals="Failed"
            )["MonitoringExecutionSummaries"]

        (execution,) = until(failed, 5)
        assert "definitions with an EndpointInput only" in execution["FailureReason"]
