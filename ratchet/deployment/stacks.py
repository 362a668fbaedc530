"""The CloudFormation stacks of an environment."""

from __future__ import annotations

from dataclasses import dataclass

from ratchet.deployment.target import Target


@dataclass(frozen=True, kw_only=True)
class Stack:
    name: str
    status: str
    resources: int


def stacks(target: Target) -> list[Stack]:
    """The environment's stacks with the number of resources in each, sorted by name."""
    cloudformation = target.client("cloudformation")
    prefix = target.settings.prefix + "-"
    found = []
    for page in cloudformation.get_paginator("describe_stacks").paginate():
        for stack in page["Stacks"]:
            if stack["StackName"].startswith(prefix):
                pages = cloudformation.get_paginator("list_stack_resources").paginate(
                    StackName=stack["StackName"]
                )
                count = sum(len(one["StackResourceSummaries"]) for one in pages)
                found.append(
                    Stack(name=stack["StackName"], status=stack["StackStatus"], resources=count)
                )
    return sorted(found, key=lambda stack: stack.name)
