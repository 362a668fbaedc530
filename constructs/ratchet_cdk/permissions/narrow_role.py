"""A role whose every permission has a name, and whose every wildcard has a reason."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import aws_cdk as cdk
import jsii
from aws_cdk import aws_iam as iam
from constructs import Construct, IValidation

from ratchet.permissions import Permission
from ratchet_cdk.permissions.acknowledged import acknowledge
from ratchet_cdk.permissions.stack_policies import StackPolicies

LONGEST_POLICY = 10_240
"""Characters of all inline policies of a role, without spaces:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
_REFERENCE = 100
"""Characters that a reference is counted as: an ARN of this loop with the longest names."""


class NarrowRole(Construct):
    """A role that one service assumes, with one policy and no managed ones.

    It refuses a permission on a wildcard without a reason why it cannot be narrower. cdk-nag gets
    the same reason.
    """

    def __init__(self, scope: Construct, construct_id: str, *, service: str) -> None:
        super().__init__(scope, construct_id)
        self._policies = policies = StackPolicies.of(self)
        self._statements: list[dict[str, Any]] = []
        self._reasons: dict[str, str] = {}
        role = iam.CfnRole(
            self,
            "Role",
            assume_role_policy_document=_document([_assumed_by(service, policies.account)]),
        )
        self.arn = role.attr_arn
        self._policy = iam.CfnPolicy(
            self,
            "Policy",
            policy_name="permissions",
            policy_document=_document([]),
            roles=[role.ref],
        )
        policies.add(self)

    @property
    def size(self) -> int:
        """How long the policy will be, about: a reference is known at deployment only."""
        return _size(self._document())

    def write_policy(self) -> None:
        """Writes the collected permissions as the policy. Synthesis does this once."""
        self._policy.policy_document = document = self._document()
        if self._reasons:
            acknowledge(self._policy, self._findings())
        if _size(document) > LONGEST_POLICY:
            self.node.add_validation(_TooLong(self))

    def allow(
        self,
        sid: str,
        *,
        actions: Sequence[str],
        resources: Sequence[str],
        conditions: Mapping[str, Any] | None = None,
        wildcard: str = "",
    ) -> None:
        """Adds one permission.

        Args:
            sid: what it is for, in CamelCase.
            wildcard: why a resource with a `*` in it cannot be narrower.

        Raises:
            ValueError: an action has a wildcard, or a resource has one without a reason.
        """
        if any("*" in action for action in actions):
            raise ValueError(f"{self.node.path}: {sid} allows {actions}; name each action")
        wide = [resource for resource in resources if "*" in resource]
        if wide and not wildcard:
            raise ValueError(f"{self.node.path}: {sid} allows {wide}; say why with wildcard=…")
        statement: dict[str, Any] = {
            "Sid": sid,
            "Effect": "Allow",
            "Action": list(actions),
            "Resource": list(resources),
        }
        self._statements.append({**statement, "Condition": conditions} if conditions else statement)
        self._reasons.update(dict.fromkeys(wide, f"{sid}: {wildcard}"))

    def allow_all(self, permissions: Iterable[Permission]) -> None:
        """Adds permissions that were derived elsewhere."""
        for permission in permissions:
            self.allow(
                permission.sid,
                actions=permission.actions,
                resources=permission.resources,
                conditions=permission.conditions,
                wildcard=permission.wildcard,
            )

    def allow_statements(self, statements: Iterable[Mapping[str, Any]], *, reason: str) -> None:
        """Adds statements that a person wrote, as IAM writes them. `reason`: whose they are."""
        for statement in statements:
            self.allow(
                statement["Sid"],
                actions=_listed(statement["Action"]),
                resources=_listed(statement["Resource"]),
                conditions=statement.get("Condition"),
                wildcard=reason,
            )

    def stands_before(self, resource: cdk.CfnResource) -> None:
        """CloudFormation makes the resource after the permissions, so it never runs without
        them."""
        resource.add_resource_dependency(self._policy)

    def _document(self) -> dict[str, Any]:
        return _document(_without_covered(self._statements))

    def _findings(self) -> dict[str, str]:
        """As cdk-nag writes them: a reference is `<LogicalId.Attribute>`."""
        resources = _resolved(self._policies.stack, list(self._reasons))
        return {
            f"AwsSolutions-IAM5[Resource::{resource}]": reason
            for resource, reason in zip(resources, self._reasons.values(), strict=True)
        }


@jsii.implements(IValidation)
class _TooLong:
    """Refuses a policy that is too long at synthesis; IAM would refuse it in the middle of a
    deployment."""

    def __init__(self, role: NarrowRole) -> None:
        self._role = role

    def validate(self) -> list[str]:
        return [
            f"the policy of {self._role.node.path} is about {self._role.size:,} characters long; "
            f"IAM takes at most {LONGEST_POLICY:,}. Let its statements share prefixes, or divide "
            "what it does"
        ]


_TOKEN = re.compile(r"\$\{Token\[([^\]]+)\]\}")
_references: dict[str, str] = {}  # a token is the same everywhere, and resolving one takes a while


def _size(document: Mapping[str, Any]) -> int:
    return len(_TOKEN.sub(_likely, json.dumps(document, separators=(",", ":"))))


def _likely(token: re.Match[str]) -> str:
    """A text as long as what the token probably stands for."""
    return "0" * 12 if token[1].startswith("AWS.AccountId") else "x" * _REFERENCE


def _resolved(stack: cdk.Stack, resources: Sequence[str]) -> list[str]:
    tokens = {token[0] for resource in resources for token in _TOKEN.finditer(resource)}
    if unresolved := sorted(tokens - _references.keys()):
        values = map(_written, stack.resolve(unresolved))
        _references.update(zip(unresolved, values, strict=True))
    return [_TOKEN.sub(lambda token: _references[token[0]], text) for text in resources]


def _without_covered(statements: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Without those that another covers: two grants of the same key are one."""
    return [
        statement
        for index, statement in enumerate(statements)
        if not any(
            _covers(other, statement) and not (_covers(statement, other) and index < place)
            for place, other in enumerate(statements)
            if place != index
        )
    ]


def _document(statements: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}


def _covers(statement: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether a statement allows all that another does, word for word."""
    return (
        set(statement["Action"]) >= set(other["Action"])
        and set(statement["Resource"]) >= set(other["Resource"])
        and statement.get("Condition") == other.get("Condition")
    )


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _assumed_by(service: str, account: str) -> dict[str, Any]:
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
    }
    if service in ("sagemaker.amazonaws.com", "scheduler.amazonaws.com"):
        # Nobody else's resources:
        # https://docs.aws.amazon.com/sagemaker/latest/dg/security-confused-deputy-prevention.html
        # https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
        statement["Condition"] = {"StringEquals": {"aws:SourceAccount": account}}
    return statement


def _written(value: Any) -> str:
    match value:
        case str():
            return value
        case {"Ref": str(name)}:
            return f"<{name}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Fn::ImportValue": name}:
            return _written(name)
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{([^}]+)\}", r"<\1>", text)
        case {"Fn::Join": [str(separator), list(parts)]}:
            return separator.join(_written(part) for part in parts)
    raise ValueError(f"a resource of a permission may be a name or a reference, not {value!r}")
