"""Every policy of a deployed environment, read through the APIs as anyone could.

Roles' own policies and trust, and the policies of buckets, queues, topics, keys and functions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import EvalResult

from ratchet.local_cloud.emulator import evaluator, role_sessions
from ratchet.local_cloud.emulator.request_log import Question

Statement = dict[str, Any]
_POLICY_REQUIRED = ("kms",)
"""Services whose resources must allow even the account's own roles, as the evaluator has it."""


class Kind(StrEnum):
    """Where a policy is attached."""

    ROLE = "role"
    TRUST = "trust"
    RESOURCE = "resource"


@dataclass(frozen=True, kw_only=True)
class Policy:
    """One document. ``holder``: a role's name or a resource's ARN. ``owner``: ``<stack>/<logical
    id>`` of the role or the resource, which another deployment has too."""

    kind: Kind
    owner: str
    holder: str
    name: str
    statements: tuple[Statement, ...]

    def key(self, position: int) -> str:
        """A statement's name in lists and reports: owner, policy, and Sid or position."""
        label = self.statements[position].get("Sid") or str(position)
        return f"{self.owner} {self.name} {label}"

    def with_statement(self, position: int, statement: Statement | None) -> Policy:
        """The policy with another statement at a position, or with none there."""
        rest = [*self.statements]
        rest[position : position + 1] = [statement] if statement else []
        return replace(self, statements=tuple(rest))

    @cached_property
    def document(self) -> str:
        """The JSON to hand to an API."""
        return json.dumps({"Version": "2012-10-17", "Statement": list(self.statements)})


@dataclass(frozen=True)
class Policies:
    """The policies of an environment; asks the local cloud's own evaluator."""

    policies: tuple[Policy, ...]

    def replaced(self, before: Policy, after: Policy) -> Policies:
        """The same with one policy changed."""
        return Policies(tuple(after if policy is before else policy for policy in self.policies))

    def concerning(self, question: Question) -> Iterator[Policy]:
        """Those that a question is answered from."""
        role = role_sessions.role_of(question.principal)
        assumed = question.action == "sts:AssumeRole" and question.resource.rpartition("/")[2]
        for policy in self.policies:
            match policy.kind:
                case Kind.ROLE:
                    concerns = policy.holder == role
                case Kind.TRUST:
                    concerns = policy.holder == assumed
                case Kind.RESOURCE:
                    concerns = _covers(policy.holder, question.resource)
            if concerns:
                yield policy

    def decide(self, question: Question) -> EvalResult:
        """What these policies say to a question."""
        context = question.context()
        concerned = list(self.concerning(question))
        own = [policy for policy in concerned if policy.kind is not Kind.ROLE]
        document = {"Statement": [s for policy in own for s in policy.statements]}
        if question.of_service():
            return iam_evaluator.evaluate_resource_policy(
                document, context, service=question.principal
            )
        identity = evaluator.evaluate(
            context,
            [
                evaluator.parsed(policy.name, policy.document)
                for policy in concerned
                if policy.kind is Kind.ROLE
            ],
        )
        if not own:
            return identity
        return iam_evaluator.combine_resource_policy(
            identity,
            context,
            document,
            question.account,
            required=question.service in _POLICY_REQUIRED,
        )


def read(client: Callable[[str], Any], stacks: str) -> Policies:
    """The policies of all stacks whose name starts with ``stacks``."""
    formation = client("cloudformation")
    found: list[Policy] = []
    for page in formation.get_paginator("list_stacks").paginate():
        for stack in page["StackSummaries"]:
            if stack["StackName"].startswith(stacks) and "DELETE" not in stack["StackStatus"]:
                found += _of_stack(client, stack["StackName"])
    return Policies(tuple(found))


def _of_stack(client: Callable[[str], Any], stack: str) -> Iterator[Policy]:
    pages = client("cloudformation").get_paginator("list_stack_resources")
    for page in pages.paginate(StackName=stack):
        for resource in page["StackResourceSummaries"]:
            reader = _READERS.get(resource["ResourceType"])
            if reader:
                owner = f"{stack}/{resource['LogicalResourceId']}"
                yield from reader(client, owner, resource["PhysicalResourceId"])


def _role(client: Callable[[str], Any], owner: str, role: str) -> Iterator[Policy]:
    iam = client("iam")
    trust = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    # A trust policy names no resource: the role is it.
    statements = tuple({**statement, "Resource": "*"} for statement in _statements(trust))
    yield Policy(kind=Kind.TRUST, owner=owner, holder=role, name="trust", statements=statements)
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        yield Policy(
            kind=Kind.ROLE, owner=owner, holder=role, name=name, statements=_statements(document)
        )
    for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        arn = policy["PolicyArn"]
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
        yield Policy(
            kind=Kind.ROLE,
            owner=owner,
            holder=role,
            name=arn,
            statements=_statements(document["Document"]),
        )


def _resource(owner: str, arn: str, document: Any) -> Iterator[Policy]:
    statements = _statements(document)
    if statements:
        yield Policy(
            kind=Kind.RESOURCE, owner=owner, holder=arn, name="policy", statements=statements
        )


def _bucket(client: Callable[[str], Any], owner: str, bucket: str) -> Iterator[Policy]:
    document = client("s3").get_bucket_policy(Bucket=bucket)["Policy"]
    yield from _resource(owner, f"arn:aws:s3:::{bucket}", document)


def _queue(client: Callable[[str], Any], owner: str, url: str) -> Iterator[Policy]:
    attributes = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    about = attributes["Attributes"]
    yield from _resource(owner, about["QueueArn"], about.get("Policy"))


def _topic(client: Callable[[str], Any], owner: str, arn: str) -> Iterator[Policy]:
    about = client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]
    yield from _resource(owner, arn, about.get("Policy"))


def _key(client: Callable[[str], Any], owner: str, key: str) -> Iterator[Policy]:
    kms = client("kms")
    arn = kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"]
    yield from _resource(owner, arn, kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])


def _function(client: Callable[[str], Any], owner: str, name: str) -> Iterator[Policy]:
    functions = client("lambda")
    arn = functions.get_function_configuration(FunctionName=name)["FunctionArn"]
    try:
        document = functions.get_policy(FunctionName=name)["Policy"]
    except functions.exceptions.ResourceNotFoundException:
        return
    yield from _resource(owner, arn, document)


_READERS: Mapping[str, Callable[..., Iterator[Policy]]] = {
    "AWS::IAM::Role": _role,
    "AWS::S3::Bucket": _bucket,
    "AWS::SQS::Queue": _queue,
    "AWS::SNS::Topic": _topic,
    "AWS::KMS::Key": _key,
    "AWS::Lambda::Function": _function,
}


def _statements(document: Any) -> tuple[Statement, ...]:
    content = json.loads(document) if isinstance(document, str) else document or {}
    statements = content.get("Statement") or []
    return (statements,) if isinstance(statements, dict) else tuple(statements)


def _covers(holder: str, resource: str) -> bool:
    """Whether the policy of a bucket, key … is that of a resource or of the bucket it is in."""
    return resource == holder or resource.startswith(f"{holder}/")
