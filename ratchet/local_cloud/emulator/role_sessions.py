"""Sessions of roles: their roles, and the facts that decisions depend on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import AuthError

_INVALID = "The security token included in the request is invalid."
_CACHED_PRINCIPALS = 4096


def role_of(principal_arn: str) -> str:
    """The name of the role of a session; empty for other principals."""
    _, assumed, session = principal_arn.partition(":assumed-role/")
    return session.partition("/")[0] if assumed else ""


def once(resolve: Callable[..., Any]) -> Callable[..., Any]:
    """The principal of a role's session, as long as neither the session nor the role changes.

    MiniStack gathers a caller's policies three times for each request.
    """
    principals: dict[str, tuple[object, Any]] = {}

    def resolved(access_key: str, account_id: str, credential: Any = None) -> Any:
        facts = _role_facts(access_key)
        if facts is None:
            return resolve(access_key, account_id, credential)
        if _is_of_former_role(access_key):
            return AuthError("InvalidClientTokenId", _INVALID)
        cached = principals.get(access_key)
        if cached is None or cached[0] != facts:
            if len(principals) >= _CACHED_PRINCIPALS:
                principals.clear()
            cached = principals[access_key] = (facts, resolve(access_key, account_id, credential))
        return cached[1]

    return resolved


def _is_of_former_role(access_key: str) -> bool:
    """Whether a session's role was deleted and another made with its name."""
    from ministack.services import iam, sts

    session = sts._sessions.get(access_key) or {}
    role_id = str(session.get("UserId", "")).partition(":")[0]
    account = session.get("AccountId") or session["Arn"].split(":")[4]
    role = iam._roles.get_scoped(account, None, role_of(session["Arn"])) or {}
    return bool(role_id and role) and role.get("RoleId", role_id) != role_id


def _role_facts(access_key: str) -> object:
    """All that a role's session depends on; None for another principal's or an expired one."""
    from ministack.services import iam, sts

    session = sts._sessions.get(access_key)
    role_name = role_of(session.get("Arn", "")) if session else ""
    expires = (session or {}).get("Expiration")
    if not role_name or (isinstance(expires, (int, float)) and time.time() > expires):
        return None
    account = session.get("AccountId") or session["Arn"].split(":")[4]
    role = iam._roles.get_scoped(account, None, role_name) or {}
    boundary = role.get("PermissionsBoundary")
    attached = [*role.get("AttachedPolicies", ()), *([boundary] if boundary else ())]
    attached += (session.get("SessionPolicies") or {}).get("PolicyArns") or ()
    return (
        tuple(session.items()),
        tuple((role.get("InlinePolicies") or {}).items()),
        tuple((arn, _text_of(arn, account)) for arn in attached),
        boundary,
        tuple((tag["Key"], tag["Value"]) for tag in role.get("Tags") or ()),
    )


def _text_of(policy_arn: str, account: str) -> str:
    document = iam_evaluator._resolve_managed_policy_document(policy_arn, account)
    return document if isinstance(document, str) else json.dumps(document)
