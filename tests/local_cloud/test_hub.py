"""The JumpStart hub: documents in the form of AWS's, and stand-ins that really serve."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ratchet.local_cloud.sagemaker.errors import ApiError
from tests.local_cloud.openai_stub import OpenAIStub
from tests.local_cloud.sagemaker_calls import ROLE, Caller, RunningCloud, until
from tests.local_cloud.small_stacks import unique
from tests.local_cloud.test_enforcement import person_may, service_may

HUB = "SageMakerPublicHub"
WORDS, GENERATOR = "stand-in-text-classification", "stand-in-text-generation"
GATED = "stand-in-text-generation-gated"
HUB_ARN = f"arn:aws:sagemaker:us-east-1:aws:hub/{HUB}"


def document_of(describe: Any, name: str) -> dict[str, Any]:
    content = describe(HubName=HUB, HubContentType="Model", HubContentName=name)
    document: dict[str, Any] = json.loads(content["HubContentDocument"])
    return document


def container_of(document: Mapping[str, Any], **access: Any) -> dict[str, Any]:
    """What CreateModel takes, out of a hub document."""
    return {
        "Image": document["HostingEcrUri"],
        "Environment": {
            variable["Name"]: str(variable["Default"])
            for variable in document["InferenceEnvironmentVariables"]
        },
        "ModelDataSource": {
            "S3DataSource": {
                "S3Uri": document["HostingArtifactUri"],
                "S3DataType": document["HostingArtifactS3DataType"],
                "CompressionType": document["HostingArtifactCompressionType"],
                **access,
            }
        },
    }


def describer(call: Caller) -> Any:
    return lambda **request: call("DescribeHubContent", **request)


def test_the_hub_lists_its_models_in_pages(call: Caller) -> None:
    first = call("ListHubContents", HubName=HUB, HubContentType="Model", MaxResults=2)
    names = [model["HubContentName"] for model in first["HubContentSummaries"]]
    assert names == [WORDS, GENERATOR]
    place = {"HubName": HUB, "HubContentType": "Model", "NextToken": first["NextToken"]}
    second = call("ListHubContents", **place)
    assert [model["HubContentName"] for model in second["HubContentSummaries"]] == [GATED]
    assert "NextToken" not in second
    found = call(
        "ListHubContents", HubName=HUB_ARN, HubContentType="Model", NameContains="classification"
    )
    assert [model["HubContentName"] for model in found["HubContentSummaries"]] == [WORDS]
    assert (
        "@task:text-classification" in found["HubContentSummaries"][0]["HubContentSearchKeywords"]
    )
    assert call("ListHubContents", HubName=HUB, HubContentType="Notebook") == {
        "HubContentSummaries": []
    }


def test_a_document_has_what_a_model_is_made_of(call: Caller) -> None:
    content = call("DescribeHubContent", HubName=HUB, HubContentType="Model", HubContentName=GATED)
    assert content["DocumentSchemaVersion"] == "2.3.0"
    assert content["HubContentArn"] == (
        f"arn:aws:sagemaker:us-east-1:aws:hub-content/{HUB}/Model/{GATED}/1.1.0"
    )
    document = json.loads(content["HubContentDocument"])
    assert document["GatedBucket"] is True
    assert document["HostingEulaUri"].startswith("s3://jumpstart-cache-prod-us-east-1/")
    assert document["HostingArtifactUri"].startswith("s3://jumpstart-private-cache-prod-us-east-1/")
    assert document["DefaultInferenceInstanceType"] in document["SupportedInferenceInstanceTypes"]
    open_document = document_of(describer(call), GENERATOR)
    assert open_document["GatedBucket"] is False
    assert "HostingEulaUri" not in open_document


@pytest.mark.parametrize(
    "changes",
    [{"HubName": "mine"}, {"HubContentName": "gpt"}, {"HubContentVersion": "9.9.9"}],
)
def test_what_the_hub_does_not_have_is_not_found(call: Caller, changes: dict[str, str]) -> None:
    request = {"HubName": HUB, "HubContentType": "Model", "HubContentName": WORDS, **changes}
    with pytest.raises(ApiError, match="ResourceNotFound"):
        call("DescribeHubContent", **request)


@pytest.mark.parametrize("access", [{}, {"ModelAccessConfig": {"AcceptEula": False}}])
def test_a_gated_model_needs_its_licence_accepted(call: Caller, access: dict[str, Any]) -> None:
    document = document_of(describer(call), GATED)
    with pytest.raises(ApiError, match="AcceptEula value must be explicitly defined as True"):
        create_model(call, "gated", container_of(document, **access))
    create_model(call, "gated", container_of(document, ModelAccessConfig={"AcceptEula": True}))


def test_a_model_of_jumpstart_without_a_stand_in_is_refused(call: Caller) -> None:
    container = container_of(document_of(describer(call), WORDS))
    source = container["ModelDataSource"]["S3DataSource"]
    source["S3Uri"] = "s3://jumpstart-cache-prod-us-east-1/meta-textgeneration/llama/"
    with pytest.raises(ApiError, match="has no stand-in for s3://jumpstart"):
        create_model(call, "llama", container)


def create_model(call: Caller, name: str, container: Mapping[str, Any]) -> None:
    call("CreateModel", ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)


def test_files_below_a_prefix_are_a_model_as_an_archive_is(call: Caller) -> None:
    """ModelDataSource with S3Prefix and no compression, in a bucket of one's own."""
    script = b"def model_fn(d):\n    return open(d + '/a/answer.txt').read()\n"
    script += b"def transform_fn(model, data, kind, accept):\n    return model + data, 'text/csv'\n"
    call.cloud.objects["own/model/code/inference.py"] = script
    call.cloud.objects["own/model/a/answer.txt"] = b"yes:"
    container = container_of(document_of(describer(call), WORDS))
    container["ModelDataSource"]["S3DataSource"]["S3Uri"] = "s3://own/model"
    create_model(call, "own", container)
    call.cloud.objects["own/in/rows.csv"] = b"1\n"
    job = transform(call, "own", "s3://own/in/", "text/csv")
    assert job["TransformJobStatus"] == "Completed", job
    assert call.cloud.objects["own/out/rows.csv.out"] == b"yes:1\n"


def transform(call: Caller, model: str, uri: str, content_type: str) -> dict[str, Any]:
    name = unique("transform")
    call("CreateTransformJob", TransformJobName=name, ModelName=model, **data(uri, content_type))
    return until(lambda: ended(call("DescribeTransformJob", TransformJobName=name)))  # type: ignore[no-any-return]


def ended(job: dict[str, Any]) -> dict[str, Any] | None:
    return job if job["TransformJobStatus"] in ("Completed", "Failed", "Stopped") else None


def data(uri: str, content_type: str) -> dict[str, Any]:
    bucket = uri.split("/")[2]
    return {
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}},
            "ContentType": content_type,
            "SplitType": "Line",
        },
        "TransformOutput": {"S3OutputPath": f"s3://{bucket}/out/", "AssembleWith": "Line"},
        "BatchStrategy": "SingleRecord",
        "TransformResources": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1},
    }


def test_a_transform_job_says_why_it_failed_and_is_named_once(call: Caller) -> None:
    create_model(call, "words", container_of(document_of(describer(call), WORDS)))
    call.cloud.objects["own/in/rows.jsonl"] = b"no json\n"
    job = transform(call, "words", "s3://own/in/", "application/json")
    assert job["TransformJobStatus"] == "Failed"
    assert "the model answered 500" in job["FailureReason"]
    name, request = job["TransformJobName"], data("s3://own/in/", "text/csv")
    with pytest.raises(ApiError, match="Job name must be unique"):
        call("CreateTransformJob", TransformJobName=name, ModelName="words", **request)
    with pytest.raises(ApiError, match="is in status Failed"):
        call("StopTransformJob", TransformJobName=name)
    with pytest.raises(ApiError, match="Could not find model"):
        call("CreateTransformJob", TransformJobName="other", ModelName="none", **request)
    told = [event["detail"]["TransformJobStatus"] for event in call.cloud.events]
    assert told == ["Failed"]


SLOW = b"""
import time
model_fn = lambda folder: 1
def transform_fn(model, data, kind, accept):
    time.sleep(20)
"""


@pytest.fixture
def slow_job(call: Caller) -> str:
    """A transform job whose model has been asked."""
    call.cloud.objects["own/slow/code/inference.py"] = SLOW
    call.cloud.objects["own/in/rows.csv"] = b"1\n"
    container = container_of(document_of(describer(call), WORDS))
    container["ModelDataSource"]["S3DataSource"]["S3Uri"] = "s3://own/slow"
    create_model(call, "slow", container)
    request = data("s3://own/in/", "text/csv")
    call("CreateTransformJob", TransformJobName="slow", ModelName="slow", **request)
    until(lambda: "TransformStartTime" in call("DescribeTransformJob", TransformJobName="slow"))
    return "slow"


def test_a_transform_job_is_stopped(call: Caller, slow_job: str) -> None:
    call("StopTransformJob", TransformJobName=slow_job)
    job = until(lambda: ended(call("DescribeTransformJob", TransformJobName=slow_job)))
    assert job["TransformJobStatus"] == "Stopped"


def test_a_transform_job_fails_when_the_cloud_goes_down(call: Caller, slow_job: str) -> None:
    call.sagemaker.transforms.close()
    job = call("DescribeTransformJob", TransformJobName=slow_job)
    assert job["TransformJobStatus"] == "Failed"
    assert "was shut down" in job["FailureReason"]


@pytest.mark.cloud
class TestServed:
    """A stand-in of the hub on a running cloud, as boto3 sees it."""

    @pytest.fixture
    def bucket(self, cloud: RunningCloud) -> str:
        name = unique("hub")
        cloud.client("s3").create_bucket(Bucket=name)
        return name

    @pytest.fixture
    def role(self, cloud: RunningCloud) -> str:
        return service_may(cloud, "sagemaker", {"Action": "*", "Resource": "*"}).arn

    @pytest.fixture
    def model(self, cloud: RunningCloud, role: str) -> Iterator[str]:
        name = self.create(cloud, role, WORDS)
        yield name
        cloud.client("sagemaker").delete_model(ModelName=name)

    @staticmethod
    def create(cloud: RunningCloud, role: str, content: str) -> str:
        sagemaker, name = cloud.client("sagemaker"), unique("hub")
        document = document_of(sagemaker.describe_hub_content, content)
        container = container_of(document, ModelAccessConfig={"AcceptEula": True})
        sagemaker.create_model(
            ModelName=name,
            PrimaryContainer=container,
            ExecutionRoleArn=role,
            EnableNetworkIsolation=document["InferenceEnableNetworkIsolation"],
        )
        return name

    def test_batch_transform_answers_each_line_by_the_rule(
        self, cloud: RunningCloud, bucket: str, model: str
    ) -> None:
        texts = ["the box was broken", "all well", "it was returned"]
        body = "".join(f"{json.dumps({'inputs': text})}\n" for text in texts)
        cloud.client("s3").put_object(Bucket=bucket, Key="in/rows.jsonl", Body=body.encode())
        sagemaker = cloud.client("sagemaker")
        request = data(f"s3://{bucket}/in/", "application/json")
        arn = sagemaker.create_transform_job(
            TransformJobName=model, ModelName=model, **request, Tags=[{"Key": "a", "Value": "b"}]
        )["TransformJobArn"]
        job = until(lambda: ended(sagemaker.describe_transform_job(TransformJobName=model)))
        assert job["TransformJobStatus"] == "Completed", job
        assert job["TransformEndTime"] >= job["TransformStartTime"]
        output = cloud.client("s3").get_object(Bucket=bucket, Key="out/rows.jsonl.out")
        lines = output["Body"].read().decode().splitlines()
        labels = [json.loads(line)[0]["label"] for line in lines]
        assert labels == ["LABEL_1", "LABEL_0", "LABEL_1"]
        assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "b"}]

    def test_an_endpoint_serves_and_is_deleted(
        self, cloud: RunningCloud, role: str, stub: OpenAIStub
    ) -> None:
        sagemaker = cloud.client("sagemaker")
        name = self.create(cloud, role, GATED)
        variant = {
            "VariantName": "all",
            "ModelName": name,
            "InstanceType": "ml.g5.2xlarge",
            "InitialInstanceCount": 1,
        }
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)

        def is_up() -> bool:
            status = sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"]
            assert status in ("Creating", "InService")
            return bool(status == "InService")

        until(is_up)
        answer = cloud.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=name,
            ContentType="application/json",
            Body=json.dumps({"inputs": "hello", "parameters": {"max_new_tokens": 7}}),
        )
        assert json.loads(answer["Body"].read()) == {"generated_text": "heard hello"}
        assert stub.requests == [
            {
                "model": GATED,
                "messages": [{"role": "user", "content": "hello"}],
                "max_tokens": 7,
            }
        ]
        sagemaker.delete_endpoint(EndpointName=name)
        with pytest.raises(ClientError, match="Could not find endpoint"):
            sagemaker.describe_endpoint(EndpointName=name)
        sagemaker.delete_endpoint_config(EndpointConfigName=name)
        sagemaker.delete_model(ModelName=name)

    def test_without_a_server_a_generator_makes_nothing_up(
        self, cloud: RunningCloud, bucket: str, role: str
    ) -> None:
        name = self.create(cloud, role, GENERATOR)
        body = json.dumps({"inputs": "hello"}).encode()
        cloud.client("s3").put_object(Bucket=bucket, Key="in/rows.jsonl", Body=body)
        sagemaker = cloud.client("sagemaker")
        request = data(f"s3://{bucket}/in/", "application/json")
        sagemaker.create_transform_job(TransformJobName=name, ModelName=name, **request)
        job = until(lambda: ended(sagemaker.describe_transform_job(TransformJobName=name)))
        assert job["TransformJobStatus"] == "Failed"
        assert "RATCHET_BEDROCK_URL" in job["FailureReason"]

    @pytest.mark.parametrize(
        ("actions", "allowed"),
        [
            ({"sagemaker:DescribeHubContent": [HUB_ARN]}, False),
            ({"sagemaker:DescribeHubContent": [HUB_ARN.replace(":hub/", ":hub-content/")]}, False),
            ({"sagemaker:DescribeHubContent": ["both"]}, True),
        ],
    )
    def test_a_document_needs_hub_and_content_in_the_policy(
        self, cloud: RunningCloud, actions: dict[str, list[str]], *, allowed: bool
    ) -> None:
        content = f"{HUB_ARN.replace(':hub/', ':hub-content/')}/Model/*"
        resources = next(iter(actions.values()))
        resources = [HUB_ARN, content] if resources == ["both"] else [f"{resources[0]}*"]
        client = person_may(
            cloud, {"Action": "sagemaker:DescribeHubContent", "Resource": resources}
        ).client("sagemaker")
        request = {"HubName": HUB, "HubContentType": "Model", "HubContentName": WORDS}
        if allowed:
            assert client.describe_hub_content(**request)["HubContentName"] == WORDS
            return
        with pytest.raises(ClientError, match="is not authorized to perform"):
            client.describe_hub_content(**request)

    def test_the_list_needs_the_hub_in_the_policy(self, cloud: RunningCloud) -> None:
        request = {"HubName": HUB, "HubContentType": "Model"}
        statement = {"Action": "sagemaker:ListHubContents", "Resource": HUB_ARN}
        assert person_may(cloud, statement).client("sagemaker").list_hub_contents(**request)
        elsewhere = {**statement, "Resource": HUB_ARN.replace(":aws:hub", ":000000000000:hub")}
        with pytest.raises(ClientError, match="is not authorized to perform"):
            person_may(cloud, elsewhere).client("sagemaker").list_hub_contents(**request)

    def test_the_models_role_reads_jumpstarts_bucket(self, cloud: RunningCloud) -> None:
        blind = service_may(cloud, "sagemaker", {"Action": "ecr:*", "Resource": "*"})
        with pytest.raises(ClientError, match="Could not access model data"):
            self.create(cloud, blind.arn, WORDS)
        bucket = "arn:aws:s3:::jumpstart-cache-prod-us-east-1"
        blind.allow(
            {"Action": "ecr:*", "Resource": "*"},
            {"Action": ["s3:GetObject", "s3:ListBucket"], "Resource": [bucket, f"{bucket}/*"]},
        )
        name = self.create(cloud, blind.arn, WORDS)
        cloud.client("sagemaker").delete_model(ModelName=name)
