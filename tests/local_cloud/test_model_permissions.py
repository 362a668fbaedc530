"""Each call of Bedrock is refused to a role without its statement, and allowed with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_cloud.openai_stub import OpenAIStub
from tests.local_cloud.sagemaker_calls import RunningCloud
from tests.local_cloud.small_stacks import ACCOUNT
from tests.local_cloud.test_enforcement import denied, person_may, service_may

pytestmark = pytest.mark.cloud

QWEN, TITAN = "qwen.qwen3-32b-v1:0", "amazon.titan-embed-text-v2:0"
HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"
LARGE = "mistral.mistral-large-2402-v1:0"
MODEL = "arn:aws:bedrock:us-east-1::foundation-model/"
PROFILE = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:inference-profile/us.{HAIKU}"
REGIONS = ("us-east-1", "us-east-2", "us-west-2")
MESSAGES = [{"role": "user", "content": [{"text": "hello"}]}]
JOB = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:model-invocation-job/abcdefghijkl"

Call = Callable[[Any], Any]
CASES: dict[str, tuple[str, list[dict[str, Any]], Call]] = {
    "ListFoundationModels": (
        "bedrock",
        [{"Action": "bedrock:ListFoundationModels", "Resource": "*"}],
        lambda client: client.list_foundation_models(),
    ),
    "GetFoundationModel": (
        "bedrock",
        [{"Action": "bedrock:GetFoundationModel", "Resource": f"{MODEL}{QWEN}"}],
        lambda client: client.get_foundation_model(modelIdentifier=QWEN),
    ),
    "ListInferenceProfiles": (
        "bedrock",
        [{"Action": "bedrock:ListInferenceProfiles", "Resource": "*"}],
        lambda client: client.list_inference_profiles(),
    ),
    "GetInferenceProfile": (
        "bedrock",
        [{"Action": "bedrock:GetInferenceProfile", "Resource": PROFILE}],
        lambda client: client.get_inference_profile(inferenceProfileIdentifier=f"us.{HAIKU}"),
    ),
    "GetFoundationModelAvailability": (
        "bedrock",
        [{"Action": "bedrock:GetFoundationModelAvailability", "Resource": "*"}],
        lambda client: client.get_foundation_model_availability(modelId=QWEN),
    ),
    "ListFoundationModelAgreementOffers": (
        "bedrock",
        [{"Action": "bedrock:ListFoundationModelAgreementOffers", "Resource": "*"}],
        lambda client: client.list_foundation_model_agreement_offers(modelId=LARGE),
    ),
    "CreateFoundationModelAgreement": (
        "bedrock",
        [
            {"Action": "bedrock:CreateFoundationModelAgreement", "Resource": "*"},
            {"Action": "aws-marketplace:Subscribe", "Resource": "*"},
        ],
        lambda client: client.create_foundation_model_agreement(modelId=LARGE, offerToken="x"),
    ),
    "DeleteFoundationModelAgreement": (
        "bedrock",
        [{"Action": "bedrock:DeleteFoundationModelAgreement", "Resource": "*"}],
        lambda client: client.delete_foundation_model_agreement(modelId=LARGE),
    ),
    "Converse": (
        "bedrock-runtime",
        [{"Action": "bedrock:InvokeModel", "Resource": f"{MODEL}{QWEN}"}],
        lambda client: client.converse(modelId=QWEN, messages=MESSAGES),
    ),
    "InvokeModel": (
        "bedrock-runtime",
        [{"Action": "bedrock:InvokeModel", "Resource": f"{MODEL}{TITAN}"}],
        lambda client: client.invoke_model(modelId=TITAN, body=json.dumps({"inputText": "a"})),
    ),
    "CountTokens": (
        "bedrock-runtime",
        [{"Action": "bedrock:CountTokens", "Resource": f"{MODEL}{HAIKU}"}],
        lambda client: client.count_tokens(
            modelId=HAIKU, input={"converse": {"messages": MESSAGES}}
        ),
    ),
    "Converse through a profile": (
        "bedrock-runtime",
        [
            {"Action": "bedrock:InvokeModel", "Resource": PROFILE},
            *(
                {
                    "Action": "bedrock:InvokeModel",
                    "Resource": f"arn:aws:bedrock:{region}::foundation-model/{HAIKU}",
                    "Condition": {"StringEquals": {"bedrock:InferenceProfileArn": PROFILE}},
                }
                for region in REGIONS
            ),
        ],
        lambda client: client.converse(modelId=f"us.{HAIKU}", messages=MESSAGES),
    ),
    "GetModelInvocationJob": (
        "bedrock",
        [{"Action": "bedrock:GetModelInvocationJob", "Resource": JOB}],
        lambda client: client.get_model_invocation_job(jobIdentifier=JOB),
    ),
    "StopModelInvocationJob": (
        "bedrock",
        [{"Action": "bedrock:StopModelInvocationJob", "Resource": JOB}],
        lambda client: client.stop_model_invocation_job(jobIdentifier=JOB),
    ),
    "ListModelInvocationJobs": (
        "bedrock",
        [{"Action": "bedrock:ListModelInvocationJobs", "Resource": "*"}],
        lambda client: client.list_model_invocation_jobs(),
    ),
}
WITHOUT = [(name, number) for name, case in CASES.items() for number in range(len(case[1]))]


def is_denied(call: Call, client: Any) -> bool:
    """Whether a policy refuses; another answer is that of the service."""
    try:
        call(client)
    except ClientError as error:
        message = error.response["Error"]["Message"]
        return "is not authorized to perform" in message
    return False


@pytest.mark.usefixtures("stub")
@pytest.mark.parametrize("name", CASES)
def test_a_role_with_the_statements_is_allowed(cloud: RunningCloud, name: str) -> None:
    service, statements, call = CASES[name]
    assert not is_denied(call, person_may(cloud, *statements).client(service))


@pytest.mark.parametrize(("name", "number"), WITHOUT)
def test_a_role_without_one_of_the_statements_is_refused(
    cloud: RunningCloud, stub: OpenAIStub, name: str, number: int
) -> None:
    service, statements, call = CASES[name]
    others = [*statements[:number], *statements[number + 1 :]]
    elsewhere = {"Action": "s3:ListAllMyBuckets", "Resource": "*"}
    assert is_denied(call, person_may(cloud, elsewhere, *others).client(service))
    assert stub.requests == []


def test_a_profile_is_not_a_way_round_a_policy_of_models(
    cloud: RunningCloud, stub: OpenAIStub
) -> None:
    """A policy that allows the model in one region only does not allow its profile."""
    here = {"Action": "bedrock:InvokeModel", "Resource": [PROFILE, f"{MODEL}{HAIKU}"]}
    client = person_may(cloud, here).client("bedrock-runtime")
    with pytest.raises(ClientError) as caught:
        client.converse(modelId=f"us.{HAIKU}", messages=MESSAGES)
    assert "us-east-2" in denied(caught)
    assert stub.requests == []


@pytest.mark.parametrize("left_out", [None, "bedrock:CreateModelInvocationJob", "iam:PassRole"])
def test_a_batch_needs_the_permission_to_pass_its_role(
    cloud: RunningCloud, stub: OpenAIStub, left_out: str | None
) -> None:
    role = service_may(cloud, "bedrock", {"Action": "s3:*", "Resource": "*"})
    statements = {
        "bedrock:CreateModelInvocationJob": f"{MODEL}{QWEN}",
        "iam:PassRole": role.arn,
    }
    allowed = [
        {"Action": action, "Resource": resource}
        for action, resource in statements.items()
        if action != left_out
    ]
    client = person_may(cloud, *allowed).client("bedrock")

    def create(client: Any) -> Any:
        return client.create_model_invocation_job(
            jobName=role.name,
            roleArn=role.arn,
            modelId=QWEN,
            inputDataConfig={"s3InputDataConfig": {"s3Uri": "s3://no-such-bucket-here/in.jsonl"}},
            outputDataConfig={"s3OutputDataConfig": {"s3Uri": "s3://no-such-bucket-here/out/"}},
        )

    assert is_denied(create, client) is (left_out is not None)
