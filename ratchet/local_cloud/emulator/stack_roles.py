"""CloudFormation acts by the role that a stack was given, and the stack keeps it.

MiniStack ignores ``RoleARN``. Here it is kept in the stack's record, and each resource is created,
changed and deleted only if the role's policies let it. A stack without a role is not held to its
caller's policies.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

from ministack import app

from ratchet.local_cloud.emulator import service_roles
from ratchet.local_cloud.emulator.authority import Authority
from ratchet.local_cloud.emulator.gateway import Response, current_scope
from ratchet.local_cloud.emulator.http_needs import parsed
from ratchet.local_cloud.emulator.stack_permissions import ResourceChange, needs
from ratchet.local_cloud.sagemaker.authorisation import Denied
from ratchet.local_cloud.sagemaker.errors import ApiError

WRAPPED = {
    "changesets": ("_create_stack_task_in_region", "_find_change_set"),
    "handlers": ("_create_stack_task_in_region",),
    "stacks": ("_delete_resource", "_provision_resource", "_update_resource"),
}
"""The names of MiniStack's CloudFormation that are replaced or used, by their module."""

ROLE = "RoleARN"
"""Where a stack's and a change set's record keeps the role."""

_SERVICE = "cloudformation.amazonaws.com"
_SESSION = "AWSCloudFormation"
_HANDED = {
    "AWS::Lambda::EventSourceMapping": "lambda:CreateEventSourceMapping",
    "AWS::Lambda::Function": "lambda:CreateFunction",
    "AWS::Scheduler::Schedule": "scheduler:CreateSchedule",
}
"""Resources whose services look at the role that they are handed, as at a request's."""

_requested: ContextVar[str] = ContextVar("ratchet_stack_role", default="")

Handler = Callable[..., Awaitable[Response]]


def install_requests() -> None:
    """Stand before the requests; imports nothing of MiniStack's that takes long."""
    app.SERVICE_HANDLERS["cloudformation"] = _with_role(app.SERVICE_HANDLERS["cloudformation"])


def install(authority: Authority) -> None:
    """Stand before the operations on stacks and before each resource."""
    from ministack.services.cloudformation import changesets, handlers, stacks

    for module in (handlers, changesets):
        module._create_stack_task_in_region = _keeping(module._create_stack_task_in_region)
    checks = _Checks(authority)
    stacks._provision_resource = checks.creating(stacks._provision_resource)
    stacks._update_resource = checks.updating(stacks._update_resource)
    stacks._delete_resource = checks.deleting(stacks._delete_resource)


def _with_role(handler: Handler) -> Handler:
    """The role of a request, or of the change set that it executes, while it is answered."""

    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Response:
        request = parsed(body, app._routing_params(method, path, headers, body, query))
        action, role = request.get("Action"), str(request.get(ROLE) or "")
        if action == "ExecuteChangeSet":
            role = (_change_set(request) or {}).get(ROLE, "")
        token = _requested.set(role)
        try:
            answer = await handler(method, path, headers, body, query)
        finally:
            _requested.reset(token)
        if action == "CreateChangeSet" and role and (change_set := _change_set(request)):
            change_set[ROLE] = role
        return answer

    return handle


def _change_set(request: Any) -> dict[str, Any] | None:
    from ministack.services.cloudformation import changesets

    _, record = changesets._find_change_set(
        str(request.get("ChangeSetName") or ""), str(request.get("StackName") or "")
    )
    change_set: dict[str, Any] | None = record
    return change_set


def _keeping(schedule: Callable[..., Any]) -> Callable[..., Any]:
    """An operation begins: from now on the stack has the role of its request, if that has one."""

    def scheduled(coroutine: Any, stack: dict[str, Any] | None, *stack_id: Any) -> Any:
        if stack is not None and _requested.get():
            stack[ROLE] = _requested.get()
        return schedule(coroutine, stack, *stack_id)

    return scheduled


class _Checks:
    """Before MiniStack's own work on a resource: its stack's role, and roles that it hands on."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    def creating(self, create: Callable[..., Any]) -> Callable[..., Any]:
        def created(kind: str, logical_id: str, properties: Any, stack_name: str) -> Any:
            name = f"{stack_name}-{logical_id}-*"
            self._check(
                stack_name,
                ResourceChange(operation="create", kind=kind, id=name, properties=properties),
            )
            return create(kind, logical_id, properties, stack_name)

        return created

    def updating(self, update: Callable[..., Any]) -> Callable[..., Any]:
        def updated(
            kind: str, physical_id: str, old: Any, new: Any, stack_name: str, *arguments: Any
        ) -> Any:
            if old != new:
                change = ResourceChange(
                    operation="update", kind=kind, id=physical_id, properties=new, before=old
                )
                self._check(stack_name, change)
            return update(kind, physical_id, old, new, stack_name, *arguments)

        return updated

    def deleting(self, delete: Callable[..., Any]) -> Callable[..., Any]:
        def deleted(
            kind: str,
            physical_id: str,
            properties: Any,
            stack_name: str | None = None,
            logical_id: str | None = None,
        ) -> Any:
            change = ResourceChange(
                operation="delete", kind=kind, id=physical_id, properties=properties
            )
            self._check(stack_name or "", change)
            return delete(kind, physical_id, properties, stack_name, logical_id)

        return deleted

    def _check(self, stack_name: str, change: ResourceChange) -> None:
        from ministack.services import cloudformation

        scope = current_scope()
        role = (cloudformation._stacks.get(stack_name) or {}).get(ROLE)
        try:
            if role:
                session = self._authority.session(scope, role, _SESSION, service=_SERVICE)
                self._authority.check(scope, session["AWS_ACCESS_KEY_ID"], needs(scope, change))
            if change.operation != "delete" and change.kind in _HANDED:
                service_roles.check(self._authority, scope, _HANDED[change.kind], change.properties)
        except (ApiError, Denied) as error:
            code = "AccessDenied" if isinstance(error, Denied) else "InvalidRequest"
            message = error.message if isinstance(error, ApiError) else str(error)
            raise ValueError(
                f'Resource handler returned message: "{message}" (HandlerErrorCode: {code})'
            ) from None
