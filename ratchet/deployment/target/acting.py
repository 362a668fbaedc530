"""A session of a role of the local cloud: commands act as that role.

On AWS a profile does this (``role_arn`` in ``~/.aws/config``). On the local cloud everybody is its
administrator, unless they name a role.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ratchet.deployment.errors import DENIED, DeploymentError, nearest

if TYPE_CHECKING:
    from ratchet.local_cloud.control import CloudEndpoint

ROLE_VARIABLE = "RATCHET_ROLE"
_SESSION = "ratchet"
_BY_TOKEN = "sts:AssumeRoleWithWebIdentity"  # noqa: S105


def role_name(role: str) -> str:
    """The name in a name or an ARN."""
    return role.rpartition("/")[2]


def session_variables(endpoint: CloudEndpoint, role: str) -> dict[str, str]:
    """The endpoint's environment, with credentials of the role's session in place of the keys.

    A role that trusts an OIDC provider alone, such as GitHub's, is assumed with the token that the
    provider would send: the one that the role's trust policy asks for.

    Args:
        endpoint: of a local cloud that is up.
        role: the role's name or ARN.

    Raises:
        DeploymentError: there is no such role, or it trusts neither this account nor a provider.
    """
    described = _described(_client(endpoint, "iam"), role)
    credentials = _assumed(_client(endpoint, "sts"), role, described, endpoint.account)
    return {
        **endpoint.environment(),
        "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
        "AWS_SESSION_TOKEN": credentials["SessionToken"],
    }


def _described(iam: Any, role: str) -> Mapping[str, Any]:
    """The role as IAM describes it."""
    name = role_name(role)
    try:
        described: Mapping[str, Any] = iam.get_role(RoleName=name)["Role"]
    except iam.exceptions.NoSuchEntityException:
        pages = iam.get_paginator("list_roles").paginate()
        names = [other["RoleName"] for page in pages for other in page["Roles"]]
        raise DeploymentError(
            f"{ROLE_VARIABLE} is {role!r}, and the local cloud has no role {name}"
            f"{nearest(name, names)} Roles of people and workflows: docs/guides/review.md"
        ) from None
    return described


def _assumed(sts: Any, role: str, described: Mapping[str, Any], account: str) -> Mapping[str, str]:
    """The credentials of a session of the role."""
    from botocore.exceptions import ClientError

    session = {"RoleArn": described["Arn"], "RoleSessionName": _SESSION}
    token = _token(described["AssumeRolePolicyDocument"])
    try:
        if token is None:
            answer = sts.assume_role(**session)
        else:
            answer = sts.assume_role_with_web_identity(**session, WebIdentityToken=token)
    except ClientError as error:
        if error.response["Error"]["Code"] not in DENIED:
            raise
        raise DeploymentError(
            f"{ROLE_VARIABLE} is {role!r}, but that role's trust policy does not allow the local "
            f"cloud's user: {error.response['Error']['Message']}. To act as it, let its trust "
            f"policy name arn:aws:iam::{account}:root"
        ) from None
    credentials: Mapping[str, str] = answer["Credentials"]
    return credentials


def _token(trust: Mapping[str, Any]) -> str | None:
    """The unsigned OIDC token that satisfies a trust policy; None if the policy needs none."""
    for statement in trust["Statement"]:
        provider = statement.get("Principal", {}).get("Federated", "")
        host = provider.partition(":oidc-provider/")[2]
        if host and statement.get("Action") == _BY_TOKEN:
            conditions = statement.get("Condition", {}).get("StringEquals", {})
            claims = {key.removeprefix(f"{host}:"): value for key, value in conditions.items()}
            parts: tuple[dict[str, Any], ...] = (
                {"alg": "none"},
                {"iss": f"https://{host}", **claims},
            )
            return ".".join([*map(_encoded, parts), ""])
    return None


def _encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def _client(endpoint: CloudEndpoint, service: str) -> Any:
    from botocore.config import Config

    from ratchet.deployment.target.environment import without_profiles

    client = without_profiles(endpoint.environment(), endpoint.region).client(
        service, endpoint_url=endpoint.url, config=Config(proxies={})
    )
    # boto3 does not sign a request that brings a token, and the local cloud answers no other.
    client.meta.events.register_first("choose-signer.sts.*", lambda **_: "v4")
    return client
