"""Batch inference on the local cloud: records in S3, answers beside a manifest."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_cloud.openai_stub import OpenAIStub, running_stub
from tests.local_cloud.sagemaker_calls import RunningCloud, until
from tests.local_cloud.small_stacks import unique
from tests.local_cloud.test_enforcement import Role, service_may

pytestmark = pytest.mark.cloud

NOVA, QWEN = "amazon.nova-micro-v1:0", "qwen.qwen3-32b-v1:0"
HAIKU = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
ENDED = ("Completed", "Failed", "Stopped")


@pytest.fixture
def bucket(cloud: RunningCloud) -> str:
    name = unique("batch")
    cloud.client("s3").create_bucket(Bucket=name)
    return name


def objects_of(bucket: str) -> dict[str, Any]:
    return {
        "Action": ["s3:ListBucket", "s3:GetObject", "s3:PutObject"],
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
    }


def converse_input(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"text": text}]}]}


def put_records(cloud: RunningCloud, bucket: str, texts: list[str], name: str = "rows") -> None:
    lines = [
        json.dumps({"recordId": f"row-{number}", "modelInput": converse_input(text)})
        for number, text in enumerate(texts)
    ]
    body = "\n".join(lines).encode()
    cloud.client("s3").put_object(Bucket=bucket, Key=f"in/{name}.jsonl", Body=body)


def create(
    cloud: RunningCloud,
    bucket: str,
    role: Role,
    *,
    model: str = NOVA,
    kind: str = "Converse",
    **more: Any,
) -> str:
    arn: str = cloud.client("bedrock").create_model_invocation_job(
        **{"jobName": unique("batch"), **more},
        roleArn=role.arn,
        modelId=model,
        modelInvocationType=kind,
        inputDataConfig={"s3InputDataConfig": {"s3Uri": f"s3://{bucket}/in/rows.jsonl"}},
        outputDataConfig={"s3OutputDataConfig": {"s3Uri": f"s3://{bucket}/out/"}},
    )["jobArn"]
    return arn


def ended(cloud: RunningCloud, arn: str) -> dict[str, Any]:
    def job() -> dict[str, Any] | None:
        answer: dict[str, Any] = cloud.client("bedrock").get_model_invocation_job(jobIdentifier=arn)
        return answer if answer["status"] in ENDED else None

    whole: dict[str, Any] = until(job)
    return whole


def read(cloud: RunningCloud, bucket: str, arn: str, name: str) -> list[dict[str, Any]]:
    key = f"out/{arn.rpartition('/')[2]}/{name}"
    body = cloud.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return [json.loads(line) for line in body.decode().splitlines()]


def test_a_batch_answers_each_record_and_counts_them(
    cloud: RunningCloud, stub: OpenAIStub, bucket: str
) -> None:
    put_records(cloud, bucket, [f"text {number}" for number in range(100)])
    role = service_may(cloud, "bedrock", objects_of(bucket))
    arn = create(cloud, bucket, role)
    job = ended(cloud, arn)
    assert (job["status"], job.get("message")) == ("Completed", None)
    assert (job["totalRecordCount"], job["successRecordCount"], job["errorRecordCount"]) == (
        *(100, 100, 0),
    )
    rows = read(cloud, bucket, arn, "rows.jsonl.out")
    assert rows[7]["recordId"] == "row-7"
    assert rows[7]["modelInput"] == converse_input("text 7")
    assert rows[7]["modelOutput"]["output"]["message"]["content"] == [{"text": "heard text 7"}]
    assert read(cloud, bucket, arn, "manifest.json.out") == [
        {
            "totalRecordCount": 100,
            "processedRecordCount": 100,
            "successRecordCount": 100,
            "errorRecordCount": 0,
            "inputTokenCount": 200,
            "outputTokenCount": 300,
        }
    ]


def test_records_that_fail_say_why_and_the_others_are_answered(
    cloud: RunningCloud, stub: OpenAIStub, bucket: str
) -> None:
    stub.failing = lambda prompt: int(prompt.split()[1]) % 2 == 1
    stub.throttled = 5
    put_records(cloud, bucket, [f"text {number}" for number in range(100)])
    arn = create(cloud, bucket, service_may(cloud, "bedrock", objects_of(bucket)))
    job = ended(cloud, arn)
    assert (job["status"], job["successRecordCount"], job["errorRecordCount"]) == (
        *("Completed", 50, 50),
    )
    rows = read(cloud, bucket, arn, "rows.jsonl.out")
    assert "modelOutput" in rows[0]
    assert "modelOutput" not in rows[1]
    assert rows[1]["error"]["errorCode"] == 424
    assert "the model crashed" in rows[1]["error"]["errorMessage"]


def test_the_bodies_of_a_batch_may_be_the_providers_own(
    cloud: RunningCloud, stub: OpenAIStub, bucket: str
) -> None:
    record = {"modelInput": {"messages": [{"role": "user", "content": "hello"}]}}
    body = "\n".join([json.dumps(record)] * 100).encode()
    cloud.client("s3").put_object(Bucket=bucket, Key="in/rows.jsonl", Body=body)
    role = service_may(cloud, "bedrock", objects_of(bucket))
    arn = create(cloud, bucket, role, model=QWEN, kind="InvokeModel")
    assert ended(cloud, arn)["status"] == "Completed"
    rows = read(cloud, bucket, arn, "rows.jsonl.out")
    assert rows[0]["modelOutput"]["choices"][0]["message"]["content"] == "heard hello"
    assert len({row["recordId"] for row in rows}) == 100


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"recordId": "1", "modelInput": {}}', "1 records, fewer than the required minimum"),
        (b'{"recordId": "1"}', "Line 1 of s3://.*rows.jsonl is no record"),
        (b"not json", "is no record"),
        (None, "There is no .jsonl file"),
    ],
)
def test_an_input_that_is_none_fails_the_job(
    cloud: RunningCloud, stub: OpenAIStub, bucket: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        cloud.client("s3").put_object(Bucket=bucket, Key="in/rows.jsonl", Body=content)
    job = ended(cloud, create(cloud, bucket, service_may(cloud, "bedrock", objects_of(bucket))))
    assert job["status"] == "Failed"

    assert re.search(message, job["message"])
    assert stub.requests == []


def test_a_job_reads_and_writes_as_its_role(
    cloud: RunningCloud, stub: OpenAIStub, bucket: str
) -> None:
    put_records(cloud, bucket, ["text"] * 100)
    reader = service_may(cloud, "bedrock", {"Action": "s3:List*", "Resource": "*"})
    job = ended(cloud, create(cloud, bucket, reader))
    assert job["status"] == "Failed"
    assert "s3:GetObject" in job["message"]
    assert stub.requests == []
    with pytest.raises(ClientError, match="Could not assume role") as caught:
        create(cloud, bucket, service_may(cloud, "sagemaker", objects_of(bucket)))
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_through_a_profile_the_jobs_role_calls_the_models_of_all_regions(
    cloud: RunningCloud, stub: OpenAIStub, bucket: str
) -> None:
    put_records(cloud, bucket, ["text"] * 100)
    role = service_may(cloud, "bedrock", objects_of(bucket))
    job = ended(cloud, create(cloud, bucket, role, model=HAIKU))
    assert job["status"] == "Failed"
    assert "bedrock:InvokeModel" in job["message"]
    models = [
        "arn:aws:bedrock:*::foundation-model/anthropic.*",
        f"arn:aws:bedrock:us-east-1:000000000000:inference-profile/{HAIKU}",
    ]
    role.allow(objects_of(bucket), {"Action": "bedrock:InvokeModel", "Resource": models})
    assert ended(cloud, create(cloud, bucket, role, model=HAIKU))["status"] == "Completed"


def test_a_job_is_stopped_with_what_it_has(
    cloud: RunningCloud, stub: OpenAIStub, bucket: str
) -> None:
    bedrock = cloud.client("bedrock")
    stub.delay = 0.1
    put_records(cloud, bucket, ["text"] * 400)
    arn = create(cloud, bucket, service_may(cloud, "bedrock", objects_of(bucket)))
    until(lambda: len(stub.requests) > 8)
    bedrock.stop_model_invocation_job(jobIdentifier=arn)
    job = ended(cloud, arn)
    assert job["status"] == "Stopped"
    rows = read(cloud, bucket, arn, "rows.jsonl.out")
    assert 0 < len(rows) == job["processedRecordCount"] < 400
    with pytest.raises(ClientError, match="cannot be stopped any more"):
        bedrock.stop_model_invocation_job(jobIdentifier=arn)


def test_a_name_is_taken_once_and_a_token_makes_one_job(
    cloud: RunningCloud, stub: OpenAIStub, bucket: str
) -> None:
    put_records(cloud, bucket, ["text"] * 100)
    role = service_may(cloud, "bedrock", objects_of(bucket))
    place = {"jobName": unique("twice"), "clientRequestToken": unique("token")}
    arn = create(cloud, bucket, role, **place)
    assert create(cloud, bucket, role, **place) == arn
    with pytest.raises(ClientError, match="is in use"):
        create(cloud, bucket, role, jobName=place["jobName"])
    ended(cloud, arn)
    listed = cloud.client("bedrock").list_model_invocation_jobs(nameContains=place["jobName"])
    assert [job["jobArn"] for job in listed["invocationJobSummaries"]] == [arn]


def test_without_a_server_no_job_is_created(cloud: RunningCloud, bucket: str) -> None:
    role = service_may(cloud, "bedrock", objects_of(bucket))
    with pytest.raises(ClientError, match="RATCHET_BEDROCK_URL"):
        create(cloud, bucket, role)


def test_a_kill_fails_what_ran_and_keeps_what_was_accepted(
    own_cloud: Callable[[], RunningCloud],
) -> None:
    cloud = own_cloud()
    bedrock, large = cloud.client("bedrock"), "mistral.mistral-large-2402-v1:0"
    offers = bedrock.list_foundation_model_agreement_offers(modelId=large)["offers"]
    bedrock.create_foundation_model_agreement(modelId=large, offerToken=offers[0]["offerToken"])
    cloud.client("s3").create_bucket(Bucket="rows")
    put_records(cloud, "rows", ["text"] * 200)
    role = service_may(cloud, "bedrock", objects_of("rows"))
    with running_stub() as stub:
        stub.delay = 0.2
        cloud.admin("POST", "settings", {"bedrock_url": stub.url})
        arn = create(cloud, "rows", role)
        until(lambda: stub.requests)
        cloud.admin("POST", "save")
        os.kill(cloud.endpoint.pid, signal.SIGKILL)
        cloud = own_cloud()
    job = cloud.client("bedrock").get_model_invocation_job(jobIdentifier=arn)
    assert (job["status"], "Create it again" in job["message"]) == ("Failed", True)
    answer = cloud.client("bedrock").get_foundation_model_availability(modelId=large)
    assert answer["agreementAvailability"]["status"] == "AVAILABLE"
