"""Stack operations that outlive the process: what a kill interrupts, the next start resumes.

The arguments of an operation are kept in its stack's record and are on disk before its first
effect. After a kill the record tells which resources there are by now; the operation goes on from
there. So a client sees what it sees of CloudFormation when one of its hosts dies: an operation that
takes longer. One that then fails is rolled back to the state before *it*, not before the kill.
"""

from __future__ import annotations

import asyncio
import copy
import inspect
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar
from typing import Any

from ministack.core.concurrency import run_reentrant
from ministack.core.responses import request_scope
from ministack.services import cloudformation
from ministack.services.cloudformation import changesets, handlers, stacks

from ratchet.local_cloud.emulator.state import NotSavedError

_LOG = logging.getLogger("ratchet.stacks")
_OPERATION = "_operation"
_KINDS = {
    "deploy": "_deploy_stack_async",
    "delete": "_delete_stack_async",
    "roll back": "_roll_back_operation",
    "continue": "_continue_update_rollback_async",
}
_NOT_RECORDED = "the local cloud was killed during the operation; deploy again"
_RETRY_SECONDS = 1.0

Stack = dict[str, Any]
Arguments = dict[str, Any]
Commit = Callable[[], Awaitable[None]]
Sweep = Callable[[Stack, float, set[str]], None]
"""Deletes what a stack's operation made since a time (epoch seconds) and these ids do not name."""
Coroutines = Callable[..., Coroutine[Any, Any, None]]
Handler = Callable[..., Awaitable[Any]]

resumed: ContextVar[bool] = ContextVar("resumed", default=False)
"""Whether the resource handler at work belongs to an operation that a kill interrupted."""


class StackOperations:
    """Records the operations on stacks, and resumes them."""

    def __init__(self, commit: Commit, sweep: Sweep) -> None:
        self._commit = commit
        self._sweep = sweep
        self._recordings: set[asyncio.Future[None]] = set()
        self._originals: dict[str, Coroutines] = {
            kind: getattr(stacks, name) for kind, name in _KINDS.items()
        }
        self._interrupted: dict[str, Arguments] = {}

    def install(self) -> None:
        """Take the place of MiniStack's operations, where requests begin them."""
        for kind, name in _KINDS.items():
            recording = self._recording(kind)
            for module in (handlers, changesets):
                if hasattr(module, name):
                    setattr(module, name, recording)
        delete_on_failure = stacks._create_then_delete_on_failure
        stacks._delete_stack_async = self._recording("delete")
        stacks._roll_back_operation = self._roll_back_to_before

        def deleting(stack_name: str, *arguments: Any) -> Coroutine[Any, Any, None]:
            cloudformation._stacks[stack_name][_OPERATION]["delete_on_failure"] = True
            coroutine: Coroutine[Any, Any, None] = delete_on_failure(stack_name, *arguments)
            return coroutine

        for module in (handlers, changesets):
            module._create_then_delete_on_failure = deleting

    def answering(self, handler: Handler) -> Handler:
        """Answer a request that begins an operation when the operation's record is on disk."""

        async def answer(*request: Any) -> Any:
            others = set(self._recordings)
            result = await handler(*request)
            # The operation waits for the same save. Were it begun after the answer, then the CDK
            # would see it in progress at its first look, and look again only after 5 s.
            for recording in self._recordings - others:
                await recording
            return result

        return answer

    def resume(self) -> list[str]:
        """Go on with what a kill interrupted; answers the names of the stacks. On the loop."""
        names = []
        for (account, region, name), stack in list(cloudformation._stacks._data.items()):
            with request_scope(account, region):
                if _OPERATION in stack:
                    self._begin_again(name, stack)
                    names.append(name)
                else:
                    _settle(stack)
        return names

    def _recording(self, kind: str) -> Coroutines:
        original = self._originals[kind]
        signature = inspect.signature(original)

        def begin(*values: Any, **named: Any) -> Coroutine[Any, Any, None]:
            bound = signature.bind(*values, **named)
            bound.apply_defaults()
            stack = cloudformation._stacks.get(bound.arguments["stack_name"])
            if stack is None:
                return original(*values, **named)
            # Now, not when the task runs: the request's own save has it.
            stack[_OPERATION] = {
                "kind": kind,
                "begun": time.time(),
                "token": stacks.CLIENT_REQUEST_TOKEN.get(),
                "arguments": {
                    name: sorted(value) if isinstance(value, frozenset) else copy.deepcopy(value)
                    for name, value in bound.arguments.items()
                    if name != "stack"
                },
            }
            recording: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._recordings.add(recording)
            return self._run(stack, recording, lambda: original(*values, **named))

        return begin

    async def _run(
        self, stack: Stack, recording: asyncio.Future[None], act: Callable[[], Awaitable[None]]
    ) -> None:
        while not recording.done() or recording.exception():
            try:
                await self._commit()  # no effect before the record is on disk
                if recording.done():
                    break
                recording.set_result(None)
            except NotSavedError as error:
                if not recording.done():
                    recording.set_exception(error)  # the client hears of it; we go on trying
                await asyncio.sleep(_RETRY_SECONDS)
        self._recordings.discard(recording)
        await act()
        stack.pop(_OPERATION, None)  # not when cancelled: the next process goes on

    def _begin_again(self, name: str, stack: Stack) -> None:
        operation = stack[_OPERATION]
        token = stacks.CLIENT_REQUEST_TOKEN.set(operation["token"])
        flag = resumed.set(True)
        work = self._again(name, stack, operation)
        for change_set in cloudformation._change_sets._data.values():
            executing = change_set.get("ExecutionStatus") == "EXECUTE_IN_PROGRESS"
            if executing and change_set.get("StackId") == stack["StackId"]:
                work = changesets._track_change_set_execution(change_set, stack, work)
        stacks._create_stack_task_in_region(work, stack, stack["StackId"])
        resumed.reset(flag)
        stacks.CLIENT_REQUEST_TOKEN.reset(token)

    async def _again(self, name: str, stack: Stack, operation: Stack) -> None:
        kind, status = operation["kind"], stack["StackStatus"]
        arguments = copy.deepcopy(operation["arguments"])
        _LOG.warning(
            "stack %s: the operation that a kill interrupted is resumed (%s)", name, status
        )
        stack["StackStatusReason"] = "resumed after the local cloud was killed"
        try:
            if kind == "delete":
                await self._originals["delete"](**arguments)
            elif kind == "continue":
                await self._originals["continue"](**arguments)
            else:
                ids = _ids(stack) | _ids(_before(arguments))
                await self._deploy_again(stack, kind, arguments)
                ids |= _ids(stack)
                await run_reentrant(self._sweep, stack, operation["begun"], ids)
        except Exception:
            _LOG.exception("stack %s could not be resumed", name)
            _settle(stack)
        if stack.get("StackStatusReason", "").startswith("resumed"):
            stack["StackStatusReason"] = ""
        stack.pop(_OPERATION, None)
        if operation.get("delete_on_failure") and _failed_creation(stack):
            await stacks._delete_stack_async(name, stack["StackId"])

    async def _deploy_again(self, stack: Stack, kind: str, arguments: Arguments) -> None:
        in_progress = stack["StackStatus"].endswith("_IN_PROGRESS")
        if kind == "roll back":
            failed = {**arguments["operation"], "created": list(stack.get("_resources", {}))}
            reason = arguments["reason_override"]
            await self._originals["roll back"](
                arguments["stack_name"], stack["StackId"], stack, failed, reason_override=reason
            )
        elif in_progress and "ROLLBACK" in stack["StackStatus"]:
            failed = _failed(stack, arguments, {})
            await self._originals["roll back"](
                arguments["stack_name"], stack["StackId"], stack, failed
            )
        elif in_progress:
            await self._go_on(stack, arguments)

    async def _go_on(self, stack: Stack, arguments: Arguments) -> None:
        """Update the stack from what there is by now to what the operation was to make."""
        resources = copy.deepcopy(stack.get("_resources", {}))
        before = _before(arguments)
        self._interrupted[stack["StackId"]] = arguments
        try:
            await self._originals["deploy"](
                **{
                    **arguments,
                    "is_update": True,
                    "previous_stack": {**copy.deepcopy(before), "_resources": resources},
                }
            )
        finally:
            del self._interrupted[stack["StackId"]]
        if stack["StackStatus"] == "UPDATE_COMPLETE":
            await _delete_replaced(stack, arguments, resources)
        if "_failed_operation" in stack:
            stack["_failed_operation"] = _failed(stack, arguments, stack["_failed_operation"])
        if not arguments["is_update"]:
            stack["StackStatus"] = _OF_A_CREATION.get(stack["StackStatus"], stack["StackStatus"])

    async def _roll_back_to_before(
        self, stack_name: str, stack_id: str, stack: Stack, operation: Stack, **named: Any
    ) -> None:
        """MiniStack's rollback; of a resumed operation to what was before the operation."""
        arguments = self._interrupted.get(stack_id)
        if arguments is not None:
            operation = _failed(stack, arguments, operation)
        await self._originals["roll back"](stack_name, stack_id, stack, operation, **named)


_OF_A_CREATION = {
    "UPDATE_COMPLETE": "CREATE_COMPLETE",
    "UPDATE_FAILED": "CREATE_FAILED",
    # The template was refused before anything else was done: the CDK deletes the stack with what
    # was made before, and creates it anew.
    "UPDATE_ROLLBACK_COMPLETE": "ROLLBACK_FAILED",
}


def _before(arguments: Arguments) -> Stack:
    """The stack as it was before the operation; empty before a creation."""
    operation = arguments.get("operation", arguments)
    before: Stack = operation.get("previous_stack") or {}
    return before


def _ids(stack: Stack) -> set[str]:
    return {record["PhysicalResourceId"] for record in stack.get("_resources", {}).values()}


def _failed(stack: Stack, arguments: Arguments, operation: Stack) -> Stack:
    """MiniStack's record of a failed operation, with all that was done before and after the kill.

    Its rollback compares each resource with what it was before, so it may name them all.
    """
    before = copy.deepcopy(_before(arguments)) if arguments["is_update"] else None
    failed: Stack = stacks._failed_operation(
        is_update=arguments["is_update"],
        previous_stack=before,
        created=list(stack.get("_resources", {})),
        failed_update=operation.get("failed_update") if before else None,
        failed_logical_id=operation.get("failed_logical_id"),
        replaced_ids=operation.get("replaced_ids", []),
        cancelled=operation.get("cancelled", False),
        template=arguments["template"],
        param_values=arguments["param_values"],
        retain_except_on_create=arguments["retain_except_on_create"],
        stack_tags=stack.get("Tags") or [],
        previous_tags=(before or {}).get("Tags") or [],
        imports=arguments["imports"],
    )
    return failed


async def _delete_replaced(stack: Stack, arguments: Arguments, resources: Stack) -> None:
    """Delete what had been replaced before the kill, as the update would have at its end."""
    template = arguments["template"]
    for logical_id, old in reversed(_before(arguments).get("_resources", {}).items()):
        new = resources.get(logical_id)
        if new is None or new["PhysicalResourceId"] == old["PhysicalResourceId"]:
            continue
        policy = stacks._resource_policy(
            template.get("Resources", {}).get(logical_id),
            "UpdateReplacePolicy",
            stack["_resources"],
            arguments["param_values"],
            stack.get("_conditions", {}),
            template.get("Mappings", {}),
            stack["StackName"],
            stack["StackId"],
        )
        if policy in stacks._RETAINING_POLICIES:
            continue
        kind, physical_id = old["ResourceType"], old["PhysicalResourceId"]
        properties = old.get("Properties", {})
        try:
            await run_reentrant(
                stacks._delete_resource,
                *(kind, physical_id, properties, stack["StackName"], logical_id),
            )
        except Exception:
            _LOG.exception("%s %s, which was replaced, is still there", kind, physical_id)


def _failed_creation(stack: Stack) -> bool:
    return stack.get("StackStatus") in stacks._FAILED_CREATE_STATUSES


def _settle(stack: Stack) -> None:
    """If a stack's operation cannot be resumed, give the stack a status from which a deployment
    works."""
    status = stack.get("StackStatus", "")
    if not status.endswith("_IN_PROGRESS") or status == "REVIEW_IN_PROGRESS":
        return
    stack["StackStatusReason"] = _NOT_RECORDED
    if status.startswith(("CREATE_", "ROLLBACK_")):
        stack["StackStatus"] = "ROLLBACK_FAILED"
    elif status.startswith("DELETE_"):
        stack["StackStatus"] = "DELETE_FAILED"
    else:
        stack["StackStatus"] = "UPDATE_ROLLBACK_COMPLETE"
