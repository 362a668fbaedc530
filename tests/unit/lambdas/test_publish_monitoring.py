"""A finished analysis becomes metrics and a record."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

import aws_clients
from publish_monitoring import handler as entry
from publish_monitoring.analysis import KindError, data_of
from tests.unit.lambdas.fake_cloud import ARTIFACTS, FakeCloud
from tests.unit.lambdas.fake_serving import ENDPOINT, ServiceError, arn_of
from tests.unit.lambdas.refusals import RefuseNth

NOW = datetime(2013, 8, 2, 13, 20, tzinfo=UTC)
FOLDER = "flights-dev-monitoring/runs/1/analyze/analysis"
JOB = "arn:aws:sagemaker:us-east-1:000000000000:processing-job/model-monitoring-1"
SCHEDULE = "flights-dev-data-quality"


class MonitoredCloud(FakeCloud):
    """With one monitoring schedule of SageMaker's own, for data quality, or none."""

    monitoring: list[dict[str, Any]] | None = None

    def _ListMonitoringExecutions(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        if self.monitoring is None or given["MonitoringScheduleName"] != SCHEDULE:
            raise ServiceError("ResourceNotFound", "no such schedule")
        return {"MonitoringExecutionSummaries": self.monitoring}

    def _DescribeProcessingJob(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        assert given["ProcessingJobName"] == "model-monitoring-1"
        output = {"S3Output": {"S3Uri": f"s3://{ARTIFACTS}/{FOLDER}/"}}
        return {"ProcessingOutputConfig": {"Outputs": [output]}}


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[MonitoredCloud]:
    cloud = MonitoredCloud(now=NOW)
    environment = {
        "PROJECT": "flights",
        "ENVIRONMENT": "dev",
        "ARTIFACTS_BUCKET": ARTIFACTS,
        "ENDPOINT_NAME": ENDPOINT,
        "DATA_SCHEDULE": SCHEDULE,
        "QUALITY_SCHEDULE": "flights-dev-model-quality",
        "CHAMPION_PARAMETER": "/flights/dev/champion",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for service in ("sagemaker", "s3", "ssm", "cloudwatch"):
        client = cloud.client(service)
        monkeypatch.setattr(aws_clients, service, lambda client=client: client)
    entry._publishing.cache_clear()
    object.__setattr__(entry._publishing(), "now", lambda: NOW)
    yield cloud
    entry._publishing.cache_clear()


def datum(name: str, timestamp: str = "2013-08-02T13:00:00Z") -> dict[str, Any]:
    dimensions = [{"Name": "Endpoint", "Value": ENDPOINT}]
    return {"MetricName": name, "Timestamp": timestamp, "Dimensions": dimensions, "Value": 1.0}


def analyzed(
    cloud: FakeCloud,
    *,
    outcome: str = "CompletedWithViolations",
    violations: int = 2,
    data: list[dict[str, Any]] | None = None,
) -> None:
    report = {"violations": [{"feature_name": f"f{number}"} for number in range(violations)]}
    lines = "\n".join(json.dumps(line) for line in data or [])
    for name, text in (
        ("analysis.json", json.dumps({"outcome": outcome})),
        ("constraint_violations.json", json.dumps(report)),
        ("cloudwatch_metrics.jsonl", lines),
    ):
        cloud._store(ARTIFACTS, f"{FOLDER}/{name}", text.encode())


def step(kind: str = "data-quality") -> dict[str, str | int] | None:
    return entry.handler(
        {
            "kind": kind,
            "analysis": f"s3://{ARTIFACTS}/{FOLDER}",
            "start": "2013-08-02T12:00:00Z",
            "end": "2013-08-02T13:00:00Z",
            "endpoint": ENDPOINT,
            "schedule": SCHEDULE,
            "package_arn": arn_of(3),
            "execution": "run1",
        },
        None,
    )


def record(cloud: FakeCloud, kind: str = "data-quality") -> dict[str, Any]:
    known: dict[str, Any] = json.loads(
        cloud.buckets[ARTIFACTS][f"monitoring/{ENDPOINT}/{kind}.json"].body
    )
    return known


def test_violations_are_counted_for_the_alarm_at_the_time_of_publishing(
    cloud: MonitoredCloud,
) -> None:
    analyzed(cloud)
    assert step() == {"outcome": "CompletedWithViolations", "violations": 2}
    ((namespace, put),) = cloud.metrics
    assert (namespace, put["MetricName"], put["Value"]) == ("Ratchet", "DriftViolations", 2.0)
    assert put["Timestamp"] == NOW
    assert [d["Value"] for d in put["Dimensions"]] == ["flights", "dev"]


def test_no_violation_is_an_all_clear_for_the_alarm(cloud: MonitoredCloud) -> None:
    analyzed(cloud, outcome="Completed", violations=0)
    step()
    assert cloud.metrics[-1][1]["Value"] == 0.0


def test_too_few_rows_raise_no_alarm_and_end_none_and_wait_for_more(cloud: MonitoredCloud) -> None:
    analyzed(cloud, outcome="TooFewRows")
    assert step() == {"outcome": "TooFewRows", "violations": 0}
    assert cloud.metrics == []
    assert record(cloud)["next"] == "2013-08-02T12:00:00Z", "the next window takes them in"


def test_the_analysis_own_metrics_are_put_under_model_monitors_namespace(
    cloud: MonitoredCloud,
) -> None:
    analyzed(cloud, data=[datum(f"feature_data_f{number}") for number in range(1200)])
    step()
    names = [put["MetricName"] for ns, put in cloud.metrics if ns.endswith("/data-metrics")]
    assert len(names) == 1200
    assert cloud.count("PutMetricData") == 4, "500 at a time, and the alarm's"


@pytest.mark.parametrize("wrong", ["größe", "huge", "3"])
def test_a_metric_that_cloudwatch_refuses_holds_back_neither_the_alarms_nor_the_others(
    cloud: MonitoredCloud, wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["a", "b", wrong, "c", "d"]

    def refuse_wrong(name: str, given: Mapping[str, Any]) -> None:
        if name == "PutMetricData" and any(d["MetricName"] == wrong for d in given["MetricData"]):
            raise ServiceError("InvalidParameterValue", f"{wrong} is no value of a metric")

    cloud.before = refuse_wrong
    analyzed(cloud, data=[datum(name) for name in names])
    assert step() == {"outcome": "CompletedWithViolations", "violations": 2}
    assert cloud.metrics[0][1]["MetricName"] == "DriftViolations"
    put = [d["MetricName"] for _, d in cloud.metrics[1:]]
    assert put == ["a", "b", "c", "d"]
    assert json.dumps(wrong) in capsys.readouterr().out
    assert record(cloud)["outcome"] == "CompletedWithViolations"


def test_a_value_that_is_no_number_is_left_out_too(cloud: MonitoredCloud) -> None:
    analyzed(cloud, data=[datum("a"), {**datum("b"), "Value": "many"}, datum("c")])
    step()
    assert [d["MetricName"] for _, d in cloud.metrics] == ["DriftViolations", "a", "c"]


def test_metrics_by_feature_that_are_refused_as_a_whole_hold_back_nothing(
    cloud: MonitoredCloud,
) -> None:
    def refuse_details(name: str, given: Mapping[str, Any]) -> None:
        if name == "PutMetricData" and given["Namespace"] != "Ratchet":
            raise ServiceError("AccessDenied", status=403)

    cloud.before = refuse_details
    analyzed(cloud, data=[datum(f"f{number}") for number in range(40)])
    step()
    assert [d["MetricName"] for _, d in cloud.metrics] == ["DriftViolations"]
    assert cloud.count("PutMetricData") == 2, "each of them is not tried by itself"
    assert record(cloud)["violations"] == 2


def test_whichever_call_is_refused_once_the_step_that_is_tried_again_ends_the_same(
    cloud: MonitoredCloud,
) -> None:
    analyzed(cloud, data=[datum("a")])
    step()
    calls = len(cloud.calls)
    for number in range(1, calls + 1):
        FakeCloud.__init__(cloud, now=NOW)
        analyzed(cloud, data=[datum("a")])
        cloud.before = RefuseNth(number)
        try:
            step()
        except ClientError:
            step()
        assert ("Ratchet", "DriftViolations") in [(ns, d["MetricName"]) for ns, d in cloud.metrics]
        assert record(cloud)["violations"] == 2


def test_one_schedule_that_cannot_be_published_does_not_hold_the_other_up(
    cloud: MonitoredCloud,
) -> None:
    cloud.monitoring = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QUALITY_SCHEDULE", SCHEDULE)
        patch.setenv("DATA_SCHEDULE", "refused")

        def refuse_data(name: str, given: Mapping[str, Any]) -> None:
            if given.get("MonitoringScheduleName") == "refused":
                raise ServiceError("ThrottlingException")

        cloud.before = refuse_data
        with pytest.raises(ClientError, match="ThrottlingException"):
            entry.handler({}, None)
    assert cloud.count("ListMonitoringExecutions") == 2


def test_model_quality_has_a_namespace_and_a_metric_of_its_own(cloud: MonitoredCloud) -> None:
    analyzed(cloud, data=[datum("auc")])
    step("model-quality")
    assert [(namespace, put["MetricName"]) for namespace, put in cloud.metrics] == [
        ("Ratchet", "ModelQualityViolations"),
        ("aws/sagemaker/Endpoints/model-metrics", "auc"),
    ]
    assert record(cloud, "model-quality")["execution"] == "run1"


def test_the_record_says_what_was_analyzed(cloud: MonitoredCloud) -> None:
    analyzed(cloud)
    step()
    assert record(cloud) == {
        "start": "2013-08-02T12:00:00Z",
        "end": "2013-08-02T13:00:00Z",
        "next": "2013-08-02T13:00:00Z",
        "analysis": f"s3://{ARTIFACTS}/{FOLDER}",
        "outcome": "CompletedWithViolations",
        "violations": 2,
        "package_arn": arn_of(3),
        "execution": "run1",
    }


def test_the_record_is_written_after_the_metrics(cloud: MonitoredCloud) -> None:
    analyzed(cloud)

    def refuse(name: str, given: Any) -> None:
        if name == "PutMetricData":
            raise ServiceError("AccessDenied")

    cloud.before = refuse
    with pytest.raises(Exception, match="AccessDenied"):
        step()
    assert f"monitoring/{ENDPOINT}/data-quality.json" not in cloud.buckets[ARTIFACTS]


def test_a_step_can_be_repeated(cloud: MonitoredCloud) -> None:
    analyzed(cloud)
    assert step() == step()


def test_a_folder_without_an_analysis_fails_the_step(cloud: MonitoredCloud) -> None:
    with pytest.raises(FileNotFoundError, match="nothing was analyzed"):
        step()


def test_an_unknown_kind_is_refused(cloud: MonitoredCloud) -> None:
    with pytest.raises(KindError, match="'bias'; expected data-quality or model-quality"):
        step("bias")


def test_data_that_cloudwatch_refuses_are_left_out() -> None:
    lines = [datum("old", "2013-01-01T00:00:00Z"), datum("new"), datum("naive", "2013-08-02T13:00")]
    text = "\n".join(json.dumps(line) for line in lines).encode()
    assert [d["MetricName"] for d in data_of(text, now=NOW)] == ["new", "naive"]
    assert data_of(None, now=NOW) == []


# -- the engine model-monitor -------------------------------------------------------------------


def execution(status: str, hour: int = 13, job: str = JOB) -> dict[str, Any]:
    return {
        "MonitoringScheduleName": SCHEDULE,
        "ScheduledTime": datetime(2013, 8, 2, hour, tzinfo=UTC),
        "MonitoringExecutionStatus": status,
        "ProcessingJobArn": job,
    }


def test_a_wake_without_a_monitoring_schedule_does_nothing(cloud: MonitoredCloud) -> None:
    assert entry.handler({"source": "aws.events"}, None) is None
    assert cloud.metrics == []


def test_a_wake_publishes_the_newest_finished_execution_once(cloud: MonitoredCloud) -> None:
    cloud.monitoring = [
        execution("InProgress", 14, "arn:x/2"),
        execution("CompletedWithViolations"),
        execution("Completed", 12, "arn:x/0"),
    ]
    cloud.parameters["/flights/dev/champion"] = arn_of(3)
    analyzed(cloud)
    entry.handler({}, None)
    entry.handler({}, None)
    ((namespace, put),) = cloud.metrics
    assert (namespace, put["Value"]) == ("Ratchet", 2.0)
    known = record(cloud)
    assert (known["start"], known["end"]) == ("2013-08-02T12:00:00Z", "2013-08-02T13:00:00Z")
    assert (known["analysis"], known["execution"]) == (f"s3://{ARTIFACTS}/{FOLDER}", JOB)
    assert known["package_arn"] == arn_of(3)


def test_an_execution_that_failed_says_nothing_of_drift(cloud: MonitoredCloud) -> None:
    cloud.monitoring = [execution("Failed")]
    entry.handler({}, None)
    assert cloud.metrics == []


def test_an_execution_without_a_report_found_nothing(cloud: MonitoredCloud) -> None:
    cloud.monitoring = [execution("Completed")]
    entry.handler({}, None)
    assert cloud.metrics[0][1]["Value"] == 0.0
