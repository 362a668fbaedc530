"""The CloudFormation stacks of an environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ratchet.deployment.target.environment import Target


@dataclass(frozen=True, kw_only=True)
class DeployedStack:
    name: str
    status: str
    resources: int


def stacks(target: Target) -> list[DeployedStack]:
    """The environment's stacks with the number of resources in each, sorted by name."""
    cloudformation = target.client("cloudformation")
    counted = []
    for stack in _described(target):
        pages = cloudformation.get_paginator("list_stack_resources").paginate(
            StackName=stack["StackName"]
        )
        count = sum(len(page["StackResourceSummaries"]) for page in pages)
        counted.append(
            DeployedStack(name=stack["StackName"], status=stack["StackStatus"], resources=count)
        )
    return counted


def names(target: Target) -> list[str]:
    """The names of the environment's stacks, sorted."""
    return [stack["StackName"] for stack in _described(target)]


def busy(target: Target) -> list[tuple[str, str]]:
    """Name and status of the environment's stacks that are under way, sorted by name."""
    return [
        (stack["StackName"], stack["StackStatus"])
        for stack in _described(target)
        if stack["StackStatus"].endswith("_IN_PROGRESS")
    ]


def _described(target: Target) -> list[dict[str, Any]]:
    prefix = target.settings.prefix + "-"
    pages = target.client("cloudformation").get_paginator("describe_stacks").paginate()
    described = [
        stack for page in pages for stack in page["Stacks"] if stack["StackName"].startswith(prefix)
    ]
    return sorted(described, key=lambda stack: str(stack["StackName"]))
