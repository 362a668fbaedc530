"""Monitoring schedules of a running local cloud: they run, find, tell and publish."""

from __future__ import annotations

import csv
import io
import json
import random
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ratchet.local_cloud.admin_client import AdminError
from tests.local_cloud.sagemaker_calls import IMAGE, REGION, ROLE, RunningCloud, until
from tests.local_cloud.served_models import CAPTURE, archive, container, variant

pytestmark = pytest.mark.cloud

ANALYZER = Path(__file__).resolve().parents[2] / "ratchet/monitoring/analyze.py"
# Answers the first column of each row, so that labels can be made for it.
SCORES = """
import csv, io

def model_fn(model_dir):
    return None

def input_fn(body, content_type):
    return list(csv.DictReader(io.StringIO(body)))

def predict_fn(rows, model):
    return [row["temperature"] for row in rows]

def output_fn(scores, accept):
    return "".join(f"{score}" + chr(10) for score in scores), "text/csv"
"""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A problem of which the same answers, 0.1 and 0.9, are one kind."""

    name: str
    monitor: str
    source: Mapping[str, Any]
    """Where answers are, as a job definition says it."""
    of_baseline: tuple[str, ...]
    baseline: Callable[[int, float], object]
    """The label of the nth answer, of a model as it was registered."""
    truth: Callable[[int, float], object]
    """The label of the nth answer, as it becomes known."""


PROBLEMS = (
    Problem(
        name="binary",
        monitor="BinaryClassification",
        source={"ProbabilityAttribute": "0", "ProbabilityThresholdAttribute": 0.5},
        of_baseline=("--probability-attribute", "answer"),
        baseline=lambda n, answer: round(answer),
        truth=lambda n, answer: round(answer) if n % 3 else 1 - round(answer),
    ),
    Problem(
        name="multiclass",
        monitor="MulticlassClassification",
        source={"InferenceAttribute": "0"},
        of_baseline=("--inference-attribute", "answer"),
        baseline=lambda n, answer: answer,
        truth=lambda n, answer: answer if n % 3 else "a class that is new",
    ),
    Problem(
        name="regression",
        monitor="Regression",
        source={"InferenceAttribute": "0"},
        of_baseline=("--inference-attribute", "answer"),
        baseline=lambda n, answer: answer + n % 5,
        truth=lambda n, answer: answer + n % 2 / 10,  # less wrong than at registration
    ),
)


def rows(mean: float, count: int = 300) -> str:
    generator = random.Random(7)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["temperature", "carrier"])
    for _ in range(count):
        value = min(1.0, max(0.0, generator.gauss(mean, 0.1)))
        writer.writerow([round(value, 4), generator.choice(["UA", "AA"])])
    return text.getvalue()


def analyzed(folder: Path, dataset: str, *arguments: str) -> Path:
    """A baseline of a dataset, by the analyzer itself."""
    folder.mkdir()
    (folder / "data.csv").write_text(dataset)
    command = [sys.executable, str(ANALYZER), "--dataset-source", str(folder / "data.csv")]
    command += ["--dataset-format", "csv", "--output-path", str(folder / "out"), *arguments]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "out"


@pytest.fixture(scope="module")
def monitored(cloud: RunningCloud, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An endpoint, a bucket with baselines and a schedule for each quality, all of this name."""
    name = f"monitored-{uuid.uuid4().hex[:8]}"
    s3, sagemaker = cloud.client("s3"), cloud.client("sagemaker")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="v1/model.tar.gz", Body=archive("v1", SCORES))
    source = {**container("v1"), "ModelDataUrl": f"s3://{name}/v1/model.tar.gz"}
    sagemaker.create_model(ModelName=name, PrimaryContainer=source, ExecutionRoleArn=ROLE)
    sagemaker.create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[variant(name)],
        DataCaptureConfig={**CAPTURE, "DestinationS3Uri": f"s3://{name}/capture"},
    )
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    folder = tmp_path_factory.mktemp("baseline")
    store(cloud, name, "baseline", analyzed(folder / "data", rows(0.5)))
    define_data_quality(cloud, name)
    for problem in PROBLEMS:
        answers = [(n, 0.9 if n % 2 else 0.1) for n in range(200)]
        labels = "".join(f"{problem.baseline(n, answer)},{answer}\n" for n, answer in answers)
        kind = ("--analysis-type", "MODEL_QUALITY", "--problem-type", problem.monitor)
        made = analyzed(
            folder / problem.name, f"label,answer\n{labels}", *kind, *problem.of_baseline
        )
        store(cloud, name, problem.name, made)
        define_model_quality(cloud, name, problem)
    sagemaker.get_waiter("endpoint_in_service").wait(
        EndpointName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 100}
    )
    return name


def store(cloud: RunningCloud, bucket: str, place: str, folder: Path) -> None:
    for file in folder.glob("*.json"):
        cloud.client("s3").put_object(
            Bucket=bucket, Key=f"{place}/{file.name}", Body=file.read_bytes()
        )


def common(name: str, kind: str, **application: Any) -> dict[str, Any]:
    """The part of a definition that both kinds have."""
    output = {"S3Uri": f"s3://{name}/reports", "LocalPath": "/opt/ml/processing/output"}
    cluster = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
    return {
        f"{kind}AppSpecification": {
            "ImageUri": IMAGE,
            "Environment": {"publish_cloudwatch_metrics": "Enabled"},
            **application,
        },
        f"{kind}JobOutputConfig": {"MonitoringOutputs": [{"S3Output": output}]},
        "JobResources": {"ClusterConfig": cluster},
        "RoleArn": ROLE,
    }


def source(name: str, **places: Any) -> dict[str, Any]:
    return {"EndpointName": name, "LocalPath": "/opt/ml/processing/input/endpoint", **places}


def define_data_quality(cloud: RunningCloud, name: str) -> None:
    cloud.client("sagemaker").create_data_quality_job_definition(
        JobDefinitionName=f"{name}-data",
        DataQualityBaselineConfig={
            "ConstraintsResource": {"S3Uri": f"s3://{name}/baseline/constraints.json"},
            "StatisticsResource": {"S3Uri": f"s3://{name}/baseline/statistics.json"},
        },
        DataQualityJobInput={"EndpointInput": source(name)},
        **common(name, "DataQuality"),
    )
    schedule(cloud, f"{name}-data", "DataQuality")


def define_model_quality(
    cloud: RunningCloud, name: str, problem: Problem, suffix: str = "", **application: Any
) -> str:
    """The name of its schedule."""
    called = f"{name}-{problem.name}{suffix}"
    cloud.client("sagemaker").create_model_quality_job_definition(
        JobDefinitionName=called,
        ModelQualityBaselineConfig={
            "ConstraintsResource": {"S3Uri": f"s3://{name}/{problem.name}/constraints.json"}
        },
        ModelQualityJobInput={
            "EndpointInput": source(name, StartTimeOffset="-P7D", **problem.source),
            "GroundTruthS3Input": {"S3Uri": f"s3://{name}/truth/{problem.name}"},
        },
        **common(name, "ModelQuality", ProblemType=problem.monitor, **application),
    )
    schedule(cloud, called, "ModelQuality")
    return called


def schedule(cloud: RunningCloud, name: str, kind: str) -> None:
    cloud.client("sagemaker").create_monitoring_schedule(
        MonitoringScheduleName=name,
        MonitoringScheduleConfig={
            "ScheduleConfig": {"ScheduleExpression": "cron(0 * ? * * *)"},
            "MonitoringJobDefinitionName": name,
            "MonitoringType": kind,
        },
    )


def ask(cloud: RunningCloud, name: str, body: str, **more: Any) -> None:
    cloud.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=name, Body=body.encode(), ContentType="text/csv", **more
    )


def run(cloud: RunningCloud, schedule: str) -> dict[str, Any]:
    """Run a schedule now; the summary of its execution once it has ended."""
    sagemaker = cloud.client("sagemaker")
    cloud.admin("POST", f"monitoring/{schedule}/run")

    def ended() -> dict[str, Any] | None:
        summary: dict[str, Any] = sagemaker.describe_monitoring_schedule(
            MonitoringScheduleName=schedule
        )["LastMonitoringExecutionSummary"]
        under_way = summary["MonitoringExecutionStatus"] in ("Pending", "InProgress")
        return None if under_way else summary

    found: dict[str, Any] = until(ended, 40)
    return found


@pytest.fixture
def watched_jobs(cloud: RunningCloud) -> Iterator[str]:
    """The URL of a queue that every processing job's change of state reaches."""
    name = f"jobs-{uuid.uuid4().hex[:8]}"
    sqs, events = cloud.client("sqs"), cloud.client("events")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    pattern = {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Processing Job State Change"],
        "detail": {"ProcessingJobStatus": ["Completed", "Failed"]},
    }
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    arn = f"arn:aws:sqs:{REGION}:000000000000:{name}"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": arn}])
    yield url
    events.remove_targets(Rule=name, Ids=["1"])
    events.delete_rule(Name=name)


def test_drift_is_found_reported_told_and_published(
    cloud: RunningCloud, monitored: str, watched_jobs: str
) -> None:
    sagemaker, s3 = cloud.client("sagemaker"), cloud.client("s3")
    ask(cloud, monitored, rows(0.9))
    summary = run(cloud, f"{monitored}-data")
    assert summary["MonitoringExecutionStatus"] == "CompletedWithViolations"
    assert summary["EndpointName"] == monitored
    job = sagemaker.describe_processing_job(
        ProcessingJobName=summary["ProcessingJobArn"].rsplit("/", 1)[1]
    )
    assert job["ProcessingJobStatus"] == "Completed"
    assert job["ExitMessage"].startswith("CompletedWithViolations: ")
    assert job["MonitoringScheduleArn"].endswith(f":monitoring-schedule/{monitored}-data")
    uri = job["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
    day = time.strftime("%Y/%m/%d", time.gmtime())
    assert uri.startswith(f"s3://{monitored}/reports/{monitored}/{monitored}-data/{day}/")
    key = f"{uri.removeprefix(f's3://{monitored}/')}/constraint_violations.json"
    report = json.loads(s3.get_object(Bucket=monitored, Key=key)["Body"].read())
    found = {(v["feature_name"], v["constraint_check_type"]) for v in report["violations"]}
    assert ("temperature", "baseline_drift_check") in found
    assert not any(feature == "carrier" for feature, _ in found)
    listed = sagemaker.list_monitoring_executions(MonitoringScheduleName=f"{monitored}-data")
    assert listed["MonitoringExecutionSummaries"][0]["ProcessingJobArn"] == job["ProcessingJobArn"]

    messages = until(
        lambda: (
            cloud.client("sqs")
            .receive_message(QueueUrl=watched_jobs, WaitTimeSeconds=1)
            .get("Messages")
        ),
        10,
    )
    detail = json.loads(messages[0]["Body"])["detail"]
    assert detail["ProcessingJobArn"] == job["ProcessingJobArn"]
    assert detail["MonitoringScheduleArn"] == job["MonitoringScheduleArn"]
    metrics = cloud.client("cloudwatch").list_metrics(
        Namespace="aws/sagemaker/Endpoints/data-metrics",
        Dimensions=[{"Name": "MonitoringSchedule", "Value": f"{monitored}-data"}],
    )["Metrics"]
    assert "feature_baseline_drift_temperature" in {metric["MetricName"] for metric in metrics}
    logs = cloud.client("logs").filter_log_events(
        logGroupName="/aws/sagemaker/ProcessingJobs",
        logStreamNamePrefix=job["ProcessingJobName"],
    )["events"]
    assert any("300 rows" in event["message"] for event in logs)

    # The next run looks at what came since: traffic like the baseline's, and nothing is left.
    time.sleep(1.1)
    ask(cloud, monitored, rows(0.5))
    assert run(cloud, f"{monitored}-data")["MonitoringExecutionStatus"] == "Completed"
    time.sleep(1.1)
    empty = run(cloud, f"{monitored}-data")
    assert empty["MonitoringExecutionStatus"] == "Completed"
    last = sagemaker.describe_processing_job(
        ProcessingJobName=empty["ProcessingJobArn"].rsplit("/", 1)[1]
    )
    assert last["ExitMessage"].startswith("TooFewRows: ")


@pytest.fixture(scope="module")
def answered(cloud: RunningCloud, monitored: str) -> str:
    """The endpoint has answered, and the labels of each problem have become known since."""
    lines: dict[str, list[str]] = {problem.name: [] for problem in PROBLEMS}
    for number in range(120):
        answer = 0.9 if number % 2 else 0.1
        ask(cloud, monitored, f"temperature,carrier\n{answer},UA\n", InferenceId=f"id-{number}")
        for problem in PROBLEMS:
            record = {
                "groundTruthData": {
                    "data": str(problem.truth(number, answer)),
                    "encoding": "CSV",
                },
                "eventMetadata": {"eventId": f"id-{number}"},
                "eventVersion": "0",
            }
            lines[problem.name].append(json.dumps(record))
    assert run(cloud, f"{monitored}-binary")["FailureReason"] == "Job inputs had no data"
    hour = time.strftime("%Y/%m/%d/%H", time.gmtime())
    for name, labels in lines.items():
        cloud.client("s3").put_object(
            Bucket=monitored, Key=f"truth/{name}/{hour}/labels.jsonl", Body="\n".join(labels)
        )
    return monitored


@pytest.mark.parametrize(
    ("problem", "worse", "metric"),
    [
        (PROBLEMS[0], {"accuracy", "auc", "precision", "recall"}, "auc"),
        (PROBLEMS[1], {"accuracy", "weighted_recall"}, "weighted_f1"),
        (PROBLEMS[2], set(), "rmse"),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_answers_of_every_problem_are_compared_with_labels_that_arrive_late(
    cloud: RunningCloud, answered: str, problem: Problem, worse: set[str], metric: str
) -> None:
    summary = run(cloud, f"{answered}-{problem.name}")
    outcome = "CompletedWithViolations" if worse else "Completed"
    assert summary["MonitoringExecutionStatus"] == outcome, summary
    job = cloud.client("sagemaker").describe_processing_job(
        ProcessingJobName=summary["ProcessingJobArn"].rsplit("/", 1)[1]
    )
    uri = job["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
    key = f"{uri.removeprefix(f's3://{answered}/')}/constraint_violations.json"
    report = json.loads(cloud.client("s3").get_object(Bucket=answered, Key=key)["Body"].read())
    assert worse <= {violation["metric_name"] for violation in report["violations"]}
    assert bool(report["violations"]) == bool(worse)
    metrics = cloud.client("cloudwatch").list_metrics(
        Namespace="aws/sagemaker/Endpoints/model-metrics",
        Dimensions=[{"Name": "MonitoringSchedule", "Value": f"{answered}-{problem.name}"}],
    )["Metrics"]
    assert metric in {each["MetricName"] for each in metrics}


@pytest.mark.parametrize(
    ("problem", "application", "reason"),
    [
        (
            replace(PROBLEMS[2], monitor="MulticlassClassification"),
            {},
            "regression",
        ),
        (
            PROBLEMS[2],
            {"RecordPreprocessorSourceUri": "s3://b/p.py"},
            "does not take RecordPreprocessorSourceUri",
        ),
        (
            replace(PROBLEMS[2], source={"ProbabilityAttribute": "0"}),
            {},
            "nothing says where the answers of a regression problem are",
        ),
        (
            replace(PROBLEMS[1], source={"InferenceAttribute": "verdict"}),
            {},
            "inference_attribute is 'verdict'",
        ),
    ],
)
def test_what_contradicts_itself_fails_and_says_why(
    cloud: RunningCloud,
    answered: str,
    problem: Problem,
    application: Mapping[str, Any],
    reason: str,
) -> None:
    suffix = f"-{uuid.uuid4().hex[:8]}"
    name = define_model_quality(cloud, answered, problem, suffix, **application)
    summary = run(cloud, name)
    assert summary["MonitoringExecutionStatus"] == "Failed"
    assert reason in summary["FailureReason"]


def test_a_problem_that_sagemaker_does_not_know_is_refused(
    cloud: RunningCloud, monitored: str
) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        define_model_quality(cloud, monitored, replace(PROBLEMS[0], monitor="Ranking"), "-ranking")


def test_a_run_without_traffic_says_so(cloud: RunningCloud, monitored: str) -> None:
    start, end = "2020-01-01T00:00:00+00:00", "2020-01-01T01:00:00+00:00"
    path = f"monitoring/{monitored}-data/run"
    cloud.admin("POST", path, {"start": start, "end": end})

    def failed() -> Any:
        listed = cloud.client("sagemaker").list_monitoring_executions(
            MonitoringScheduleName=f"{monitored}-data", StatusEquals="Failed"
        )
        return listed["MonitoringExecutionSummaries"]

    assert until(failed, 10)[0]["FailureReason"] == "Job inputs had no data"


def test_a_schedule_that_does_not_exist_cannot_be_run(cloud: RunningCloud) -> None:
    with pytest.raises(AdminError, match="none not found"):
        cloud.admin("POST", "monitoring/none/run")


def test_a_cloud_can_refuse_new_monitors_as_aws_does(cloud: RunningCloud, monitored: str) -> None:
    cloud.admin("POST", "settings", {"monitoring_closed": True})
    try:
        with pytest.raises(ClientError, match="no longer available to new customers") as caught:
            define_data_quality(cloud, monitored)
        assert caught.value.response["Error"]["Code"] == "ValidationException"
    finally:
        cloud.admin("POST", "settings", {"monitoring_closed": False})
