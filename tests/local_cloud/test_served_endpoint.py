"""An endpoint of a running local cloud, as boto3 sees it: invoked, captured, measured, killed."""

from __future__ import annotations

import json
import os
import signal
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_cloud.sagemaker_calls import ROLE, RunningCloud, is_alive, until
from tests.local_cloud.served_models import CAPTURE, archive, container, variant

pytestmark = pytest.mark.cloud


def deploy(cloud: RunningCloud, name: str, **config: Any) -> None:
    """Bucket, model, configuration and endpoint, all of this name, in service."""
    s3, sagemaker = cloud.client("s3"), cloud.client("sagemaker")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="v1/model.tar.gz", Body=archive("v1"))
    source = {**container("v1"), "ModelDataUrl": f"s3://{name}/v1/model.tar.gz"}
    sagemaker.create_model(ModelName=name, PrimaryContainer=source, ExecutionRoleArn=ROLE)
    sagemaker.create_endpoint_config(
        EndpointConfigName=name, ProductionVariants=[variant(name)], **config
    )
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    sagemaker.get_waiter("endpoint_in_service").wait(
        EndpointName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 100}
    )


def ask(cloud: RunningCloud, name: str, body: str = "1,2", **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = cloud.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=name, Body=body.encode(), ContentType="text/csv", **more
    )
    return answer


def captured(cloud: RunningCloud, bucket: str) -> list[tuple[str, dict[str, Any]]]:
    """(key, record) of each captured line."""
    s3 = cloud.client("s3")
    listed = s3.list_objects_v2(Bucket=bucket, Prefix="capture/").get("Contents", [])
    return [
        (each["Key"], json.loads(line))
        for each in listed
        for line in s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read().splitlines()
    ]


def test_a_request_is_answered_captured_and_counted(cloud: RunningCloud) -> None:
    name = f"served-{uuid.uuid4().hex[:8]}"
    deploy(cloud, name, DataCaptureConfig={**CAPTURE, "DestinationS3Uri": f"s3://{name}/capture"})
    answer = ask(cloud, name, InferenceId="flight-1", CustomAttributes="trace=1")
    assert answer["Body"].read() == b"v1:1,2\n"
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    assert answer["CustomAttributes"] == "trace=1"
    with pytest.raises(ClientError) as caught:
        ask(cloud, name, "fail")
    error: Any = caught.value.response
    assert error["Error"]["Code"] == "ModelError"
    assert error["OriginalStatusCode"] == 500
    assert error["OriginalMessage"].startswith("expected rows")
    ((key, record),) = until(lambda: captured(cloud, name), 10)
    hour = time.strftime("%Y/%m/%d/", time.gmtime())
    assert key.startswith(f"capture/{name}/AllTraffic/{hour}")
    assert key.endswith(".jsonl")
    assert record["eventMetadata"]["inferenceId"] == "flight-1"
    statistics = until(lambda: invocations(cloud, name), 10)
    assert statistics[0]["Sum"] == 2.0
    group = f"/aws/sagemaker/Endpoints/{name}"
    events = cloud.client("logs").filter_log_events(logGroupName=group)["events"]
    assert events[0]["message"].startswith("loaded from")
    cloud.client("sagemaker").delete_endpoint(EndpointName=name)
    with pytest.raises(ClientError, match=r"ValidationError.*not found"):
        ask(cloud, name)


def invocations(cloud: RunningCloud, name: str) -> Any:
    now = time.time()
    return cloud.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName="Invocations",
        Dimensions=[
            {"Name": "EndpointName", "Value": name},
            {"Name": "VariantName", "Value": "AllTraffic"},
        ],
        StartTime=now - 300,
        EndTime=now + 60,
        Period=3600,
        Statistics=["Sum"],
    )["Datapoints"]


def test_endpoints_come_back_when_the_cloud_was_killed(
    own_cloud: Callable[[], RunningCloud],
) -> None:
    cloud = own_cloud()
    deploy(
        cloud, "served", DataCaptureConfig={**CAPTURE, "DestinationS3Uri": "s3://served/capture"}
    )
    before = models(cloud)
    ask(cloud, "served")
    cloud.admin("POST", "flush", {})  # what was captured
    cloud.admin("POST", "save", {})
    os.kill(cloud.endpoint.pid, signal.SIGKILL)
    until(lambda: not any(is_alive(pid) for pid in before), 10)
    again = own_cloud()
    assert ask(again, "served")["Body"].read() == b"v1:1,2\n"
    described = again.client("sagemaker").describe_endpoint(EndpointName="served")
    assert described["EndpointStatus"] == "InService"
    assert len(captured(again, "served")) >= 1


def test_what_is_captured_last_is_kept_when_the_cloud_goes_down(
    own_cloud: Callable[[], RunningCloud],
) -> None:
    from ratchet.local_cloud import control

    cloud = own_cloud()
    deploy(
        cloud, "served", DataCaptureConfig={**CAPTURE, "DestinationS3Uri": "s3://served/capture"}
    )
    before = models(cloud)
    assert len(before) == 1
    ask(cloud, "served")
    control.down(cloud.folder)
    assert not any(is_alive(pid) for pid in before)
    again = own_cloud()
    assert len(captured(again, "served")) == 1


def models(cloud: RunningCloud) -> list[int]:
    import psutil

    children = psutil.Process(cloud.endpoint.pid).children(recursive=True)
    return [child.pid for child in children if "model_server.py" in " ".join(child.cmdline())]
