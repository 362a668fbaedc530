"""Permissions that AWS checks and the local cloud does not.

That such an action is never used here says nothing about whether a role needs it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

_Pattern = tuple[str, str]

_ASKED: Mapping[str, tuple[_Pattern, ...]] = {
    "lambda.amazonaws.com": (
        ("logs:CreateLogGroup", "*"),  # a function's log group is there before it
        ("sqs:ChangeMessageVisibility", "*"),
        ("xray:*", "*"),
    ),
    "sagemaker.amazonaws.com": (
        # A pipeline stops its jobs with its own role, and records them as trials.
        ("sagemaker:Stop*Job", "*"),
        ("sagemaker:*", "arn:*:sagemaker:*:experiment*"),
    ),
}
"""Actions and resources, by the service that takes the role."""


def asked_on_aws_only(services: Iterable[str], action: str, resource: str) -> bool:
    """Whether only AWS checks an action of a role.

    Args:
        services: that the role trusts, such as `lambda.amazonaws.com`.
        action: as policies write it.
        resource: as policies write it.
    """
    return any(
        fnmatchcase(action, actions) and fnmatchcase(resource, resources)
        for service in services
        for actions, resources in _ASKED.get(service, ())
    )
