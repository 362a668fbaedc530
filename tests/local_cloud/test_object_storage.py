"""The runner's way to the objects of a running cloud: decided as HTTP is, and as durable."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

from tests.local_cloud.sagemaker_calls import (
    ROLE,
    RunningCloud,
    definition,
    shell,
    until,
    wait_for_end,
)
from tests.local_cloud.small_stacks import ACCOUNT, queue, unique
from tests.local_cloud.test_enforcement import Role

pytestmark = pytest.mark.cloud

MEBIBYTE = 1 << 20
CONTAINER = {"Action": ["ecr:*", "logs:*", "cloudwatch:*"], "Resource": "*"}
INPUT, OUTPUT = "/opt/ml/processing/input", "/opt/ml/processing/output"


def step(script: str, *, role: str = ROLE, source: str = "", target: str = "") -> dict[str, Any]:
    """A processing step with at most one input and one output."""
    described = shell("step", script)
    arguments = {**described["Arguments"], "RoleArn": role}
    if source:
        place = {"S3Uri": source, "LocalPath": INPUT}
        arguments["ProcessingInputs"] = [{"InputName": "in", "S3Input": place}]
    if target:
        place = {"S3Uri": target, "LocalPath": OUTPUT}
        outputs = [{"OutputName": "out", "S3Output": place}]
        arguments["ProcessingOutputConfig"] = {"Outputs": outputs}
    return {**described, "Arguments": arguments}


def run(cloud: RunningCloud, described: dict[str, Any]) -> str | None:
    """Why an execution of the step failed; None if it succeeded."""
    sagemaker, name = cloud.client("sagemaker"), unique("pipeline")
    sagemaker.create_pipeline(
        PipelineName=name, RoleArn=ROLE, PipelineDefinition=definition(described)
    )
    arn = sagemaker.start_pipeline_execution(PipelineName=name)["PipelineExecutionArn"]
    wait_for_end(lambda: sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn), 60)
    steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)
    reason: str | None = steps["PipelineExecutionSteps"][0].get("FailureReason")
    return reason


@pytest.fixture
def bucket(cloud: RunningCloud) -> str:
    name = unique("data")
    cloud.client("s3").create_bucket(Bucket=name)
    return name


def job_role(cloud: RunningCloud, *statements: dict[str, Any]) -> Role:
    """A role of a job, which people may assume as well."""
    trusts = {"Service": "sagemaker.amazonaws.com", "AWS": ACCOUNT}
    return Role(cloud, trusts=trusts, statements=[CONTAINER, *statements])


def words(role: Role, request: Callable[[Any], object]) -> str:
    """What the role is answered over HTTP, by the name that its job's session has."""
    with pytest.raises(ClientError) as refused:
        request(role.client("s3"))
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    return str(refused.value).replace(f"{role.name}/test", f"{role.name}/SageMaker")


@pytest.mark.parametrize("size", [10, 17 * MEBIBYTE])
@pytest.mark.parametrize("missing", ["s3:ListBucket", "s3:GetObject"])
def test_an_input_that_the_jobs_role_may_not_read_is_refused_in_the_words_of_http(
    cloud: RunningCloud, bucket: str, missing: str, size: int
) -> None:
    cloud.client("s3").put_object(Bucket=bucket, Key="raw/a", Body=bytes(size))
    arn = f"arn:aws:s3:::{bucket}"
    statements = {
        "s3:ListBucket": {"Action": "s3:ListBucket", "Resource": arn},
        "s3:GetObject": {"Action": "s3:GetObject", "Resource": f"{arn}/raw/*"},
    }
    role = job_role(cloud, statements["s3:GetObject" if "List" in missing else "s3:ListBucket"])
    reason = run(cloud, step("true", role=role.arn, source=f"s3://{bucket}/raw/"))
    if missing == "s3:ListBucket":
        refusal = words(role, lambda s3: s3.list_objects_v2(Bucket=bucket, Prefix="raw/"))
    else:
        refusal = words(role, lambda s3: s3.get_object(Bucket=bucket, Key="raw/a"))
    assert reason == f"ClientError: {refusal}"
    role.allow(CONTAINER, *statements.values())
    assert run(cloud, step("true", role=role.arn, source=f"s3://{bucket}/raw/")) is None


@pytest.mark.parametrize("mebibytes", [0, 2, 17])
def test_an_output_that_the_jobs_role_may_not_write_is_refused_in_the_words_of_http(
    cloud: RunningCloud, bucket: str, mebibytes: int
) -> None:
    put = {"Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/mine/*"}
    role = job_role(cloud, put)
    script = f"head -c {mebibytes}M /dev/zero > {OUTPUT}/a; true"
    reason = run(cloud, step(script, role=role.arn, target=f"s3://{bucket}/theirs"))
    refusal = words(role, lambda s3: s3.put_object(Bucket=bucket, Key="theirs/a", Body=b""))
    begun = refusal.replace("PutObject operation", "CreateMultipartUpload operation")
    assert reason == f"ClientError: {begun if mebibytes > 16 else refusal}"
    assert "Contents" not in cloud.client("s3").list_objects_v2(Bucket=bucket)
    assert run(cloud, step(script, role=role.arn, target=f"s3://{bucket}/mine")) is None


def test_a_bucket_policy_and_a_key_decide_as_well(cloud: RunningCloud, bucket: str) -> None:
    s3, arn = cloud.client("s3"), f"arn:aws:s3:::{bucket}"
    key = cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
    s3.put_object(
        Bucket=bucket, Key="sealed/a", Body=b"1", ServerSideEncryption="aws:kms", SSEKMSKeyId=key
    )
    everything = {"Action": "s3:*", "Resource": [arn, f"{arn}/*"]}
    role = job_role(cloud, everything)
    reading = step("true", role=role.arn, source=f"s3://{bucket}/sealed/")
    refusal = words(role, lambda s3: s3.get_object(Bucket=bucket, Key="sealed/a"))
    assert "kms:Decrypt" in refusal
    assert run(cloud, reading) == f"ClientError: {refusal}"
    via = {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}
    decrypt = {"Action": "kms:Decrypt", "Resource": key, "Condition": via}
    role.allow(CONTAINER, everything, decrypt)
    assert run(cloud, reading) is None
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": f"{arn}/*"}
    s3.put_bucket_policy(
        Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    )
    refusal = words(role, lambda s3: s3.get_object(Bucket=bucket, Key="sealed/a"))
    assert "explicit deny" in refusal
    assert run(cloud, reading) == f"ClientError: {refusal}"


def test_each_object_of_a_step_is_among_the_roles_decisions(
    cloud: RunningCloud, bucket: str
) -> None:
    arn = f"arn:aws:s3:::{bucket}"
    role = job_role(cloud, {"Sid": "Data", "Action": "s3:*", "Resource": [arn, f"{arn}/*"]})
    for number in range(40):
        cloud.client("s3").put_object(Bucket=bucket, Key=f"in/{number}", Body=b"1")
    copying = step(
        f"cp {INPUT}/* {OUTPUT}",
        role=role.arn,
        source=f"s3://{bucket}/in/",
        target=f"s3://{bucket}/out",
    )
    assert run(cloud, copying) is None
    counts: dict[str, int] = {}
    for decision in role.decisions():
        if decision.statement == "Data":
            counts[decision.action] = counts.get(decision.action, 0) + decision.count
    assert counts["s3:GetObject"] == counts["s3:PutObject"] == 40
    assert counts["s3:ListBucket"] >= 1


def test_what_a_step_leaves_has_the_etag_and_the_event_that_an_upload_has(
    cloud: RunningCloud, bucket: str
) -> None:
    s3, events, sqs = cloud.client("s3"), cloud.client("events"), cloud.client("sqs")
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    url, queue_arn = queue(cloud, "events")
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]}}}
    events.put_rule(Name=bucket, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=bucket, Targets=[{"Id": "1", "Arn": queue_arn}])
    script = f"printf 1,2 > {OUTPUT}/small; yes | head -c 17M > {OUTPUT}/large"
    assert run(cloud, step(script, target=f"s3://{bucket}/out")) is None
    large = b"y\n" * (17 * MEBIBYTE // 2)
    parts = [large[at : at + 8 * MEBIBYTE] for at in range(0, len(large), 8 * MEBIBYTE)]
    expected = {
        "out/small": (3, md5(b"1,2").hex(), "PutObject"),
        "out/large": (len(large), f"{md5(b''.join(map(md5, parts))).hex()}-3", None),
    }
    seen: dict[str, tuple[int, str, str | None]] = {}

    def all_came() -> bool:
        for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", []):
            detail = json.loads(message["Body"])["detail"]
            stored = detail["object"]
            is_put = detail["reason"] == "PutObject"
            seen[stored["key"]] = (stored["size"], stored["etag"], "PutObject" if is_put else None)
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return len(seen) == 2

    until(all_came)
    assert seen == expected
    for key, (size, etag, _) in expected.items():
        described = s3.head_object(Bucket=bucket, Key=key)
        assert (described["ContentLength"], described["ETag"]) == (size, f'"{etag}"')
    assert s3.get_object(Bucket=bucket, Key="out/large")["Body"].read() == large
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def test_what_a_step_changes_of_its_input_is_its_own(cloud: RunningCloud, bucket: str) -> None:
    s3 = cloud.client("s3")
    for key, data in (("small", b"before"), ("large", bytes(2 * MEBIBYTE))):
        s3.put_object(Bucket=bucket, Key=f"in/{key}", Body=data)
    script = f"for file in {INPUT}/*; do echo changed | dd of=$file conv=notrunc; done"
    assert run(cloud, step(script, source=f"s3://{bucket}/in/")) is None
    assert s3.get_object(Bucket=bucket, Key="in/small")["Body"].read() == b"before"
    assert s3.get_object(Bucket=bucket, Key="in/large")["Body"].read() == bytes(2 * MEBIBYTE)


def test_transfers_of_boto3_come_back_whole(
    cloud: RunningCloud, bucket: str, tmp_path: Path
) -> None:
    s3, sent, back = cloud.client("s3"), tmp_path / "sent", tmp_path / "back"
    sent.write_bytes(os.urandom(MEBIBYTE) * 20)
    s3.upload_file(str(sent), bucket, "transfer")
    s3.download_file(bucket, "transfer", str(back))
    assert back.read_bytes() == sent.read_bytes()
    assert s3.head_object(Bucket=bucket, Key="transfer")["ETag"].endswith('-3"')
    with sent.open("rb") as file:
        etag = s3.put_object(Bucket=bucket, Key="whole", Body=file)["ETag"]
    assert etag == f'"{md5(sent.read_bytes()).hex()}"'
    assert s3.get_object(Bucket=bucket, Key="whole")["Body"].read() == sent.read_bytes()


def most_memory(cloud: RunningCloud) -> int:
    """The most that the server has ever had, in bytes."""
    status = Path(f"/proc/{cloud.endpoint.pid}/status")
    if not status.exists():
        pytest.skip("only Linux tells the most memory that a process had")
    lines = (line.split() for line in status.read_text().splitlines())
    return next(int(line[1]) * 1024 for line in lines if line[0] == "VmHWM:")


def test_the_server_holds_no_body(cloud: RunningCloud, bucket: str, tmp_path: Path) -> None:
    s3, large = cloud.client("s3"), tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(200 * MEBIBYTE)
    s3.put_object(Bucket=bucket, Key="first", Body=bytes(2 * MEBIBYTE))
    before = most_memory(cloud)
    with large.open("rb") as file:
        s3.put_object(Bucket=bucket, Key="in/large", Body=file)
    body = s3.get_object(Bucket=bucket, Key="in/large")["Body"]
    assert sum(map(len, body.iter_chunks(MEBIBYTE))) == 200 * MEBIBYTE
    assert most_memory(cloud) - before < 60 * MEBIBYTE


def test_what_a_step_left_is_there_after_a_kill(own_cloud: Callable[[], RunningCloud]) -> None:
    cloud = own_cloud()
    cloud.client("s3").create_bucket(Bucket="data")
    script = f"printf 1,2 > {OUTPUT}/small; yes | head -c 17M > {OUTPUT}/large"
    assert run(cloud, step(script, target="s3://data/out")) is None
    listed = cloud.client("s3").list_objects_v2(Bucket="data")["Contents"]
    server = psutil.Process(cloud.endpoint.pid)
    server.kill()
    server.wait(10)
    again = own_cloud().client("s3")
    described = again.list_objects_v2(Bucket="data")["Contents"]
    members = ("Key", "Size", "ETag")
    assert [[item[name] for name in members] for item in described] == [
        [item[name] for name in members] for item in listed
    ]
    large = again.get_object(Bucket="data", Key="out/large")["Body"].read()
    assert large == b"y\n" * (17 * MEBIBYTE // 2)
