"""Calls that the roles of docs/guides/roles/ must be refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.loop.roles_at_work import Stage

VERSION = "arn:aws:sagemaker:us-east-1:000000000000:model-package/flights-dev/1"


def key_arn(stage: Stage) -> str:
    return stage.loop.deployed.output_key_arn


def bootstrap_role(qualifier: str, kind: str) -> dict[str, str]:
    name = f"cdk-{qualifier}-{kind}-role-000000000000-us-east-1"
    return {"RoleArn": f"arn:aws:iam::000000000000:role/{name}", "RoleSessionName": "test"}


def encrypted(stage: Stage) -> bytes:
    answer = stage.administrator.client("kms").encrypt(KeyId=key_arn(stage), Plaintext=b"secret")
    return bytes(answer["CiphertextBlob"])


Call = tuple[str, str, Callable[[Stage], dict[str, Any]]]

FORBIDDEN: dict[str, dict[str, Call]] = {
    "review": {
        "reading data": (
            "s3",
            "get_object",
            lambda s: {"Bucket": s.loop.deployed.data_bucket, "Key": "raw/a.csv"},
        ),
        "listing data": (
            "s3",
            "list_objects_v2",
            lambda s: {"Bucket": s.loop.deployed.data_bucket},
        ),
        "putting code": (
            "s3",
            "put_object",
            lambda _: {
                "Bucket": "cdk-hnb659fds-assets-000000000000-us-east-1",
                "Key": "a.gz",
                "Body": b"",
            },
        ),
        "decrypting": (
            "kms",
            "decrypt",
            lambda s: {"KeyId": key_arn(s), "CiphertextBlob": encrypted(s)},
        ),
        "starting": (
            "sagemaker",
            "start_pipeline_execution",
            lambda s: {"PipelineName": s.loop.deployed.pipeline, "ClientRequestToken": "a" * 32},
        ),
        "approving": (
            "sagemaker",
            "update_model_package",
            lambda _: {"ModelPackageArn": VERSION, "ModelApprovalStatus": "Approved"},
        ),
        "being the lookup role": (
            "sts",
            "assume_role",
            lambda _: bootstrap_role("hnb659fds", "lookup"),
        ),
        "reading another environment": (
            "ssm",
            "get_parameter",
            lambda _: {"Name": "/flights/prod/training"},
        ),
    },
    "person": {
        "deleting a stack": (
            "cloudformation",
            "delete_stack",
            lambda _: {"StackName": "flights-dev-serving"},
        ),
        "updating a stack": (
            "cloudformation",
            "update_stack",
            lambda _: {"StackName": "flights-dev-serving", "UsePreviousTemplate": True},
        ),
        "changing a role": (
            "iam",
            "put_role_policy",
            lambda s: {
                "RoleName": s.loop.deployed.role_arn.rpartition("/")[2],
                "PolicyName": "more",
                "PolicyDocument": json.dumps({"Statement": []}),
            },
        ),
        "being the deploy role": (
            "sts",
            "assume_role",
            lambda _: bootstrap_role("hnb659fds", "deploy"),
        ),
        "reading another environment's bucket": (
            "s3",
            "get_object",
            lambda _: {"Bucket": "flights-prod-data", "Key": "raw/a.csv"},
        ),
        "starting another environment's pipeline": (
            "sagemaker",
            "start_pipeline_execution",
            lambda _: {"PipelineName": "flights-prod-training", "ClientRequestToken": "a" * 32},
        ),
        "approving another environment's version": (
            "sagemaker",
            "update_model_package",
            lambda _: {
                "ModelPackageArn": VERSION.replace("-dev/", "-prod/"),
                "ModelApprovalStatus": "Approved",
            },
        ),
        "naming the champion": (
            "ssm",
            "put_parameter",
            lambda _: {"Name": "/flights/dev/champion", "Value": "none", "Overwrite": True},
        ),
        "writing a run's results": (
            "s3",
            "put_object",
            lambda s: {"Bucket": s.loop.deployed.artifacts_bucket, "Key": "a", "Body": b""},
        ),
        "deleting data": (
            "s3",
            "delete_object",
            lambda s: {"Bucket": s.loop.deployed.data_bucket, "Key": "raw/a.csv"},
        ),
        "deleting a version": (
            "sagemaker",
            "delete_model_package",
            lambda _: {"ModelPackageName": VERSION},
        ),
    },
    "deploy": {
        "being the deploy role of prod's bootstrap stack": (
            "sts",
            "assume_role",
            lambda _: bootstrap_role("prod", "deploy"),
        ),
        "being CloudFormation's role": (
            "sts",
            "assume_role",
            lambda _: bootstrap_role("hnb659fds", "cfn-exec"),
        ),
        "being a person": (
            "sts",
            "assume_role",
            lambda s: {
                "RoleArn": f"arn:aws:iam::000000000000:role/{s.roles['person']}",
                "RoleSessionName": "test",
            },
        ),
        "deleting prod's stacks by itself": (
            "cloudformation",
            "delete_stack",
            lambda _: {"StackName": "flights-prod-serving"},
        ),
        "reading data": (
            "s3",
            "get_object",
            lambda s: {"Bucket": s.loop.deployed.data_bucket, "Key": "raw/a.csv"},
        ),
        "starting": (
            "sagemaker",
            "start_pipeline_execution",
            lambda s: {"PipelineName": s.loop.deployed.pipeline, "ClientRequestToken": "a" * 32},
        ),
    },
}
"""Role → what it would do → service, operation and request."""
