"""Permissions that AWS asks a role for and the local cloud does not.

That such an action is never used here says nothing about whether a role needs it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

_Pattern = tuple[str, str]

_ASKED: Mapping[str, tuple[_Pattern, ...]] = {
    "lambda.amazonaws.com": (
        ("logs:*", "*"),
        ("xray:*", "*"),
        # Asked for when a function is joined to a queue, not for each message.
        ("sqs:ReceiveMessage", "*"),
        ("sqs:DeleteMessage", "*"),
        ("sqs:ChangeMessageVisibility", "*"),
        ("sqs:GetQueueAttributes", "*"),
        # Without it S3 answers AccessDenied for an object that is not there, not NoSuchKey.
        ("s3:ListBucket", "*"),
        # CloudFormation looks it up for whoever updates a stack of the CDK's.
        ("ssm:GetParameters", "arn:*:ssm:*:parameter/cdk-bootstrap/*"),
    ),
    "sagemaker.amazonaws.com": (
        # A pipeline follows and stops its jobs with its own role, and records them as trials.
        ("sagemaker:Describe*Job", "*"),
        ("sagemaker:Stop*Job", "*"),
        ("sagemaker:*", "arn:*:sagemaker:*:experiment*"),
        ("logs:DescribeLogStreams", "*"),
        # An endpoint's update watches its alarms with the model's role.
        ("cloudwatch:DescribeAlarms", "*"),
    ),
}
"""Actions and resources, by the service that takes the role."""


def asked_on_aws_only(services: Iterable[str], action: str, resource: str) -> bool:
    """Whether only AWS asks a role for an action.

    Args:
        services: that the role trusts, such as `lambda.amazonaws.com`.
        action: as policies write it.
        resource: as policies write it.
    """
    return any(
        fnmatchcase(action, asked) and fnmatchcase(resource, where)
        for service in services
        for asked, where in _ASKED.get(service, ())
    )
