"""Who may do what in one local cloud: requests, sessions of roles, and the people who use it.

``evaluator`` decides; this is what the rest of the cloud asks. ``http_needs`` says what a request
to another service needs beside its own action, ``deliveries`` what services do without a caller.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterable, Mapping
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import request_scope

from ratchet.local_cloud.decisions import DecisionLog
from ratchet.local_cloud.emulator import evaluator
from ratchet.local_cloud.sagemaker.authorisation import Denied, Need
from ratchet.local_cloud.sagemaker.store import AccountScope

ADMINISTRATOR = "administrator"
"""The IAM user whose access key is the folder's."""

SAGEMAKER = "sagemaker.amazonaws.com"
_EVERYTHING = "arn:aws:iam::aws:policy/AdministratorAccess"
_LOOPBACK = ("127.0.0.1", True)
"""Address and secure transport of what does not come by the network."""


class Authority:
    """The answers of one local cloud.

    Args:
        enforced: False allows everything.
        secret: the folder's; sessions of roles are derived from it, so that a restart makes the
            same ones and what still runs goes on.
    """

    def __init__(self, *, enforced: bool, secret: str, log: DecisionLog) -> None:
        self.enforced = enforced
        self.log = log
        self._secret = secret.encode()

    def check(self, scope: AccountScope, access_key: str, needs: Iterable[Need]) -> None:
        """Raises `Denied` for the first of the needs that the key's owner may not do."""
        if not self.enforced:
            return
        with request_scope(scope.account, scope.region):
            iam_evaluator.pin_request_origin(*_LOOPBACK)
            for need in needs:
                denial = iam_evaluator.enforce(
                    access_key,
                    need.action,
                    need.action.partition(":")[0],
                    scope.region,
                    need.resource,
                    need.context,
                )
                if isinstance(denial, iam_evaluator.AuthError):
                    raise Denied(denial.message)
                if denial is not None:
                    raise Denied(evaluator.denial_sentence(need.action))

    def check_role(
        self,
        scope: AccountScope,
        role_arn: str,
        service: str,
        needs: Iterable[Need],
        *,
        source_arn: str = "",
    ) -> None:
        """Raises `Denied` unless `service` may assume the role and the role may do all of it."""
        name = service.partition(".")[0]
        session = self.session(scope, role_arn, name, service=service, source_arn=source_arn)
        self.check(scope, session["AWS_ACCESS_KEY_ID"], needs)

    def session(
        self,
        scope: AccountScope,
        role_arn: str,
        name: str,
        *,
        service: str = SAGEMAKER,
        source_arn: str = "",
    ) -> dict[str, str]:
        """Variables with credentials of a role's session, made for a service; raises `Denied`."""
        if self.enforced and not self.trusts(scope, role_arn, service, source_arn):
            raise Denied(
                f"Could not assume role {role_arn}. Please ensure that the role exists and allows "
                f"principal '{service}' to assume the role."
            )
        role_name = role_arn.rpartition("/")[2]
        return self._registered(
            f"{role_arn}:{name}",
            token=True,
            Arn=f"arn:aws:sts::{scope.account}:assumed-role/{role_name}/{name}",
            UserId=f"{_role_id(scope, role_name)}:{name}",
            AccountId=scope.account,
        )

    def root(self, scope: AccountScope) -> dict[str, str]:
        """Variables with credentials of the account's root, for what is this machine's own."""
        return self._registered(
            f"{scope.account}:root",
            token=False,
            Arn=f"arn:aws:iam::{scope.account}:root",
            UserId=scope.account,
            AccountId=scope.account,
            PrincipalType="Root",
        )

    def identity(self, scope: AccountScope, access_key: str) -> dict[str, str]:
        """A caller as ``CreatedBy`` shows it: ``Arn`` and ``PrincipalId``."""
        with request_scope(scope.account, scope.region):
            caller = iam_evaluator.resolve_caller_identity(access_key) or {}
        return {
            "Arn": caller.get("userArn") or f"arn:aws:iam::{scope.account}:root",
            "PrincipalId": caller.get("userId") or scope.account,
        }

    def trusts(
        self, scope: AccountScope, role_arn: str, service: str, source_arn: str = ""
    ) -> bool:
        """Whether a role exists and lets a service assume it on behalf of `source_arn`."""
        role = _role(scope, role_arn)
        if role is None:
            return False
        document = role.get("AssumeRolePolicyDocument") or "{}"
        document = json.loads(document) if isinstance(document, str) else document
        statements = document.get("Statement") or []
        statements = [statements] if isinstance(statements, dict) else statements
        # A trust policy names no resource: the role is it.
        policy = {"Statement": [{**statement, "Resource": "*"} for statement in statements]}
        return service_may(
            scope, service, policy, "sts:AssumeRole", role_arn, source_arn=source_arn
        )

    def appoint(self, scope: AccountScope, keys: Mapping[str, str]) -> None:
        """Make the folder's key that of an IAM user with AdministratorAccess, and of nobody else.

        Root's well-known keys of MiniStack's (``test``, an account's number) are none any more.
        """
        from ministack.services import iam

        iam_evaluator.is_root_access_key = _is_no_key
        with request_scope(scope.account, scope.region):
            if ADMINISTRATOR not in iam._users:
                iam._create_user({"UserName": [ADMINISTRATOR]})
            request = {"UserName": [ADMINISTRATOR], "PolicyArn": [_EVERYTHING]}
            iam._attach_user_policy(request)
            iam._access_keys[keys["key"]] = {
                "UserName": ADMINISTRATOR,
                "AccessKeyId": keys["key"],
                "SecretAccessKey": keys["secret"],
                "Status": "Active",
                "CreateDate": iam._users[ADMINISTRATOR]["CreateDate"],
            }

    def _registered(self, subject: str, *, token: bool, **session: str) -> dict[str, str]:
        from ministack.services import sts

        key = f"ASIA{self._derived('key', subject)[:16].upper()}"
        secret = self._derived("secret", subject)
        session_token = self._derived("token", subject) if token else None
        sts.register_session(
            key, {**session, "SecretAccessKey": secret, "SessionToken": session_token}
        )
        variables = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}
        return {**variables, "AWS_SESSION_TOKEN": session_token} if session_token else variables

    def _derived(self, purpose: str, subject: str) -> str:
        text = f"{purpose}:{subject}".encode()
        return hmac.new(self._secret, text, hashlib.sha256).hexdigest()


def service_may(
    scope: AccountScope,
    service: str,
    policy: Any,
    action: str,
    resource: str,
    *,
    source_arn: str = "",
) -> bool:
    """Whether a resource's own policy lets a service act there for the account's `source_arn`."""
    iam_evaluator.pin_request_origin(*_LOOPBACK)
    context = {"aws:sourceaccount": scope.account, "aws:sourceowner": scope.account}
    if source_arn:
        context["aws:sourcearn"] = source_arn
    verdict = iam_evaluator.evaluate_resource_policy(
        policy,
        iam_evaluator.EvalContext(
            principal_arn="*",
            principal_type="Service",
            principal_account="",
            action=action,
            resource_arn=resource,
            region=scope.region,
            service_context=context,
        ),
        service=service,
    )
    return bool(verdict.decision == "Allow")


def keep_sessions() -> None:
    """Let STS save its sessions with the other services' states, and load them at a start.

    MiniStack forgets them, so a deployment that is under way would lose the role it assumed.
    """
    from ministack.services import sts

    lock = threading.Lock()

    def get_state() -> dict[str, Any]:
        with lock:
            return {"sessions": dict(sts._sessions)}

    def load_persisted_state(state: Mapping[str, Any]) -> None:
        sts._sessions.update(state.get("sessions") or {})

    sts.get_state, sts.load_persisted_state = get_state, load_persisted_state


def _is_no_key(access_key: str) -> bool:
    """In place of MiniStack's ``is_root_access_key``: its calls to itself have no key."""
    return not access_key


def _role(scope: AccountScope, role_arn: str) -> dict[str, Any] | None:
    from ministack.services import iam

    parts = role_arn.split(":", 5)
    account = parts[4] if len(parts) == 6 else scope.account
    role: dict[str, Any] | None = iam._roles.get_scoped(account, None, role_arn.rpartition("/")[2])
    return role


def _role_id(scope: AccountScope, name: str) -> str:
    return str((_role(scope, name) or {}).get("RoleId") or name)
