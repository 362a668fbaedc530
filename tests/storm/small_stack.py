"""A stack with everything that a loop's stacks have, small enough to be killed hundreds of times.

Object → rule → queue → function → parameter; an approved version → rule → queue; and a model, its
configuration, an endpoint with an alarm and scaling while there is a champion.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from tests.local_cloud.sagemaker_calls import ROLE, RunningCloud, definition, shell, until
from tests.local_cloud.small_stacks import given
from tests.local_cloud.test_serving_templates import approved, serving_template

NAME = "storm"
BUCKET = "storm-data"
WOKEN = "/storm/woken"
GOOD = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
_FAILED_CREATIONS = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED")
_CODE = f"""
import boto3
def handler(event, context):
    boto3.client("ssm").put_parameter(Name="{WOKEN}", Value="yes", Type="String", Overwrite=True)
"""

_OWNERS = {
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::000000000000:root"},
    "Action": "kms:*",
    "Resource": "*",
}
_RULES_SEND = {
    "Effect": "Allow",
    "Principal": {"Service": "events.amazonaws.com"},
    "Action": "sqs:SendMessage",
    "Resource": "*",
}


def template() -> dict[str, Any]:
    """The serving template of the other tests, with what wakes a loop's functions."""
    serving = serving_template()
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    allow = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["ssm:*", "sqs:*"], "Resource": "*"}],
    }
    resources = {
        "Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {"Statement": [_OWNERS]}}},
        "Data": {
            "Type": "AWS::S3::Bucket",
            "Properties": {
                "BucketName": BUCKET,
                "VersioningConfiguration": {"Status": "Enabled"},
                "NotificationConfiguration": {
                    "EventBridgeConfiguration": {"EventBridgeEnabled": True}
                },
            },
        },
        "Random": {"Type": "AWS::S3::Bucket"},
        "Notices": {"Type": "AWS::SNS::Topic"},
        "Landed": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 60}},
        "Decided": {"Type": "AWS::SQS::Queue"},
        "OnObject": _rule("aws.s3", "Object Created", "Landed"),
        "OnDecision": _rule("aws.sagemaker", "SageMaker Model Package State Change", "Decided"),
        "RulesSend": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {
                "Queues": [{"Ref": "Landed"}, {"Ref": "Decided"}],
                "PolicyDocument": {"Version": "2012-10-17", "Statement": [_RULES_SEND]},
            },
        },
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": trust,
                "Policies": [{"PolicyName": "wake", "PolicyDocument": allow}],
            },
        },
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Runtime": "python3.11",
                "Handler": "index.handler",
                "Code": {"ZipFile": _CODE},
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Timeout": 30,
            },
        },
        "Mapping": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "EventSourceArn": {"Fn::GetAtt": ["Landed", "Arn"]},
                "FunctionName": {"Ref": "Function"},
            },
        },
        "Group": {
            "Type": "AWS::SageMaker::ModelPackageGroup",
            "Properties": {"ModelPackageGroupName": f"{NAME}-group"},
        },
        "Pipeline": {
            "Type": "AWS::SageMaker::Pipeline",
            "Properties": {
                "PipelineName": f"{NAME}-training",
                "RoleArn": ROLE,
                "PipelineDefinition": {
                    "PipelineDefinitionBody": definition(shell("prepare", "true"))
                },
            },
        },
    }
    return {**serving, "Resources": {**resources, **serving["Resources"]}}


def _rule(source: str, detail_type: str, queue: str) -> dict[str, Any]:
    target = {"Id": "queue", "Arn": {"Fn::GetAtt": [queue, "Arn"]}}
    return {
        "Type": "AWS::Events::Rule",
        "Properties": {
            "EventPattern": {"source": [source], "detail-type": [detail_type]},
            "Targets": [target],
        },
    }


@dataclass(frozen=True)
class Stack:
    """The stack in a running cloud, as a client sees it."""

    cloud: RunningCloud

    def status(self) -> str | None:
        """None where there is no stack (any more)."""
        try:
            stacks = self.cloud.client("cloudformation").describe_stacks(StackName=NAME)
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        status: str = stacks["Stacks"][0]["StackStatus"]
        return None if status == "DELETE_COMPLETE" else status

    def settled(self, seconds: float = 60) -> str | None:
        """The status when nothing is in progress any more."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            status = self.status()
            if status is None or not status.endswith("_IN_PROGRESS"):
                return status
            time.sleep(0.05)
        raise AssertionError(f"the stack is still {self.status()} after {seconds} s")

    def begin(self, champion: str) -> None:
        """Create or update the stack, as the CDK and a promotion do."""
        client = self.cloud.client("cloudformation")
        request = {
            "StackName": NAME,
            "TemplateBody": json.dumps(template()),
            "Parameters": given({"Champion": champion, "Variant": "AllTraffic"}),
            "Capabilities": ["CAPABILITY_IAM"],
        }
        if self.status() in _FAILED_CREATIONS:
            client.delete_stack(StackName=NAME)
            assert self.settled() is None
        if self.status() is None:
            client.create_stack(**request)
            return
        try:
            client.update_stack(**request)
        except ClientError as error:
            if "No updates are to be performed" not in str(error):
                raise

    def deploy(self, champion: str) -> str | None:
        """``begin``, and wait for the end."""
        self.begin(champion)
        return self.settled()

    def delete(self) -> str | None:
        """Delete the stack, and wait for the end."""
        self.cloud.client("cloudformation").delete_stack(StackName=NAME)
        return self.settled()

    def champion(self) -> str:
        """What the stack says that it has deployed."""
        ssm = self.cloud.client("ssm")
        value: str = ssm.get_parameter(Name=f"/{NAME}/champion")["Parameter"]["Value"]
        return value

    def answer(self) -> str | None:
        """What the endpoint answers; None where there is no endpoint."""
        runtime = self.cloud.client("sagemaker-runtime")
        try:
            answered = runtime.invoke_endpoint(EndpointName=NAME, Body=b"1", ContentType="text/csv")
        except ClientError as error:
            if "not found" in str(error):
                return None
            raise
        text: str = answered["Body"].read().decode().strip()
        return text

    def events(self) -> list[str]:
        """The status of each of the stack's own events, the oldest first."""
        pages = self.cloud.client("cloudformation").describe_stack_events(StackName=NAME)
        return [
            event["ResourceStatus"]
            for event in reversed(pages["StackEvents"])
            if event["ResourceType"] == "AWS::CloudFormation::Stack"
        ]


def missing(cloud: RunningCloud, stack: str) -> list[str]:
    """The resources of a stack that are not there."""
    names = {
        kind: {short for name in listed for short in _names(name)}
        for kind, listed in inventory(cloud).items()
    }
    resources = cloud.client("cloudformation").list_stack_resources(StackName=stack)
    return [
        f"{resource['LogicalResourceId']} {resource['PhysicalResourceId']}"
        for resource in resources["StackResourceSummaries"]
        if resource["ResourceType"] in names
        and not _names(resource["PhysicalResourceId"]) & names[resource["ResourceType"]]
    ]


def _names(physical_id: str) -> set[str]:
    return {physical_id, physical_id.rpartition("/")[2], physical_id.rpartition("|")[2]}


def inventory(cloud: RunningCloud) -> dict[str, list[str]]:
    """The names of everything that stacks make, by its kind."""
    names: dict[str, list[str]] = {}
    for kind, (service, operation, member, key) in _LISTS.items():
        items = getattr(cloud.client(service), operation)().get(member, [])
        names[kind] = sorted(
            str(item if key is None else item[key])
            for item in items
            if _is_there(cloud, kind, item)
        )
    return names


def counts(cloud: RunningCloud) -> Counter[str]:
    """How many there are of each kind."""
    return Counter({kind: len(names) for kind, names in inventory(cloud).items()})


_LISTS: dict[str, tuple[str, str, str, str | None]] = {
    "AWS::S3::Bucket": ("s3", "list_buckets", "Buckets", "Name"),
    "AWS::SQS::Queue": ("sqs", "list_queues", "QueueUrls", None),
    "AWS::SNS::Topic": ("sns", "list_topics", "Topics", "TopicArn"),
    "AWS::KMS::Key": ("kms", "list_keys", "Keys", "KeyId"),
    "AWS::IAM::Role": ("iam", "list_roles", "Roles", "RoleName"),
    "AWS::Lambda::Function": ("lambda", "list_functions", "Functions", "FunctionName"),
    "AWS::Lambda::EventSourceMapping": (
        "lambda",
        "list_event_source_mappings",
        "EventSourceMappings",
        "UUID",
    ),
    "AWS::Events::Rule": ("events", "list_rules", "Rules", "Name"),
    "AWS::CloudWatch::Alarm": ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    "AWS::SSM::Parameter": ("ssm", "describe_parameters", "Parameters", "Name"),
    "AWS::SageMaker::Pipeline": (
        "sagemaker",
        "list_pipelines",
        "PipelineSummaries",
        "PipelineName",
    ),
    "AWS::SageMaker::ModelPackageGroup": (
        "sagemaker",
        "list_model_package_groups",
        "ModelPackageGroupSummaryList",
        "ModelPackageGroupName",
    ),
    "AWS::SageMaker::Model": ("sagemaker", "list_models", "Models", "ModelName"),
    "AWS::SageMaker::EndpointConfig": (
        "sagemaker",
        "list_endpoint_configs",
        "EndpointConfigs",
        "EndpointConfigName",
    ),
    "AWS::SageMaker::Endpoint": ("sagemaker", "list_endpoints", "Endpoints", "EndpointName"),
}


def _is_there(cloud: RunningCloud, kind: str, item: Any) -> bool:
    if kind == "AWS::KMS::Key":  # a deleted key is listed for some days
        key = cloud.client("kms").describe_key(KeyId=item["KeyId"])["KeyMetadata"]
        return bool(key["KeyState"] == "Enabled")
    return not (kind == "AWS::SSM::Parameter" and item["Name"] == WOKEN)


def version(cloud: RunningCloud, name: str, script: str | None = None) -> str:
    """The ARN of an approved package whose model answers ``<name>:…``."""
    return approved(cloud, "versions", name, *([] if script is None else [script]))


def woken(cloud: RunningCloud) -> None:
    """Wait until the function has been woken."""
    ssm = cloud.client("ssm")
    until(lambda: _value(ssm, WOKEN) == "yes", 20)


def _value(ssm: Any, name: str) -> str | None:
    try:
        value: str = ssm.get_parameter(Name=name)["Parameter"]["Value"]
    except ClientError:
        return None
    return value
