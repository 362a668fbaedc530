"""A stack's role decides what CloudFormation may do for it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_cloud.sagemaker_calls import RunningCloud, until
from tests.local_cloud.small_stacks import stack_status, unique
from tests.local_cloud.test_enforcement import denied, person_may, service_may

pytestmark = pytest.mark.cloud

QUEUES = {"Action": ["sqs:CreateQueue", "sqs:DeleteQueue"], "Resource": "*"}


def template(**queue: Any) -> str:
    """One queue, whose properties may be changed."""
    resource = {"Type": "AWS::SQS::Queue", "Properties": queue}
    return json.dumps({"Resources": {"Queue": resource}})


def reasons(cloud: RunningCloud, stack: str) -> str:
    events = cloud.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
    return "\n".join(event.get("ResourceStatusReason", "") for event in events)


def test_a_resource_that_the_role_may_not_create_fails_the_stack(cloud: RunningCloud) -> None:
    role = service_may(cloud, "cloudformation", {"Action": "s3:*", "Resource": "*"})
    name = unique("stack")
    cloud.client("cloudformation").create_stack(
        StackName=name, TemplateBody=template(), RoleARN=role.arn
    )
    assert until(lambda: stack_status(cloud, name)) == "ROLLBACK_COMPLETE"
    assert "is not authorized to perform: sqs:CreateQueue" in reasons(cloud, name)
    assert f"assumed-role/{role.name}/AWSCloudFormation" in reasons(cloud, name)


def test_a_stack_keeps_its_role_also_for_who_may_not_pass_it(cloud: RunningCloud) -> None:
    role = service_may(cloud, "cloudformation", QUEUES)
    name = unique("stack")
    cloud.client("cloudformation").create_stack(
        StackName=name, TemplateBody=template(), RoleARN=role.arn
    )
    assert until(lambda: stack_status(cloud, name)) == "CREATE_COMPLETE"
    updater = person_may(cloud, {"Action": "cloudformation:UpdateStack", "Resource": "*"})
    request = {"StackName": name, "TemplateBody": template(VisibilityTimeout=60)}
    with pytest.raises(ClientError) as answer:
        updater.client("cloudformation").update_stack(**request, RoleARN=role.arn)
    assert f"iam:PassRole on resource: {role.arn}" in denied(answer)
    updater.client("cloudformation").update_stack(**request)
    assert until(lambda: stack_status(cloud, name)) == "UPDATE_ROLLBACK_COMPLETE"
    assert "is not authorized to perform: sqs:SetQueueAttributes" in reasons(cloud, name)
    role.allow(QUEUES, {"Action": "sqs:SetQueueAttributes", "Resource": "*"})
    updater.client("cloudformation").update_stack(**request)
    assert until(lambda: stack_status(cloud, name)) == "UPDATE_COMPLETE"


def test_a_change_set_hands_its_role_to_the_stack(cloud: RunningCloud) -> None:
    role = service_may(cloud, "cloudformation", {"Action": "s3:*", "Resource": "*"})
    cloudformation, name = cloud.client("cloudformation"), unique("stack")
    cloudformation.create_change_set(
        StackName=name,
        ChangeSetName="first",
        ChangeSetType="CREATE",
        TemplateBody=template(),
        RoleARN=role.arn,
    )
    until(
        lambda: (
            cloudformation.describe_change_set(StackName=name, ChangeSetName="first")["Status"]
            == "CREATE_COMPLETE"
        )
    )
    cloudformation.execute_change_set(StackName=name, ChangeSetName="first")
    until(lambda: "sqs:CreateQueue" in reasons(cloud, name))


def test_a_role_that_does_not_trust_cloudformation_is_refused(cloud: RunningCloud) -> None:
    role = service_may(cloud, "lambda", QUEUES)
    with pytest.raises(ClientError, match="is invalid or cannot be assumed"):
        cloud.client("cloudformation").create_stack(
            StackName=unique("stack"), TemplateBody=template(), RoleARN=role.arn
        )


def test_the_template_and_role_of_an_update_are_condition_keys(cloud: RunningCloud) -> None:
    role = service_may(cloud, "cloudformation", {"Action": "sqs:*", "Resource": "*"})
    name = unique("stack")
    cloud.client("cloudformation").create_stack(
        StackName=name, TemplateBody=template(), RoleARN=role.arn
    )
    until(lambda: stack_status(cloud, name))
    absent = {"Null": {"cloudformation:RoleArn": "true"}}
    updater = person_may(
        cloud,
        {"Action": "cloudformation:UpdateStack", "Resource": "*", "Condition": absent},
        {"Action": "iam:PassRole", "Resource": "*"},
    )
    request = {"StackName": name, "TemplateBody": template(DelaySeconds=1)}
    with pytest.raises(ClientError) as answer:
        updater.client("cloudformation").update_stack(**request, RoleARN=role.arn)
    assert "cloudformation:UpdateStack" in denied(answer)
    updater.client("cloudformation").update_stack(**request)
    assert until(lambda: stack_status(cloud, name)) == "UPDATE_COMPLETE"
