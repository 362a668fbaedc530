"""The roles of a deployment with their policies, from CloudFormation and IAM; and their records."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from ratchet.deployment import role_names, stacks
from ratchet.deployment.errors import DeploymentError, NotDeployedError, says_missing
from ratchet.deployment.role_use import Role, RoleUse, Statement, joined, statements_of
from ratchet.deployment.target import Target
from ratchet.local_cloud.emulator.permissions import Decision

_THREADS = 8


def uses(target: Target) -> list[RoleUse]:
    """Every role of the environment with its policies, and what it did where that is recorded.

    Raises:
        NotDeployedError: the environment has no roles.
    """
    records = decisions(target) if target.local else []
    return [joined(role, records) for role in read(target)]


def read(target: Target) -> list[Role]:
    """The roles of the environment's stacks with their policies, in the order of the stacks.

    Raises:
        NotDeployedError: there are none.
    """
    roles = [role for stack in stacks.stacks(target) for role in _of_stack(target, stack.name)]
    if not roles:
        place = "the local cloud" if target.local else f"{target.account} {target.region}"
        raise NotDeployedError(
            f"{target.settings.environment} has no roles in {place}, because it is not deployed: "
            f"run `{target.command('deploy')}`"
        )
    labels = role_names.distinct([(role.stack, role.label) for role in roles])
    target.client("iam")  # made once, before the threads want it
    with ThreadPoolExecutor(_THREADS) as pool:
        read_roles = list(pool.map(lambda role: _with_policies(target, role), roles))
    return [
        replace(role, label=label)
        for role, label in zip(read_roles, labels, strict=True)
        if role is not None
    ]


def decisions(target: Target) -> list[Decision]:
    """What roles were allowed and denied in a local cloud.

    Raises:
        DeploymentError: a cloud of an older version runs there.
    """
    from ratchet.local_cloud.admin_client import AdminError

    try:
        return [Decision.of_json(one) for one in target.ask("permissions")["decisions"]]
    except AdminError as problem:
        if problem.status != 404:
            raise
        raise DeploymentError(
            "the local cloud was started by an older ratchet, which keeps no records of "
            f"permissions. Start it anew: {target.command('cloud down')}, then "
            f"{target.command('cloud up')}"
        ) from None


def _of_stack(target: Target, stack: str) -> list[Role]:
    cloudformation = target.client("cloudformation")
    body = cloudformation.get_template(StackName=stack)["TemplateBody"]
    template: Mapping[str, Any] = json.loads(body) if isinstance(body, str) else body
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    physical_ids = {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for page in pages
        for resource in page["StackResourceSummaries"]
        if resource.get("PhysicalResourceId")
    }
    prefix = f"{target.settings.prefix}-"
    names = role_names.labels(template["Resources"], physical_ids, prefix=prefix)
    return [
        Role(
            name=physical_ids[logical_id],
            arn="",
            label=label,
            stack=stack.removeprefix(prefix),
            logical_id=logical_id,
        )
        for logical_id, label in names.items()
    ]


def _with_policies(target: Target, role: Role) -> Role | None:
    """The role as IAM has it; None if it is gone."""
    from botocore.exceptions import ClientError

    iam = target.client("iam")
    try:
        described = iam.get_role(RoleName=role.name)["Role"]
        return replace(
            role,
            arn=described["Arn"],
            services=tuple(_services(_document(described["AssumeRolePolicyDocument"]))),
            boundary=described.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", ""),
            statements=tuple(_statements(iam, role.name)),
        )
    except ClientError as answer:
        if says_missing(answer) or answer.response["Error"]["Code"] == "NoSuchEntity":
            return None
        raise


def _services(trust: Mapping[str, Any]) -> Iterator[str]:
    statements = trust.get("Statement") or []
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal")
        services = principal.get("Service", []) if isinstance(principal, Mapping) else []
        yield from [services] if isinstance(services, str) else services


def _statements(iam: Any, role: str) -> Iterator[Statement]:
    for page in iam.get_paginator("list_role_policies").paginate(RoleName=role):
        for name in page["PolicyNames"]:
            policy = iam.get_role_policy(RoleName=role, PolicyName=name)
            yield from statements_of(name, _document(policy["PolicyDocument"]))
    for page in iam.get_paginator("list_attached_role_policies").paginate(RoleName=role):
        for attached in page["AttachedPolicies"]:
            arn = attached["PolicyArn"]
            version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            policy = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
            yield from statements_of(arn, _document(policy["Document"]))


def _document(document: Any) -> Mapping[str, Any]:
    """boto3 answers a document that it has decoded; IAM itself sends it URL-encoded."""
    parsed: Mapping[str, Any] = (
        json.loads(unquote(document)) if isinstance(document, str) else document
    )
    return parsed
