"""What CloudFormation calls for a stack's resources, held against the types' schemas."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ratchet.local_cloud.emulator.stack_permissions import (
    NOTHING,
    OPERATIONS,
    ROWS,
    ResourceChange,
    ResourcePermissions,
    needs,
)
from ratchet.local_cloud.sagemaker import table
from ratchet.local_cloud.sagemaker.authorisation import Need
from ratchet.local_cloud.sagemaker.store import AccountScope
from tests.cloudformation_schemas import resource_schema
from tests.infra.assembly import Assembly
from tests.infra.test_condition_keys import BOOTSTRAP, Template

REGION = "us-east-1"
SCOPE = AccountScope(account="000000000000", region=REGION)
ROLE = "arn:aws:iam::000000000000:role/r"
CASES = [(kind, operation) for kind in ROWS for operation in OPERATIONS]


def permissions(kind: str, operation: str) -> set[str]:
    handlers = resource_schema(kind).get("handlers", {})
    return set(handlers.get(operation, {}).get("permissions", ()))


def actions(row: ResourcePermissions, operation: str) -> Iterator[str]:
    yield from getattr(row, operation)
    if operation == "update":
        yield from row.properties.values()


@pytest.mark.parametrize(("kind", "operation"), CASES)
def test_the_actions_are_those_of_the_types_handlers(kind: str, operation: str) -> None:
    allowed = permissions(kind, operation)
    if operation == "update":  # a property that changes may need what its creation needs
        allowed |= permissions(kind, "create")
    assert set(actions(ROWS[kind], operation)) <= allowed


@pytest.mark.parametrize("kind", [kind for kind, row in ROWS.items() if row.passes])
def test_roles_are_passed_where_the_handlers_pass_them(kind: str) -> None:
    assert "iam:PassRole" in permissions(kind, "create")


def test_every_deployed_type_has_a_row(assembly: Assembly) -> None:
    templates = [*assembly.templates.values(), yaml.load(Path(BOOTSTRAP).read_text(), Template)]
    kinds = {
        resource["Type"] for template in templates for resource in template["Resources"].values()
    }
    ours = {f"AWS::SageMaker::{kind.name}" for kind in table.KINDS}
    assert kinds - {*ROWS, *ours, *NOTHING} == set()


def test_a_queue_needs_its_name_and_its_tags_permission() -> None:
    change = ResourceChange(
        operation="create",
        kind="AWS::SQS::Queue",
        id="stack-Queue-*",
        properties={"Tags": [{"Key": "a", "Value": "b"}]},
    )
    arn = "arn:aws:sqs:us-east-1:000000000000:stack-Queue-*"
    assert list(needs(SCOPE, change)) == [Need("sqs:CreateQueue", arn), Need("sqs:TagQueue", arn)]


def test_the_tags_that_cloudformation_adds_need_no_permission() -> None:
    properties = {"Tags": [{"Key": "aws:cloudformation:stack-name", "Value": "s"}]}
    change = ResourceChange(
        operation="create", kind="AWS::SQS::Queue", id="q", properties=properties
    )
    assert [need.action for need in needs(SCOPE, change)] == ["sqs:CreateQueue"]


def test_a_bucket_without_a_name_gets_one_in_lower_case() -> None:
    change = ResourceChange(
        operation="create", kind="AWS::S3::Bucket", id="Stack-Data-*", properties={}
    )
    assert list(needs(SCOPE, change)) == [Need("s3:CreateBucket", "arn:aws:s3:::stack-data-*")]


def test_an_update_needs_what_changes() -> None:
    before = {"BucketName": "b", "VersioningConfiguration": {"Status": "Enabled"}}
    change = ResourceChange(
        operation="update",
        kind="AWS::S3::Bucket",
        id="b",
        properties={**before, "Tags": [{"Key": "a", "Value": "b"}]},
        before=before,
    )
    assert list(needs(SCOPE, change)) == [Need("s3:PutBucketTagging", "arn:aws:s3:::b")]


def test_a_policy_is_put_into_each_of_its_roles() -> None:
    change = ResourceChange(
        operation="create", kind="AWS::IAM::Policy", id="p", properties={"Roles": ["a", "b"]}
    )
    roles = [need.resource.rpartition("/")[2] for need in needs(SCOPE, change)]
    assert roles == ["a", "b"]


def test_a_functions_role_is_passed_once_it_is_new() -> None:
    properties = {"Role": ROLE, "MemorySize": 128}
    create = ResourceChange(
        operation="create", kind="AWS::Lambda::Function", id="f", properties=properties
    )
    update = ResourceChange(
        operation="update",
        kind="AWS::Lambda::Function",
        id="f",
        properties={**properties, "MemorySize": 256},
        before=properties,
    )
    assert [need.action for need in needs(SCOPE, create)][-1] == "iam:PassRole"
    assert [need.action for need in needs(SCOPE, update)] == ["lambda:UpdateFunctionConfiguration"]


def test_a_type_of_sagemaker_needs_what_its_request_needs() -> None:
    change = ResourceChange(
        operation="create",
        kind="AWS::SageMaker::Pipeline",
        id="stack-P-*",
        properties={"PipelineName": "p", "RoleArn": ROLE},
    )
    assert [(need.action, need.resource) for need in needs(SCOPE, change)] == [
        ("sagemaker:CreatePipeline", "arn:aws:sagemaker:us-east-1:000000000000:pipeline/p"),
        ("iam:PassRole", ROLE),
    ]


def test_a_type_without_a_row_needs_the_usual_action_on_everything() -> None:
    change = ResourceChange(operation="create", kind="AWS::DynamoDB::Table", id="t", properties={})
    assert list(needs(SCOPE, change)) == [Need("dynamodb:CreateTable", "*")]
