"""The further permissions of a request to one of MiniStack's services, beside its own action.

``iam:PassRole`` where a service is handed a role, the KMS key behind objects, queues and topics,
every alarm that DescribeAlarms names, and the condition keys that MiniStack leaves out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ministack import app
from ministack.core import iam_actions

from ratchet.local_cloud.emulator import role_sessions
from ratchet.local_cloud.emulator.evaluator import ConditionKey
from ratchet.local_cloud.emulator.gateway import current_scope
from ratchet.local_cloud.sagemaker.authorisation import Need, pass_role, values_at
from ratchet.local_cloud.sagemaker.store import AccountScope

Body = Mapping[str, Any]

WRAPPED = {
    iam_actions: (
        "_s3_action",
        "extract_iam_action",
        "extract_resource_arn",
        "request_tag_context",
        "s3_additional_checks",
        "s3_service_context",
    ),
}
"""The names of MiniStack's that are replaced or read, by their module."""

PASSED_ROLES: Mapping[str, tuple[str, ...]] = {
    "lambda:CreateFunction": ("Role",),
    "lambda:UpdateFunctionConfiguration": ("Role",),
    "scheduler:CreateSchedule": ("Target.RoleArn",),
    "scheduler:UpdateSchedule": ("Target.RoleArn",),
    "events:PutRule": ("RoleArn",),
    "events:PutTargets": ("Targets[].RoleArn",),
    "cloudformation:CreateStack": ("RoleARN",),
    "cloudformation:UpdateStack": ("RoleARN",),
    "cloudformation:DeleteStack": ("RoleARN",),
    "cloudformation:CreateChangeSet": ("RoleARN",),
}
"""Where a request hands a role to its service."""

CONDITION_MEMBERS: Mapping[str, Mapping[str, str]] = {
    "cloudwatch:PutMetricData": {"cloudwatch:namespace": "Namespace"},
    **{
        f"cloudformation:{operation}": {
            "cloudformation:RoleArn": "RoleARN",
            "cloudformation:TemplateUrl": "TemplateURL",
            "cloudformation:StackPolicyUrl": "StackPolicyURL",
        }
        for operation in ("CreateStack", "UpdateStack", "DeleteStack", "CreateChangeSet")
    },
    "iam:CreateRole": {"iam:PermissionsBoundary": "PermissionsBoundary"},
    "iam:CreateUser": {"iam:PermissionsBoundary": "PermissionsBoundary"},
    "iam:PutRolePermissionsBoundary": {"iam:PermissionsBoundary": "PermissionsBoundary"},
    "iam:AttachRolePolicy": {"iam:PolicyARN": "PolicyArn"},
    "iam:DetachRolePolicy": {"iam:PolicyARN": "PolicyArn"},
    "sns:Subscribe": {"sns:Protocol": "Protocol", "sns:Endpoint": "Endpoint"},
    "lambda:AddPermission": {"lambda:Principal": "Principal"},
    "lambda:CreateEventSourceMapping": {"lambda:FunctionArn": "FunctionName"},
}
"""Condition keys of an action, and the member of its request that each has the value of."""

OF_OURS = frozenset({"bedrock", "bedrock-agent-runtime", "bedrock-runtime", "sagemaker"})
"""Services that ask for the permissions of their requests themselves."""

_KEY_ACTIONS: Mapping[str, tuple[str, ...]] = {
    "sqs:SendMessage": ("kms:GenerateDataKey", "kms:Decrypt"),
    "sqs:SendMessageBatch": ("kms:GenerateDataKey", "kms:Decrypt"),
    "sqs:ReceiveMessage": ("kms:Decrypt",),
    "sns:Publish": ("kms:GenerateDataKey", "kms:Decrypt"),
    "sns:PublishBatch": ("kms:GenerateDataKey", "kms:Decrypt"),
}
"""What a request does with the key of a queue or topic, as its caller."""

_READS = frozenset({"s3:GetObject", "s3:GetObjectVersion"})
"""What needs the key of the object; a write needs its own, and an upload in parts to read them:
https://repost.aws/knowledge-center/s3-large-file-encryption-kms-key."""

_OBJECT_KEY = "x-amz-server-side-encryption-aws-kms-key-id"


def install() -> None:
    """Have MiniStack ask for it, as far as its own check of a request can."""
    iam_actions.extract_iam_action = _elsewhere(iam_actions.extract_iam_action)
    iam_actions.request_tag_context = _with_members(iam_actions.request_tag_context)
    iam_actions.s3_additional_checks = _with_object_keys(iam_actions.s3_additional_checks)
    iam_actions.extract_resource_arn = _with_names(iam_actions.extract_resource_arn)


def needs(scope: AccountScope, action: str, resource: str, request: Body) -> Iterator[Need]:
    """What a request needs beside ``action`` on ``resource``."""
    service = action.partition(":")[0]
    for path in PASSED_ROLES.get(action, ()):
        for role in values_at(request, path):
            yield pass_role(role, f"{service}.amazonaws.com")
    if action == "cloudwatch:DescribeAlarms":
        for name in values_at(request, "AlarmNames"):
            yield Need(action, scope.of_service("cloudwatch", f"alarm:{name}"))
    if action == "cloudformation:UpdateStack":
        yield from _parameter_needs(scope, str(request.get("StackName")))
    yield from key_needs_of(scope, action, resource)


def _parameter_needs(scope: AccountScope, stack_name: str) -> Iterator[Need]:
    """CloudFormation looks up, as the caller, the values of a stack's parameters of type
    ``AWS::SSM::Parameter::Value``."""
    from ministack.services.cloudformation import handlers

    stack = handlers._resolve_stack(stack_name) or {}
    for value in (stack.get("_resolved_params") or {}).values():
        if isinstance(value, Mapping) and value.get("SsmName"):
            name = str(value["SsmName"]).lstrip("/")
            yield Need("ssm:GetParameters", scope.of_service("ssm", f"parameter/{name}"))


def has_more(action: str) -> bool:
    """Whether a request of an action may need more than the action."""
    return action in PASSED_ROLES or action in _KEY_ACTIONS or action == "cloudwatch:DescribeAlarms"


def key_needs_of(scope: AccountScope, action: str, resource: str) -> Iterator[Need]:
    """What the caller of ``action`` does with the key of a queue or topic.

    The key that AWS manages for a service may be used through it by everyone in the account.
    """
    key = _key_id(action, resource)
    arn = key_arn(scope, key) if key else None
    return _key_needs(scope, action, arn) if arn else iter(())


def service_key_needs(scope: AccountScope, action: str, resource: str) -> Iterator[Need]:
    """The same for a service that delivers there: nobody lets it use a key that AWS manages."""
    key = _key_id(action, resource)
    if not key:
        return iter(())
    managed = scope.of_service("kms", key.rpartition(":")[2])
    return _key_needs(scope, action, key_arn(scope, key) or managed)


def _key_needs(scope: AccountScope, action: str, key_arn: str) -> Iterator[Need]:
    service = action.partition(":")[0]
    via = {"kms:ViaService": f"{service}.{scope.region}.amazonaws.com"}
    for operation in _KEY_ACTIONS.get(action, ()):
        yield Need(operation, key_arn, via)


def _key_id(action: str, arn: str) -> str | None:
    """The KMS key that a queue or topic names, as it names it."""
    service = action.partition(":")[0]
    stored = None
    if service == "sqs":
        stored = app._get_module("sqs")._queue_by_arn(arn)
    elif service == "sns":
        stored = app._get_module("sns")._topic_by_arn_any_scope(arn)
    return (stored or {}).get("attributes", {}).get("KmsMasterKeyId") or None


def object_needs(
    scope: AccountScope,
    method: str,
    path: str,
    headers: Mapping[str, str],
    query: Mapping[str, Any],
) -> Iterator[Need]:
    """What a request to S3 needs that does not come by the network, in MiniStack's order.

    As its ``_dispatch_service_request`` asks for it; in the scope of the request.
    """
    request = ("s3", method, path, headers, b"", query)
    action = iam_actions.extract_iam_action(*request)
    resource = iam_actions.extract_resource_arn(*request, scope.region, scope.account)
    keys = iam_actions.request_tag_context("s3", action, b"", query)
    yield Need(
        action, resource, keys | iam_actions.s3_service_context(action, query, path, headers)
    )
    via = {"kms:ViaService": f"s3.{scope.region}.amazonaws.com"}
    for further, arn in iam_actions.s3_additional_checks(method, path, headers, b"", query):
        yield Need(further, arn, via if further.startswith("kms:") else {})


def key_arn(scope: AccountScope, key: str) -> str | None:
    """ARN of a KMS key given by ARN, id or alias; None for AWS's own keys."""
    alias = key.rpartition(":")[2]
    if alias.startswith("alias/aws/"):
        return None
    if key.startswith("arn:") and not alias.startswith("alias/"):
        return key
    record = app._get_module("kms")._resolve_key(alias)
    resource = alias if alias.startswith("alias/") else f"key/{key}"
    return str(record["Arn"]) if record else scope.of_service("kms", resource)


def kms_grant(principal_arn: str, action: str, key_arn: str) -> str:
    """The grant of a key that gives an operation to a principal or to the role of its session."""
    operation = action.partition(":")[2]
    account = principal_arn.split(":")[4]
    role = role_sessions.role_of(principal_arn)
    for grant_id, grant in app._get_module("kms")._grants.items():
        grantee = str(grant.get("GranteePrincipal", ""))
        is_role = grantee.startswith(f"arn:aws:iam::{account}:role/") and grantee.endswith(
            f"/{role}"
        )
        if (
            grant.get("KeyId") == key_arn
            and operation in grant.get("Operations", ())
            and not grant.get("Constraints")
            and (grantee == principal_arn or (role and is_role))
        ):
            return f"{key_arn}/grant/{grant_id}"
    return ""


def resource_keys(
    tags: Callable[[AccountScope, str], Iterable[Mapping[str, str]]],
) -> dict[str, ConditionKey]:
    """Suppliers of the condition keys that are facts of the resource or of the cloud."""

    def tag(name: str, arn: str) -> str | None:
        if ":sagemaker:" not in arn:
            return None
        values = {tag["Key"].lower(): tag["Value"] for tag in tags(current_scope(), arn)}
        return values.get(name.lower())

    return {
        "aws:resourcetag/": tag,
        "sagemaker:resourcetag/": tag,
        "kms:calleraccount": lambda *_: current_scope().account,
        "aws:viaawsservice": lambda *_: "false",
        "aws:principalisawsservice": lambda *_: "false",
    }


def parsed(body: bytes, params: Mapping[str, Any]) -> Body:
    """A request's members, from JSON, CBOR or the Query protocol's parameters."""
    if body[:1] == b"{":
        try:
            content = json.loads(body)
        except ValueError:
            content = None
        if isinstance(content, dict):
            return content
    elif body and not params:
        return _cbor(body)
    return _of_query(params)


def _cbor(body: bytes) -> Body:
    try:
        import cbor2  # type: ignore[import-not-found]  # MiniStack's, where it is installed

        content = cbor2.loads(body)
    except (ImportError, ValueError, EOFError):
        return {}
    return content if isinstance(content, dict) else {}


def _of_query(params: Mapping[str, Any]) -> Body:
    """``AlarmNames.member.1=a`` → ``{"AlarmNames": ["a"]}``; other names as they are."""
    content: dict[str, Any] = {}
    for name, value in params.items():
        text = value[0] if isinstance(value, list) and value else value
        start, member, _ = name.partition(".member.")
        if member:
            content.setdefault(start, []).append(text)
        else:
            content[name] = text
    return content


def _elsewhere(extract: Callable[..., str | None]) -> Callable[..., str | None]:
    """MiniStack checks the signature of these requests only; ``gateway`` and ``bedrock`` the
    permissions."""

    def action(service: str, *request: Any) -> str | None:
        return None if service in OF_OURS else extract(service, *request)

    return action


def _with_members(tag_context: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def context(service: str, action: str, body: bytes, params: dict[str, Any]) -> dict[str, Any]:
        keys = tag_context(service, action, body, params)
        if action in CONDITION_MEMBERS:
            request = parsed(body, params)
            for key, member in CONDITION_MEMBERS[action].items():
                value = next(values_at(request, member), None)
                if value:
                    keys[key] = value
        return keys

    return context


def _with_names(extract: Callable[..., str]) -> Callable[..., str]:
    """DescribeAlarms by name needs each alarm; `needs` adds all but the first of them. A KMS key
    that is called by an alias is asked for as itself:
    https://docs.aws.amazon.com/kms/latest/developerguide/alias-authorization.html."""

    def resource(
        service: str, method: str, path: str, headers: Any, body: bytes, *arguments: Any
    ) -> str:
        arn = extract(service, method, path, headers, body, *arguments)
        if service == "kms" and ":alias/" in arn:
            return key_arn(current_scope(), arn) or arn
        if service == "monitoring" and arn == "*":
            params, region, account = arguments
            name = next(values_at(parsed(body, params), "AlarmNames"), None)
            if name:
                scope = AccountScope(account=account, region=region)
                return scope.of_service("cloudwatch", f"alarm:{name}")
        return arn

    return resource


def _with_object_keys(additional: Callable[..., Any]) -> Callable[..., Any]:
    """The key of the object that is written, and of each that is read, as a copy's source is."""

    def checks(method: str, path: str, headers: Any, body: bytes, query: Any) -> list[Any]:
        pairs = list(additional(method, path, headers, body, query))
        action = f"s3:{iam_actions._s3_action(method, path, query)}"
        target = f"arn:aws:s3:::{path.lstrip('/')}"
        bucket, _, name = path.lstrip("/").partition("/")
        read = [arn for operation, arn in ((action, target), *pairs) if operation in _READS]
        keys = [("kms:Decrypt", _key_of_stored(arn)) for arn in read]
        if action == "s3:PutObject" and name:
            key = _key_of_written(target, headers, query)
            keys.append(("kms:GenerateDataKey", key))
            if "uploadId" in query:  # the parts are read again when they are joined
                keys.append(("kms:Decrypt", key))
        pairs += [(operation, key) for operation, key in keys if key]
        if action == "s3:GetObject" and name and _is_missing(bucket, name):
            pairs.append(("s3:ListBucket", f"arn:aws:s3:::{bucket}"))
        return pairs

    return checks


def _is_missing(bucket: str, key: str) -> bool:
    """Whether there is no such object, which S3 says to those only who may list the bucket; others
    are refused: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html."""
    stored = app._get_module("s3")._buckets.get(bucket)
    return stored is not None and key not in stored["objects"]


def _key_of_stored(object_arn: str) -> str | None:
    """The KMS key that an object was written with."""
    bucket, _, key = object_arn.removeprefix("arn:aws:s3:::").partition("/")
    stored = app._get_module("s3")._buckets.get(bucket) or {"objects": {}}
    headers = (stored["objects"].get(key) or {}).get("preserved_headers") or {}
    return key_arn(current_scope(), headers[_OBJECT_KEY]) if _OBJECT_KEY in headers else None


def _key_of_written(object_arn: str, headers: Any, query: Any) -> str | None:
    """The KMS key of a write: its own, its upload's, or else the bucket's."""
    s3 = app._get_module("s3")
    bucket = object_arn.removeprefix("arn:aws:s3:::").partition("/")[0]
    upload_id = next(iter(query.get("uploadId") or ()), None)
    upload = s3._multipart_uploads.get(upload_id) if upload_id else None
    headers_of_write = (upload or {}).get("preserved_headers") or headers
    key = headers_of_write.get(_OBJECT_KEY) or s3._bucket_default_sse_headers(bucket).get(
        _OBJECT_KEY
    )
    return key_arn(current_scope(), key) if key else None
