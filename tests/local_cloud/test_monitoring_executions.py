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
from collections.abc import Iterator
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
    data = analyzed(folder / "data", rows(0.5))
    labelled = "label,probability\n" + "".join(f"{n % 2},{n % 2}\n" for n in range(200))
    quality = analyzed(
        folder / "quality",
        labelled,
        *("--analysis-type", "MODEL_QUALITY", "--probability-attribute", "probability"),
    )
    for place, made in (("baseline", data), ("quality", quality)):
        for file in made.glob("*.json"):
            s3.put_object(Bucket=name, Key=f"{place}/{file.name}", Body=file.read_bytes())
    define(cloud, name)
    sagemaker.get_waiter("endpoint_in_service").wait(
        EndpointName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 100}
    )
    return name


def define(cloud: RunningCloud, name: str) -> None:
    sagemaker = cloud.client("sagemaker")
    endpoint = {"EndpointName": name, "LocalPath": "/opt/ml/processing/input/endpoint"}
    output = {"S3Uri": f"s3://{name}/reports", "LocalPath": "/opt/ml/processing/output"}
    cluster = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
    environment = {"publish_cloudwatch_metrics": "Enabled"}
    constraints = {"S3Uri": f"s3://{name}/baseline/constraints.json"}
    statistics = {"S3Uri": f"s3://{name}/baseline/statistics.json"}
    common = {"JobResources": {"ClusterConfig": cluster}, "RoleArn": ROLE}
    sagemaker.create_data_quality_job_definition(
        JobDefinitionName=f"{name}-data",
        DataQualityAppSpecification={"ImageUri": IMAGE, "Environment": environment},
        DataQualityBaselineConfig={
            "ConstraintsResource": constraints,
            "StatisticsResource": statistics,
        },
        DataQualityJobInput={"EndpointInput": endpoint},
        DataQualityJobOutputConfig={"MonitoringOutputs": [{"S3Output": output}]},
        **common,
    )
    sagemaker.create_model_quality_job_definition(
        JobDefinitionName=f"{name}-model",
        ModelQualityAppSpecification={
            "ImageUri": IMAGE,
            "ProblemType": "BinaryClassification",
            "Environment": {"publish_cloudwatch_metrics": "Enabled"},
        },
        ModelQualityBaselineConfig={
            "ConstraintsResource": {"S3Uri": f"s3://{name}/quality/constraints.json"}
        },
        ModelQualityJobInput={
            "EndpointInput": {**endpoint, "ProbabilityAttribute": "0"},
            "GroundTruthS3Input": {"S3Uri": f"s3://{name}/truth"},
        },
        ModelQualityJobOutputConfig={"MonitoringOutputs": [{"S3Output": output}]},
        **common,
    )
    for kind in ("Data", "Model"):
        sagemaker.create_monitoring_schedule(
            MonitoringScheduleName=f"{name}-{kind.lower()}",
            MonitoringScheduleConfig={
                "ScheduleConfig": {"ScheduleExpression": "cron(0 * ? * * *)"},
                "MonitoringJobDefinitionName": f"{name}-{kind.lower()}",
                "MonitoringType": f"{kind}Quality",
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


def test_labels_are_merged_with_answers_by_their_inference_id(
    cloud: RunningCloud, monitored: str
) -> None:
    s3 = cloud.client("s3")
    lines = []
    for number in range(120):
        score = 0.9 if number % 2 else 0.1
        wrong = number % 3 == 0
        label = (number % 2) != wrong
        ask(cloud, monitored, f"temperature,carrier\n{score},UA\n", InferenceId=f"id-{number}")
        record = {
            "groundTruthData": {"data": str(int(label)), "encoding": "CSV"},
            "eventMetadata": {"eventId": f"id-{number}"},
            "eventVersion": "0",
        }
        lines.append(json.dumps(record))
    hour = time.strftime("%Y/%m/%d/%H", time.gmtime())
    body = "\n".join(lines).encode()
    s3.put_object(Bucket=monitored, Key=f"truth/{hour}/labels.jsonl", Body=body)
    summary = run(cloud, f"{monitored}-model")
    assert summary["MonitoringExecutionStatus"] == "CompletedWithViolations", summary
    metrics = cloud.client("cloudwatch").list_metrics(
        Namespace="aws/sagemaker/Endpoints/model-metrics",
        Dimensions=[{"Name": "MonitoringSchedule", "Value": f"{monitored}-model"}],
    )["Metrics"]
    assert "auc" in {metric["MetricName"] for metric in metrics}


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
            define(cloud, monitored)
        assert caught.value.response["Error"]["Code"] == "ValidationException"
    finally:
        cloud.admin("POST", "settings", {"monitoring_closed": False})
