"""The policies of one stack's roles, written when all constructs have added their grants."""

from __future__ import annotations

from typing import Protocol

import aws_cdk as cdk
import jsii
from constructs import Construct, IConstruct


class WritesPolicy(Protocol):
    """A role that collects its permissions."""

    def write_policy(self) -> None:
        """Called once, after the last permission was added."""


@jsii.implements(cdk.IAspect)
class StackPolicies:
    """Writes every policy of a stack once, before the CDK looks for references in it.

    An aspect, since a value that JavaScript asks Python for, one for each role, takes three times
    as long. It stands on a construct without children: the CDK visits every child.
    """

    def __init__(self, stack: cdk.Stack) -> None:
        self.stack = stack
        self.account = stack.account
        self._roles: list[WritesPolicy] = []
        # A hyphen: the constructs that are named after pipelines have none.
        cdk.Aspects.of(Construct(stack, "Role-Policies")).add(self)

    @classmethod
    def of(cls, scope: Construct) -> StackPolicies:
        """The policies of the stack that `scope` is in."""
        stack = cdk.Stack.of(scope)
        if stack not in _policies:
            _policies[stack] = cls(stack)
        return _policies[stack]

    def add(self, role: WritesPolicy) -> None:
        self._roles.append(role)

    def visit(self, node: IConstruct) -> None:
        for role in self._roles:
            role.write_policy()


_policies: dict[cdk.Stack, StackPolicies] = {}  # jsii keeps every object anyway
