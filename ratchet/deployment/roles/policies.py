"""The roles of a deployment with their policies, from CloudFormation and IAM; and their records."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from ratchet.deployment.errors import DeploymentError, NotDeployedError
from ratchet.deployment.roles import names as role_names
from ratchet.deployment.roles.use import Role, RoleUse, Statement, joined, statements_of
from ratchet.deployment.target import stacks
from ratchet.deployment.target.environment import Target
from ratchet.local_cloud.decisions import Decision
from ratchet.loop.answers import says_missing

_THREADS = 8


def uses(target: Target) -> list[RoleUse]:
    """Every role of the environment with its policies, and what it did, if that is recorded.

    In the order of the stacks.

    Raises:
        NotDeployedError: the environment has no roles.
    """
    roles = read(target)
    if not roles:
        place = "the local cloud" if target.local else f"{target.account} {target.region}"
        raise NotDeployedError(
            f"{target.settings.environment} has no roles in {place}, because it is not deployed: "
            f"run `{target.command('deploy')}`"
        )
    records = decisions(target) if target.local else []
    return [joined(role, records) for role in roles]


def refused(target: Target) -> dict[str, int]:
    """Label of a role → how many of its requests were refused and would still be.

    Empty on AWS, which does not tell, in a cloud that refuses nothing, and for who acts as a role:
    it is the administrator who reads the policies of others.
    """
    if not (target.local and target.enforced) or target.role:
        return {}
    records = decisions(target)
    names = {decision.role for decision in records if not decision.allowed}
    roles = read(target, names=names) if names else []
    counts = {role.label: joined(role, records).refused for role in roles}
    return {label: count for label, count in counts.items() if count}


def read(target: Target, *, names: Collection[str] | None = None) -> list[Role]:
    """The roles of the environment's stacks with their policies, or those of some names."""
    deployed = [role for stack in stacks.names(target) for role in _of_stack(target, stack)]
    labels = role_names.distinct([(role.stack, role.label) for role in deployed])
    labelled = [
        replace(role, label=label)
        for role, label in zip(deployed, labels, strict=True)
        if names is None or role.name in names
    ]
    target.client("iam")  # made once, before the threads want it
    with ThreadPoolExecutor(_THREADS) as pool:
        roles = pool.map(lambda role: _with_policies(target, role), labelled)
    return [role for role in roles if role is not None]


def decisions(target: Target) -> list[Decision]:
    """The recorded decisions of a local cloud: which requests of roles it allowed and denied.

    Raises:
        DeploymentError: a cloud of an older version runs there.
    """
    from ratchet.local_cloud.admin_client import AdminError

    try:
        return [Decision.of_json(decision) for decision in target.ask("permissions")["decisions"]]
    except AdminError as problem:
        if problem.status != 404:
            raise
        raise DeploymentError(
            "the local cloud was started by an older ratchet, which keeps no records of "
            f"permissions. Restart it: {target.command('cloud down')}, then "
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
    """The role as IAM has it; None if it is gone. boto3 decodes the documents that IAM sends."""
    from botocore.exceptions import ClientError

    iam = target.client("iam")
    try:
        described = iam.get_role(RoleName=role.name)["Role"]
        return replace(
            role,
            arn=described["Arn"],
            services=tuple(_services(described["AssumeRolePolicyDocument"])),
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
            yield from statements_of(name, policy["PolicyDocument"])
    for page in iam.get_paginator("list_attached_role_policies").paginate(RoleName=role):
        for attached in page["AttachedPolicies"]:
            arn = attached["PolicyArn"]
            version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            policy = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
            yield from statements_of(arn, policy["Document"])
