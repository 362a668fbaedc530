"""Deployed policies changed through the APIs, and put back."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from tests.loop.deployed_policies import Kind, Policies, Policy, Statement

Client = Callable[[str], Any]


def find(policies: Policies, pattern: str) -> list[tuple[Policy, int]]:
    """The statements whose key fits a pattern, such as ``*/PipelineRole* permissions ReadCode``."""
    pieces = [
        (policy, position)
        for policy in policies.policies
        for position in range(len(policy.statements))
        if fnmatchcase(policy.key(position), pattern)
    ]
    assert pieces, f"no statement is called {pattern}"
    return pieces


@contextmanager
def without(client: Client, *pieces: tuple[Policy, int]) -> Iterator[None]:
    """The deployed policies without some of their statements."""
    positions: dict[int, set[int]] = defaultdict(set)
    policies = {id(policy): policy for policy, _ in pieces}
    for policy, position in pieces:
        positions[id(policy)].add(position)
    changes = [(policy, _reduced(policy, positions[key])) for key, policy in policies.items()]
    try:
        for before, after in changes:
            _put(client, before, after)
        yield
    finally:
        for before, after in changes:
            _put(client, after, before)


def _reduced(policy: Policy, positions: set[int]) -> Policy:
    others = [s for position, s in enumerate(policy.statements) if position not in positions]
    return replace(policy, statements=tuple(others))


def _put(client: Client, before: Policy, after: Policy) -> None:
    if after.kind is Kind.ROLE:
        _put_role(client("iam"), after)
    elif after.kind is Kind.TRUST:
        trust = [
            {member: value for member, value in statement.items() if member != "Resource"}
            for statement in after.statements
        ]
        client("iam").update_assume_role_policy(
            RoleName=after.holder, PolicyDocument=_document(tuple(trust))
        )
    else:
        _RESOURCES[after.holder.split(":")[2]](client, before, after)


def _put_role(iam: Any, policy: Policy) -> None:
    names = {"RoleName": policy.holder, "PolicyName": policy.name}
    if policy.statements:
        iam.put_role_policy(**names, PolicyDocument=policy.document)
    else:
        iam.delete_role_policy(**names)


def _put_bucket(client: Client, before: Policy, after: Policy) -> None:
    bucket = after.holder.rpartition(":")[2]
    if after.statements:
        client("s3").put_bucket_policy(Bucket=bucket, Policy=after.document)
    else:
        client("s3").delete_bucket_policy(Bucket=bucket)


def _put_queue(client: Client, before: Policy, after: Policy) -> None:
    sqs = client("sqs")
    url = sqs.get_queue_url(QueueName=after.holder.rpartition(":")[2])["QueueUrl"]
    text = after.document if after.statements else ""
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": text})


def _put_topic(client: Client, before: Policy, after: Policy) -> None:
    client("sns").set_topic_attributes(
        TopicArn=after.holder, AttributeName="Policy", AttributeValue=after.document
    )


def _put_key(client: Client, before: Policy, after: Policy) -> None:
    client("kms").put_key_policy(KeyId=after.holder, PolicyName="default", Policy=after.document)


def _put_function(client: Client, before: Policy, after: Policy) -> None:
    functions = client("lambda")
    for statement in before.statements:
        if statement not in after.statements:
            functions.remove_permission(FunctionName=after.holder, StatementId=statement["Sid"])
    for statement in after.statements:
        if statement not in before.statements:
            source = next(iter(statement["Condition"].values()))
            functions.add_permission(
                FunctionName=after.holder,
                StatementId=statement["Sid"],
                Action=statement["Action"],
                Principal=statement["Principal"]["Service"],
                SourceArn=next(iter(source.values())),
            )


_RESOURCES: dict[str, Callable[[Client, Policy, Policy], None]] = {
    "s3": _put_bucket,
    "sqs": _put_queue,
    "sns": _put_topic,
    "kms": _put_key,
    "lambda": _put_function,
}


def _document(statements: tuple[Statement, ...]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
