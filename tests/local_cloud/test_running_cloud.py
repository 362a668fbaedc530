"""A local cloud in the background, as boto3 sees it."""

import base64
import hashlib
import json
import urllib.error
import urllib.request
import uuid
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

from ratchet.local_cloud import control
from tests.local_cloud.sagemaker_calls import (
    REGION,
    ROLE,
    RunningCloud,
    definition,
    halt,
    is_alive,
    shell,
    signed,
    until,
    wait_for_end,
)
from tests.local_cloud.small_stacks import queue

pytestmark = pytest.mark.cloud


def create(sagemaker: Any, name: str, text: str) -> None:
    sagemaker.create_pipeline(PipelineName=name, RoleArn=ROLE, PipelineDefinition=text)


def ended(sagemaker: Any, arn: str) -> dict[str, Any]:
    return wait_for_end(lambda: sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn))


def watching_queue(cloud: RunningCloud, pattern: dict[str, Any]) -> str:
    """A queue that the default bus's events of a pattern reach; its URL."""
    url, arn = queue(cloud, "events")
    name, events = f"watch-{uuid.uuid4().hex[:8]}", cloud.client("events")
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": arn}])
    return url


def next_event(cloud: RunningCloud, url: str) -> dict[str, Any]:
    sqs = cloud.client("sqs")
    messages = until(
        lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages"), 15
    )
    event: dict[str, Any] = json.loads(messages[0]["Body"])
    return event


def test_a_second_start_finds_the_first(cloud: RunningCloud) -> None:
    assert control.up(cloud.folder, region=REGION) == cloud.endpoint
    assert control.status(cloud.folder) == cloud.endpoint


def test_it_listens_on_the_loopback_address_only(cloud: RunningCloud) -> None:
    port = int(cloud.endpoint.url.rsplit(":", 1)[1])
    server = psutil.Process(cloud.endpoint.pid)
    sockets = [
        connection
        for process in (server, *server.children(recursive=True))
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert port in {one.laddr.port for one in sockets}  # and the models that earlier tests serve
    assert {one.laddr.ip for one in sockets} == {"127.0.0.1"}


def test_an_operation_that_is_not_implemented_is_named(cloud: RunningCloud) -> None:
    with pytest.raises(ClientError, match="does not implement SageMaker's ListSpaces"):
        cloud.client("sagemaker").list_spaces()


def test_a_request_that_is_no_json_is_answered_in_json(cloud: RunningCloud) -> None:
    request = signed(
        cloud, "sagemaker", data=b"{", headers={"X-Amz-Target": "SageMaker.ListPipelines"}
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=5)
    with caught.value as answer:
        assert json.loads(answer.read())["__type"] == "SerializationException"


def test_a_job_has_real_times_its_output_and_its_tags(cloud: RunningCloud) -> None:
    sagemaker, logs = cloud.client("sagemaker"), cloud.client("logs")
    create(sagemaker, "job", definition(shell("prepare", 'echo "$GREETING"; sleep 0.2')))
    arn = sagemaker.start_pipeline_execution(PipelineName="job")["PipelineExecutionArn"]
    assert ended(sagemaker, arn)["PipelineExecutionStatus"] == "Succeeded"
    step = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)[
        "PipelineExecutionSteps"
    ][0]
    job_arn = step["Metadata"]["ProcessingJob"]["Arn"]
    job = sagemaker.describe_processing_job(ProcessingJobName=job_arn.rsplit("/", 1)[1])
    assert job["ProcessingJobStatus"] == "Completed"
    assert job["Environment"] == {"GREETING": "hello"}
    assert (job["ProcessingEndTime"] - job["ProcessingStartTime"]).total_seconds() >= 0.2
    tags = {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=job_arn)["Tags"]}
    assert tags["project"] == "flights"
    assert tags["sagemaker:pipeline-execution-arn"] == arn
    events = logs.filter_log_events(
        logGroupName="/aws/sagemaker/ProcessingJobs",
        logStreamNamePrefix=job["ProcessingJobName"],
    )["events"]
    stream = job["ProcessingJobName"]  # MiniStack answers with every stream of the group
    own = [event["message"] for event in events if event["logStreamName"].startswith(stream)]
    assert own == ["hello"]


def test_a_job_that_fails_says_with_what(cloud: RunningCloud) -> None:
    sagemaker = cloud.client("sagemaker")
    create(sagemaker, "broken", definition(shell("prepare", "echo no such column >&2; exit 3")))
    arn = sagemaker.start_pipeline_execution(PipelineName="broken")["PipelineExecutionArn"]
    execution = ended(sagemaker, arn)
    assert execution["PipelineExecutionStatus"] == "Failed"
    assert "prepare" in execution["FailureReason"]
    listed = sagemaker.list_processing_jobs(StatusEquals="Failed", MaxResults=100)
    failed = listed["ProcessingJobSummaries"]
    job = next(one for one in failed if execution_id(arn) in one["ProcessingJobName"])
    described = sagemaker.describe_processing_job(ProcessingJobName=job["ProcessingJobName"])
    assert "no such column" in described["FailureReason"]


def execution_id(arn: str) -> str:
    return arn.rsplit("/", 1)[1]


def test_stopping_an_execution_ends_its_processes(cloud: RunningCloud) -> None:
    sagemaker = cloud.client("sagemaker")
    create(sagemaker, "long", definition(shell("prepare", "sleep 60 & sleep 60")))
    arn = sagemaker.start_pipeline_execution(PipelineName="long")["PipelineExecutionArn"]
    group = until(lambda: process_group(cloud, arn))
    sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)
    assert ended(sagemaker, arn)["PipelineExecutionStatus"] == "Stopped"
    assert not is_alive(group)
    step = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)[
        "PipelineExecutionSteps"
    ][0]
    assert step["StepStatus"] == "Stopped"


def process_group(cloud: RunningCloud, arn: str) -> int | None:
    steps = cloud.admin("GET", f"executions/{execution_id(arn)}")["steps"]
    return steps[0].get("ProcessGroup", {}).get("id") if steps else None


def test_the_end_of_an_execution_reaches_a_queue(cloud: RunningCloud) -> None:
    pattern = {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Model Building Pipeline Execution Status Change"],
        "detail": {"currentPipelineExecutionStatus": ["Failed"]},
    }
    url = watching_queue(cloud, pattern)
    sagemaker = cloud.client("sagemaker")
    create(sagemaker, "told", definition(halt("on purpose")))
    arn = sagemaker.start_pipeline_execution(PipelineName="told")["PipelineExecutionArn"]
    event = next_event(cloud, url)
    assert event["detail"]["pipelineExecutionArn"] == arn
    assert event["detail-type"] == pattern["detail-type"][0]  # type: ignore[index]


def test_a_test_can_lose_every_event_of_sagemaker(cloud: RunningCloud) -> None:
    url = watching_queue(cloud, {"source": ["aws.sagemaker"]})
    sagemaker, sqs = cloud.client("sagemaker"), cloud.client("sqs")
    create(sagemaker, "silent", definition(halt("on purpose")))
    assert cloud.admin("POST", "events", {"drop": True})["drop"] is True
    try:
        arn = sagemaker.start_pipeline_execution(PipelineName="silent")["PipelineExecutionArn"]
        ended(sagemaker, arn)
        assert "Messages" not in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1)
    finally:
        cloud.admin("POST", "events", {"drop": False})


def test_an_object_that_lands_is_told_with_its_key_as_it_is(cloud: RunningCloud) -> None:
    bucket = f"landing-{uuid.uuid4().hex[:8]}"
    url = watching_queue(cloud, {"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]}}})
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    s3.put_object(Bucket=bucket, Key="raw/2013 01/a+b é.csv", Body=b"1,2")
    event = next_event(cloud, url)
    assert event["detail-type"] == "Object Created"
    assert event["detail"]["object"]["key"] == "raw/2013 01/a+b é.csv"
    assert event["detail"]["object"]["size"] == 3


def test_a_message_can_be_delayed_by_itself(cloud: RunningCloud) -> None:
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName=f"delay-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="later", DelaySeconds=2)
    assert "Messages" not in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1)
    assert sqs.receive_message(QueueUrl=url, WaitTimeSeconds=3)["Messages"][0]["Body"] == "later"


def test_objects_have_checksums_pages_and_conditions(cloud: RunningCloud) -> None:
    s3, bucket = cloud.client("s3"), f"objects-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    for number in range(3):
        s3.put_object(Bucket=bucket, Key=f"raw/{number}", Body=b"x", ChecksumAlgorithm="SHA256")
    head = s3.head_object(Bucket=bucket, Key="raw/0", ChecksumMode="ENABLED")
    digest = hashlib.sha256(b"x").digest()
    assert head["ChecksumSHA256"] == base64.b64encode(digest).decode()
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, PaginationConfig={"PageSize": 2}
    )
    assert [len(page["Contents"]) for page in pages] == [2, 1]
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket=bucket, Key="raw/0", Body=b"y", IfNoneMatch="*")


def test_a_definition_is_read_from_s3_at_its_version(cloud: RunningCloud) -> None:
    s3, bucket = cloud.client("s3"), f"code-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    old, new = definition(halt("old")), definition(halt("new"))
    versions = [
        s3.put_object(Bucket=bucket, Key="p.json", Body=text.encode())["VersionId"]
        for text in (old, new)
    ]
    sagemaker = cloud.client("sagemaker")
    location = {"Bucket": bucket, "ObjectKey": "p.json"}
    sagemaker.create_pipeline(
        PipelineName=bucket,
        RoleArn=ROLE,
        PipelineDefinitionS3Location={**location, "VersionId": versions[0]},
    )
    assert sagemaker.describe_pipeline(PipelineName=bucket)["PipelineDefinition"] == old
    sagemaker.update_pipeline(PipelineName=bucket, PipelineDefinitionS3Location=location)
    assert sagemaker.describe_pipeline(PipelineName=bucket)["PipelineDefinition"] == new


def test_a_write_that_names_kms_and_no_key_takes_s3s_own(cloud: RunningCloud) -> None:
    s3, bucket = cloud.client("s3"), f"kms-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    answer = s3.put_object(Bucket=bucket, Key="a", Body=b"x", ServerSideEncryption="aws:kms")
    assert answer["SSEKMSKeyId"].endswith("alias/aws/s3")


def test_its_files_are_in_its_folder(cloud: RunningCloud) -> None:
    assert (cloud.folder / "services" / "state.sqlite3").is_file()
    assert control.log_file(cloud.folder).is_file()
    assert (cloud.folder / "sagemaker.sqlite3").is_file()


def test_a_callback_step_waits_for_its_answer_by_way_of_a_queue(cloud: RunningCloud) -> None:
    reviews, _ = queue(cloud)
    sagemaker = cloud.client("sagemaker")
    review = {
        "Name": "review",
        "Type": "Callback",
        "SqsQueueUrl": reviews,
        "Arguments": {"model": "s3://models/1"},
        "OutputParameters": [{"OutputName": "verdict", "OutputType": "String"}],
    }
    verdict = {"Get": "Steps.review.OutputParameters['verdict']"}
    sagemaker.create_pipeline(
        PipelineName="reviewed",
        RoleArn=ROLE,
        PipelineDefinition=definition(review, halt(verdict)),  # type: ignore[arg-type]
    )
    arn = sagemaker.start_pipeline_execution(PipelineName="reviewed")["PipelineExecutionArn"]
    sqs = cloud.client("sqs")
    (message,) = until(lambda: sqs.receive_message(QueueUrl=reviews).get("Messages"))
    asked = json.loads(message["Body"])
    assert asked["arguments"] == {"model": "s3://models/1"}
    outputs = [{"Name": "other", "Value": "x"}]
    with pytest.raises(ClientError, match="has the output parameters verdict; given are other"):
        sagemaker.send_pipeline_execution_step_success(
            CallbackToken=asked["token"], OutputParameters=outputs
        )
    outputs = [{"Name": "verdict", "Value": "looks odd"}]
    for _ in range(2):  # the same request again is the same answer
        sagemaker.send_pipeline_execution_step_success(
            CallbackToken=asked["token"], OutputParameters=outputs, ClientRequestToken="c" * 32
        )
    execution = wait_for_end(
        lambda: sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
    )
    assert "looks odd" in execution["FailureReason"]
    steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)
    metadata = steps["PipelineExecutionSteps"][-1]["Metadata"]["Callback"]
    assert metadata["OutputParameters"] == outputs


def test_a_step_that_cannot_run_here_is_named_and_takes_a_stand_in(cloud: RunningCloud) -> None:
    sagemaker = cloud.client("sagemaker")
    config = {"HadoopJarStep": {"Jar": "command-runner.jar", "Args": ["count"]}}
    count = {
        "Name": "count",
        "Type": "EMR",
        "Arguments": {"ClusterId": "j-1", "StepConfig": config},
    }
    told = {"Get": "Steps.count.Status.State"}
    text = definition(count, {**halt(), "Arguments": {"ErrorMessage": told}})
    create(sagemaker, "counted", text)
    with pytest.raises(
        ClientError, match="it needs an EMR cluster; or give its result: --stand-in count="
    ):
        sagemaker.start_pipeline_execution(PipelineName="counted")
    token = uuid.uuid4().hex
    stand_ins = {"count": {"Status": {"State": "COMPLETED"}}}
    cloud.admin("POST", "stand-ins", {"token": token, "stand_ins": stand_ins})
    arn = sagemaker.start_pipeline_execution(PipelineName="counted", ClientRequestToken=token)[
        "PipelineExecutionArn"
    ]
    assert "COMPLETED" in ended(sagemaker, arn)["FailureReason"]
    steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)
    stood_in = steps["PipelineExecutionSteps"][-1]
    assert "stand-in" in stood_in["StepDescription"]
    with pytest.raises(ClientError, match="cannot run here"):
        sagemaker.start_pipeline_execution(PipelineName="counted")
