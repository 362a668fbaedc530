"""Models, endpoints, and Model Monitor's definitions and schedules, as records."""

from datetime import datetime
from typing import Any

import pytest

from ratchet.local_cloud.sagemaker.errors import ApiError
from ratchet.local_cloud.sagemaker.monitors.windows import TrafficWindow
from tests.local_cloud.sagemaker_calls import IMAGE, ROLE, Caller
from tests.local_cloud.served_models import archive, container, settled

pytestmark = pytest.mark.jobs

VARIANT = {
    "VariantName": "main",
    "ModelName": "m1",
    "InitialInstanceCount": 1,
    "InstanceType": "ml.m5.large",
    "InitialVariantWeight": 1.0,
}
CAPTURE = {
    "EnableCapture": True,
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": "s3://capture/",
    "CaptureOptions": [{"CaptureMode": "Input"}],
}
DEFINITION = {
    "DataQualityAppSpecification": {"ImageUri": IMAGE},
    "DataQualityJobInput": {
        "EndpointInput": {"EndpointName": "e1", "LocalPath": "/opt/ml/processing/input"}
    },
    "DataQualityJobOutputConfig": {
        "MonitoringOutputs": [
            {"S3Output": {"S3Uri": "s3://drift/", "LocalPath": "/opt/ml/processing/output"}}
        ]
    },
    "JobResources": {
        "ClusterConfig": {
            "InstanceCount": 1,
            "InstanceType": "ml.m5.large",
            "VolumeSizeInGB": 1,
        }
    },
    "RoleArn": ROLE,
}


@pytest.fixture
def endpoint(call: Caller) -> str:
    call.cloud.objects["bucket/m1/model.tar.gz"] = archive("m1")
    call("CreateModel", ModelName="m1", PrimaryContainer=container("m1"), ExecutionRoleArn=ROLE)
    call(
        "CreateEndpointConfig",
        EndpointConfigName="c1",
        ProductionVariants=[VARIANT],
        DataCaptureConfig=CAPTURE,
    )
    arn: str = call("CreateEndpoint", EndpointName="e1", EndpointConfigName="c1")["EndpointArn"]
    settled(call, "e1")
    return arn


def schedule_config(**more: Any) -> dict[str, Any]:
    return {
        "MonitoringJobDefinitionName": "d1",
        "MonitoringType": "DataQuality",
        "ScheduleConfig": {"ScheduleExpression": "cron(0 * ? * * *)"},
        **more,
    }


def test_an_endpoint_shows_what_its_configuration_runs(call: Caller, endpoint: str) -> None:
    described = call("DescribeEndpoint", EndpointName="e1")
    assert described["EndpointStatus"] == "InService"
    assert described["ProductionVariants"][0]["CurrentInstanceCount"] == 1
    assert described["DataCaptureConfig"]["CaptureStatus"] == "Started"
    listed = call("ListEndpoints", StatusEquals="InService")["Endpoints"]
    assert [summary["EndpointArn"] for summary in listed] == [endpoint]


def test_an_update_changes_the_configuration_in_place(call: Caller, endpoint: str) -> None:
    call("CreateEndpointConfig", EndpointConfigName="c2", ProductionVariants=[VARIANT])
    call("UpdateEndpoint", EndpointName="e1", EndpointConfigName="c2")
    described = settled(call, "e1")
    assert described["EndpointConfigName"] == "c2"
    assert "DataCaptureConfig" not in described
    assert described["EndpointArn"] == endpoint


@pytest.mark.parametrize(
    ("operation", "request_", "message"),
    [
        ("DescribeModel", {"ModelName": "none"}, 'Could not find model "arn:aws:sagemaker:'),
        (
            "CreateEndpoint",
            {"EndpointName": "e2", "EndpointConfigName": "none"},
            "Could not find endpoint configuration",
        ),
        (
            "CreateEndpoint",
            {"EndpointName": "e1", "EndpointConfigName": "c1"},
            "Cannot create already existing endpoint",
        ),
        (
            "CreateEndpointConfig",
            {"EndpointConfigName": "c2", "ProductionVariants": [{**VARIANT, "ModelName": "no"}]},
            "Could not find model",
        ),
        ("DeleteEndpoint", {"EndpointName": "none"}, "Could not find endpoint"),
    ],
)
def test_references_are_checked(
    call: Caller, endpoint: str, operation: str, request_: dict[str, Any], message: str
) -> None:
    with pytest.raises(ApiError, match=message) as caught:
        call(operation, **request_)
    assert caught.value.code == "ValidationException"


def test_only_an_approved_version_becomes_a_model(call: Caller) -> None:
    call("CreateModelPackageGroup", ModelPackageGroupName="flights")
    arn = call(
        "CreateModelPackage",
        ModelPackageGroupName="flights",
        InferenceSpecification={"Containers": [{"Image": IMAGE}]},
    )["ModelPackageArn"]
    request = {
        "ModelName": "m",
        "PrimaryContainer": {"ModelPackageName": arn},
        "ExecutionRoleArn": ROLE,
    }
    with pytest.raises(ApiError, match="is PendingManualApproval: only an Approved version"):
        call("CreateModel", **request)
    call("UpdateModelPackage", ModelPackageArn=arn, ModelApprovalStatus="Approved")
    assert call("CreateModel", **request)["ModelArn"].endswith(":model/m")


def test_a_schedule_knows_the_endpoint_of_its_definition(call: Caller, endpoint: str) -> None:
    call("CreateDataQualityJobDefinition", JobDefinitionName="d1", **DEFINITION)
    call(
        "CreateMonitoringSchedule",
        MonitoringScheduleName="s1",
        MonitoringScheduleConfig=schedule_config(),
    )
    described = call("DescribeMonitoringSchedule", MonitoringScheduleName="s1")
    assert described["EndpointName"] == "e1"
    assert described["MonitoringScheduleStatus"] == "Scheduled"
    call("StopMonitoringSchedule", MonitoringScheduleName="s1")
    listed = call("ListMonitoringSchedules", EndpointName="e1", StatusEquals="Stopped")
    assert len(listed["MonitoringScheduleSummaries"]) == 1
    assert call("ListMonitoringExecutions")["MonitoringExecutionSummaries"] == []
    definitions = call("ListDataQualityJobDefinitions", EndpointName="e1")
    assert len(definitions["JobDefinitionSummaries"]) == 1


def test_a_schedule_of_no_definition_is_refused(call: Caller) -> None:
    with pytest.raises(ApiError, match="Job definition d1 of type DataQuality not found") as e:
        call(
            "CreateMonitoringSchedule",
            MonitoringScheduleName="s1",
            MonitoringScheduleConfig=schedule_config(),
        )
    assert e.value.code == "ResourceNotFound"


def test_names_of_definitions_are_taken_once(call: Caller, endpoint: str) -> None:
    call("CreateDataQualityJobDefinition", JobDefinitionName="d1", **DEFINITION)
    with pytest.raises(ApiError, match="d1 already exists") as caught:
        call("CreateDataQualityJobDefinition", JobDefinitionName="d1", **DEFINITION)
    assert caught.value.code == "ResourceInUse"


def test_a_schedule_runs_once_for_each_hour_that_is_due(
    call: Caller, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[tuple[str, str]] = []
    monitors, api = call.sagemaker.monitors, call.sagemaker.api

    def record(scope: object, schedule: object, window: TrafficWindow) -> str:
        ran.append((f"{window.start:%H:%M}", f"{window.end:%H:%M}"))
        return "job"

    monkeypatch.setattr(monitors, "_run", record)

    def at(clock: str) -> None:
        moment = datetime.fromisoformat(f"2026-03-05T{clock}:00+00:00").timestamp()
        monkeypatch.setattr(api, "now", lambda: moment)
        monitors.run_due()

    at("09:20")
    call("CreateDataQualityJobDefinition", JobDefinitionName="d1", **DEFINITION)
    call(
        "CreateMonitoringSchedule",
        MonitoringScheduleName="s1",
        MonitoringScheduleConfig=schedule_config(),
    )
    at("09:50")
    assert ran == []
    at("10:01")
    at("10:02")
    assert ran == [("09:00", "10:00")]
    at("13:30")  # the cloud was down: the last hour is made up for, no more
    assert ran[1:] == [("12:00", "13:00")]
    call("StopMonitoringSchedule", MonitoringScheduleName="s1")
    at("14:01")
    assert len(ran) == 2


def test_an_endpoint_that_captures_nothing_cannot_be_monitored(call: Caller) -> None:
    call.cloud.objects["bucket/m1/model.tar.gz"] = archive("m1")
    call("CreateModel", ModelName="m1", PrimaryContainer=container("m1"), ExecutionRoleArn=ROLE)
    call("CreateEndpointConfig", EndpointConfigName="c1", ProductionVariants=[VARIANT])
    call("CreateEndpoint", EndpointName="e1", EndpointConfigName="c1")
    with pytest.raises(ApiError, match='"e1" does not capture data'):
        call("CreateDataQualityJobDefinition", JobDefinitionName="d1", **DEFINITION)
