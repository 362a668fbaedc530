"""What services ask of a role that they are handed: that it trusts them, and may do its work.

The same for requests of the API and for resources of templates, whose members have the same names.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ministack import app
from ministack.core import lambda_runtime
from ministack.core.responses import request_scope

from ratchet.local_cloud.emulator.authority import Authority
from ratchet.local_cloud.emulator.http_needs import PASSED_ROLES, key_needs_of
from ratchet.local_cloud.sagemaker.authorisation import Denied, Need, values_at
from ratchet.local_cloud.sagemaker.errors import ApiError
from ratchet.local_cloud.sagemaker.store import AccountScope

LAMBDA = "lambda.amazonaws.com"
WRAPPED = {lambda_runtime: ("execution_credentials",)}
"""The names of MiniStack's that are replaced, by their module; also in ``lambda_svc``."""

_LOG = logging.getLogger("ratchet.authority")
_NOT_TRUSTED = {
    "lambda": (
        "InvalidParameterValueException",
        "The role defined for the function cannot be assumed by Lambda.",
    ),
    "scheduler": (
        "ValidationException",
        "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.",
    ),
    "cloudformation": (
        "ValidationError",
        "Role {role} is invalid or cannot be assumed",
    ),
}
"""By service: the error about a role that does not trust it; the others look when they use it."""

_READ_QUEUE = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")


def check(
    authority: Authority, scope: AccountScope, action: str, request: Mapping[str, Any]
) -> None:
    """Raises ``ApiError`` where a service refuses a role that ``request`` hands to it."""
    service = action.partition(":")[0]
    if service in _NOT_TRUSTED:
        for path in PASSED_ROLES.get(action, ()):
            for role in values_at(request, path):
                if not authority.trusts(scope, role, f"{service}.amazonaws.com"):
                    code, message = _NOT_TRUSTED[service]
                    raise ApiError(code, message.format(role=role))
    if action == "lambda:CreateEventSourceMapping":
        check_reader(authority, scope, request)


def check_reader(authority: Authority, scope: AccountScope, request: Mapping[str, Any]) -> None:
    """Raises ``ApiError`` unless the role of the function may read the queue that it is to read:
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html."""
    queue = str(request.get("EventSourceArn") or "")
    role = _role_of(scope, str(request.get("FunctionName") or ""))
    if ":sqs:" not in queue or not role:
        return
    for need in _reader_needs(scope, queue):
        try:
            authority.check_role(scope, role, LAMBDA, [need])
        except Denied:
            service, _, operation = need.action.partition(":")
            raise ApiError(
                "InvalidParameterValueException",
                "The function execution role does not have permissions to call "
                f"{operation} on {service.upper()}",
            ) from None


def _reader_needs(scope: AccountScope, queue_arn: str) -> Iterator[Need]:
    for action in _READ_QUEUE:
        yield Need(action, queue_arn)
    yield from key_needs_of(scope, "sqs:ReceiveMessage", queue_arn)


def _role_of(scope: AccountScope, function: str) -> str | None:
    """The role of a function, by its name or its ARN."""
    name = function.partition(":function:")[2] or function
    with request_scope(scope.account, scope.region):
        record = app._get_module("lambda_svc")._functions.get(name.partition(":")[0])
    return record["config"].get("Role") if record else None


def install(authority: Authority) -> None:
    """Give functions a session of their role that only this cloud can make.

    MiniStack derives keys and secrets from the function's ARN, and asks for no trust.
    """
    credentials = _sessions(authority)
    lambda_runtime.execution_credentials = credentials
    app._get_module("lambda_svc").execution_credentials = credentials


def _sessions(authority: Authority) -> Callable[[Mapping[str, Any]], dict[str, str]]:
    def credentials(config: Mapping[str, Any]) -> dict[str, str]:
        arn = str(config.get("FunctionArn", ""))
        _, _, _, region, account, *_ = arn.split(":")
        scope = AccountScope(account=account, region=region)
        name = str(config.get("FunctionName", "function"))[:64]
        try:
            return authority.session(
                scope, str(config.get("Role", "")), name, service=LAMBDA, source_arn=arn
            )
        except Denied as denied:
            _LOG.error("%s is not run: %s", name, denied)
            raise PermissionError(_NOT_TRUSTED["lambda"][1]) from None

    return credentials
