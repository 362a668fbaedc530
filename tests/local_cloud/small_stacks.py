"""Stacks that the tests create in a running local cloud."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from tests.local_cloud.sagemaker_calls import REGION, RunningCloud, until

ACCOUNT = "000000000000"


def unique(what: str) -> str:
    return f"{what}-{uuid.uuid4().hex[:8]}"


def stack_status(cloud: RunningCloud, name: str) -> str | None:
    stack = cloud.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    status: str = stack["StackStatus"]
    return None if status.endswith("IN_PROGRESS") else status


def create(cloud: RunningCloud, name: str, template: dict[str, Any], **parameters: str) -> str:
    cloud.client("cloudformation").create_stack(
        StackName=name,
        TemplateBody=json.dumps(template),
        Parameters=given(parameters),
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    status: str = until(lambda: stack_status(cloud, name), 30)
    return status


def given(parameters: dict[str, str]) -> list[dict[str, str]]:
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]


def queue(cloud: RunningCloud, *services: str) -> tuple[str, str]:
    """URL and ARN of a queue that these services of AWS may send to (`events`, `sns`)."""
    name = unique("queue")
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    attributes = {"Policy": json.dumps(senders(arn, *services))} if services else {}
    url = cloud.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url, arn


def senders(queue_arn: object, *services: str) -> dict[str, Any]:
    """The policy of a queue that services may send to; its ARN may be of a template."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": [f"{service}.amazonaws.com" for service in services]},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def queue_policy(queue_id: str, *services: str) -> dict[str, Any]:
    """The resource of a template that lets services send to one of its queues."""
    arn = {"Fn::GetAtt": [queue_id, "Arn"]}
    return {
        "Type": "AWS::SQS::QueuePolicy",
        "Properties": {
            "Queues": [{"Ref": queue_id}],
            "PolicyDocument": senders(arn, *services),
        },
    }


def messages(cloud: RunningCloud, url: str, count: int) -> list[dict[str, Any]]:
    """The next messages of a queue, in the order they come."""
    sqs = cloud.client("sqs")
    found: list[dict[str, Any]] = []
    deadline = time.monotonic() + 15
    while len(found) < count and time.monotonic() < deadline:
        received = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, MaxNumberOfMessages=10)
        for message in received.get("Messages", []):
            found.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found
