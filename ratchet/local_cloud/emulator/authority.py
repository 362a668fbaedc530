"""Who may do what: MiniStack's evaluator, asked for what MiniStack itself does not ask it for.

MiniStack (AUTH=true) evaluates a request's own action. Here are: SageMaker's requests (the table is
`sagemaker/authorisation.py`), sessions of roles for what SageMaker does on a role's behalf, the KMS
key behind S3 objects, a metric's namespace, the resource in S3's refusals, and the root's key.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from ministack import app
from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import request_scope

from ratchet.local_cloud.sagemaker.authorisation import Denied, Need
from ratchet.local_cloud.sagemaker.store import Scope

_LOG = logging.getLogger("ratchet.authority")
_SENTENCE = "User: {who} is not authorized to perform: {action} on resource: {resource} {reason}"


class Authority:
    """The answers of one local cloud. `enforced`: False allows everything."""

    def __init__(self, *, enforced: bool) -> None:
        self.enforced = enforced

    def root(self, scope: Scope) -> dict[str, str]:
        """Credentials of an account's root: the folder's key is that of the first account only."""
        from ministack.services import sts

        secret = hashlib.sha256(f"root:{_SALT}".encode()).hexdigest()
        key = f"ASIAROOT{scope.account}"
        if not self.enforced:
            key = scope.account
        else:
            sts.register_session(
                key,
                {
                    "Arn": f"arn:aws:iam::{scope.account}:root",
                    "UserId": scope.account,
                    "AccountId": scope.account,
                    "PrincipalType": "Root",
                    "SecretAccessKey": secret,
                    "SessionToken": None,
                },
            )
        return {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}

    def check(self, scope: Scope, access_key: str, needs: Iterable[Need]) -> None:
        """Raises `Denied` for the first of the needs that the key's owner may not do."""
        if not self.enforced:
            return
        with request_scope(scope.account, scope.region):
            iam_evaluator.pin_request_origin("127.0.0.1", True)
            for need in needs:
                service = need.action.partition(":")[0]
                context = {**need.context, **_resource_tags(scope, need.resource)}
                found = iam_evaluator.enforce(
                    access_key,
                    need.action,
                    service,
                    scope.region,
                    resource_arn=need.resource,
                    service_context=context,
                )
                if found is None:
                    continue
                if isinstance(found, iam_evaluator.AuthError):
                    raise Denied(found.message)
                sentence = _sentence(found, need.action, need.resource)
                _LOG.warning("denied: %s", sentence)
                raise Denied(sentence)

    def session(self, scope: Scope, role_arn: str, name: str, service: str) -> dict[str, str]:
        """Credentials of a session of a role that trusts `service`; raises `Denied`."""
        from ministack.services import iam, sts

        role_name = role_arn.rsplit("/", 1)[-1]
        digest = hashlib.sha256(f"{role_arn}:{name}:{_SALT}".encode()).hexdigest()
        key = f"ASIA{digest[:16].upper()}"
        if self.enforced:
            role = iam._roles.get_scoped(scope.account, None, role_name)
            if role is None or not _trusts(role, service, scope):
                raise Denied(
                    f"The role {role_arn} is invalid: {service} is not allowed to assume "
                    "it. Ensure that the role exists and that its trust relationship "
                    f"policy allows the action sts:AssumeRole for the service principal {service}."
                )
        credentials = {
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": hashlib.sha256(f"secret:{digest}".encode()).hexdigest(),
            "AWS_SESSION_TOKEN": hashlib.sha256(f"token:{digest}".encode()).hexdigest(),
        }
        sts.register_session(
            key,
            {
                "Arn": f"arn:aws:sts::{scope.account}:assumed-role/{role_name}/{name}",
                "UserId": f"{role_name}:{name}",
                "AccountId": scope.account,
                "SecretAccessKey": credentials["AWS_SECRET_ACCESS_KEY"],
                "SessionToken": credentials["AWS_SESSION_TOKEN"],
            },
        )
        return credentials


_SALT = secrets.token_hex(8)
_RESOURCE_TAGS: Any = None


def _resource_tags(scope: Scope, resource: str) -> dict[str, str]:
    if _RESOURCE_TAGS is None or ":sagemaker:" not in resource:
        return {}
    found = {}
    for tag in _RESOURCE_TAGS(scope, resource):
        found[f"aws:ResourceTag/{tag['Key']}"] = tag["Value"]
        found[f"sagemaker:ResourceTag/{tag['Key']}"] = tag["Value"]
    return found


def _trusts(role: Mapping[str, Any], service: str, scope: Scope) -> bool:
    document = role.get("AssumeRolePolicyDocument")
    document = json.loads(document) if isinstance(document, str) else document
    context = iam_evaluator.EvalContext(
        principal_arn="-",
        principal_type="Service",
        principal_account="",
        action="sts:AssumeRole",
        resource_arn=role.get("Arn", "*"),
        region=scope.region,
        service_context={"aws:sourceaccount": scope.account},
    )
    return (
        iam_evaluator.evaluate_resource_policy(
            {"Statement": [{**s, "Resource": "*"} for s in document["Statement"]]},
            context,
            service=service,
        ).decision
        == "Allow"
    )


def _sentence(found: Any, action: str, resource: str) -> str:
    if found.resource_policy_arn:
        reason = "with an explicit deny in a resource-based policy"
    elif found.decision == "Deny":
        reason = "with an explicit deny in an identity-based policy"
    else:
        reason = f"because no identity-based policy allows the {action} action"
    return _SENTENCE.format(
        who=found.principal_arn, action=action, resource=resource, reason=reason
    )


def own_root(account: str, folder_secret: Mapping[str, str]) -> None:
    """Make a folder's own key the account's root, and nobody else (`test`, twelve digits)."""
    from ministack.services import sts

    sts.register_session(
        folder_secret["key"],
        {
            "Arn": f"arn:aws:iam::{account}:root",
            "UserId": account,
            "AccountId": account,
            "PrincipalType": "Root",
            "SecretAccessKey": folder_secret["secret"],
            "SessionToken": None,
        },
    )
    iam_evaluator.is_root_access_key = lambda key: not key


def install(tags: Any) -> None:
    """Teach MiniStack's gateway; every name is looked up at each request, so replacing it does."""
    global _RESOURCE_TAGS
    _RESOURCE_TAGS = tags
    _sagemaker_is_ours()
    _namespace_of_metrics()
    _alarms_by_name()
    _resource_in_refusals()
    _key_behind_objects()


def _sagemaker_is_ours() -> None:
    """MiniStack checks the signature only; `gateway` the permissions."""
    extract = iam_actions.extract_iam_action

    def action(service: str, *given: Any) -> str | None:
        return None if service == "sagemaker" else extract(service, *given)

    iam_actions.extract_iam_action = action


def _namespace_of_metrics() -> None:
    tagged = iam_actions.request_tag_context

    def context(
        service: str, iam_action: str, body: bytes, params: dict[str, Any]
    ) -> dict[str, Any]:
        found = tagged(service, iam_action, body, params)
        if iam_action == "cloudwatch:PutMetricData":
            found = {**found, "cloudwatch:namespace": _namespace(body, params)}
        return found

    iam_actions.request_tag_context = context


def _alarms_by_name() -> None:
    extract = iam_actions.extract_resource_arn

    def resource(
        service: str,
        method: str,
        path: str,
        headers: Any,
        body: bytes,
        params: Any,
        region: str,
        account: str,
    ) -> str:
        found = extract(service, method, path, headers, body, params, region, account)
        if service == "monitoring" and found == "*":
            names = _body(body, params).get("AlarmNames") or []
            if names:  # a prototype: AWS checks each of them
                return f"arn:aws:cloudwatch:{region}:{account}:alarm:{names[0]}"
        return found

    iam_actions.extract_resource_arn = resource


def _body(body: bytes, params: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        return json.loads(body)
    except ValueError:
        pass
    try:
        import cbor2

        found = cbor2.loads(body)
        return found if isinstance(found, dict) else {}
    except Exception:
        return {}


def _namespace(body: bytes, params: Mapping[str, Any]) -> str:
    value = params.get("Namespace")
    if value:
        return value[0] if isinstance(value, list) else value
    return str(_body(body, params).get("Namespace"))


def _resource_in_refusals() -> None:
    respond = iam_actions.access_denied_response
    last: dict[str, Any] = {}

    def denied(service: str, action: str, principal_arn: str, request_id: str, **more: Any) -> Any:
        resource = more.get("resource_arn", "*")
        if not more.get("message") and not more.get("resource_policy_arn"):
            shown = f'"{resource}"' if service == "s3" else resource
            if action.startswith("kms:"):
                shown = last.get(action, resource)
            more["message"] = iam_actions.identity_denial_message(
                action, principal_arn, shown, more.get("explicit_deny", False)
            )
        _LOG.warning("denied: %s", more.get("message") or f"{principal_arn} {action} {resource}")
        return respond(service, action, principal_arn, request_id, **more)

    iam_actions.access_denied_response = denied
    enforce = iam_evaluator.enforce

    def enforced(access_key: str, action: str, service: str, region: str, **more: Any) -> Any:
        if service == "s3" and action.startswith("kms:"):
            service = "kms"  # so that the key's own policy is asked
            last[action] = more.get("resource_arn")
            more["service_context"] = {
                **(more.get("service_context") or {}),
                "kms:ViaService": f"s3.{region}.amazonaws.com",
            }
        return enforce(access_key, action, service, region, **more)

    iam_evaluator.enforce = enforced


def _key_behind_objects() -> None:
    additional = iam_actions.s3_additional_checks

    def checks(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Any:
        found = list(additional(method, path, headers, body, query))
        action = iam_actions._s3_action(method, path, query) or ""
        wanted = {
            "PutObject": "kms:GenerateDataKey",
            "GetObject": "kms:Decrypt",
            "GetObjectVersion": "kms:Decrypt",
        }.get(action)
        parts = [part for part in path.split("/") if part]
        if wanted and len(parts) > 1:
            key = _key_of(parts[0], "/".join(parts[1:]), headers, reading=action != "PutObject")
            if key:
                found.append((wanted, key))
        return found

    iam_actions.s3_additional_checks = checks


_KEY = "x-amz-server-side-encryption-aws-kms-key-id"


def _key_of(bucket: str, key: str, headers: Mapping[str, str], *, reading: bool) -> str | None:
    s3 = app._get_module("s3")
    stored = s3._buckets.get(bucket)
    if stored is None:
        return None
    kept = (stored["objects"].get(key) or {}).get("preserved_headers") or {}
    named = (kept if reading else headers).get(_KEY)
    named = named or s3._bucket_default_sse_headers(bucket).get(_KEY)
    if not named or named.endswith("alias/aws/s3"):  # everybody in the account may, through S3
        return None
    from ministack.core.responses import get_account_id, get_region

    return (
        named
        if named.startswith("arn:")
        else (
            f"arn:aws:kms:{get_region()}:{get_account_id()}:"
            + (named if named.startswith("alias/") else f"key/{named}")
        )
    )


def s3_needs(method: str, path: str, query: dict[str, Any]) -> Iterable[Need]:
    """What a request to S3 that does not come by the gateway needs."""
    yield Need(
        f"s3:{iam_actions._s3_action(method, path, query)}",
        f"arn:aws:s3:::{path.lstrip('/')}",
        iam_actions.s3_service_context("", query),
    )
    for action, arn in iam_actions.s3_additional_checks(method, path, {}, b"", query):
        yield Need(action, arn)
