"""The serving stack: its state, how its last update ended, and updating it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from reconcile_champion import operations
from reconcile_champion.seen import Operation, ServingStackState

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.client import CloudFormationClient

_MOST_PAGES = 20  # of 100 events: an operation on a stack of 500 resources fits


class BusyError(Exception):
    """Another operation of the stack is under way; the message is CloudFormation's."""


@dataclass(frozen=True, kw_only=True)
class ServingStack:
    cloudformation: CloudFormationClient
    name: str

    def read(self) -> ServingStackState | None:
        try:
            (stack,) = self.cloudformation.describe_stacks(StackName=self.name)["Stacks"]
        except ClientError as error:
            code, text = _code_and_message(error)
            if code == "ValidationError" and "does not exist" in text:
                return None
            raise
        if stack["StackStatus"] == "REVIEW_IN_PROGRESS":
            return None  # a change set that would create it
        return ServingStackState(
            id=stack.get("StackId", self.name),
            status=stack["StackStatus"],
            parameters={
                parameter["ParameterKey"]: parameter.get("ParameterValue", "")
                for parameter in stack.get("Parameters", ())
            },
            updated=stack.get("LastUpdatedTime") or stack["CreationTime"],
            capabilities=tuple(stack.get("Capabilities", ())),
            reason=stack.get("StackStatusReason", ""),
        )

    def failed_operation(self) -> Operation | None:
        """The last operation, when it was this function's and was rolled back."""
        events: list[Mapping[str, Any]] = []
        paginator: Any = self.cloudformation.get_paginator("describe_stack_events")
        for number, page in enumerate(paginator.paginate(StackName=self.name)):
            events.extend(page["StackEvents"])
            if len(operations.of_last_operation(events)) < len(events) or number == _MOST_PAGES:
                break
        return operations.failed_operation(operations.of_last_operation(events))

    def update(
        self, stack: ServingStackState, changes: Mapping[str, str], *, to: str, engine: str
    ) -> bool:
        """Begin an update with these parameters, everything else as it is; False when there is
        nothing to update. Raises BusyError."""
        parameters: list[Any] = [
            {"ParameterKey": name, "ParameterValue": changes[name]}
            if name in changes
            else {"ParameterKey": name, "UsePreviousValue": True}
            for name in sorted(stack.parameters)
        ]
        capabilities: Any = list(stack.capabilities)
        try:
            self.cloudformation.update_stack(
                StackName=self.name,
                UsePreviousTemplate=True,
                Parameters=parameters,
                Capabilities=capabilities,
                ClientRequestToken=operations.token_of(stack, changes, to=to, engine=engine),
            )
        except ClientError as error:
            code, text = _code_and_message(error)
            if code == "ValidationError" and "No updates are to be performed" in text:
                return False
            if code == "TokenAlreadyExistsException" or "can not be updated" in text:
                raise BusyError(text or code) from None
            raise
        return True


def _code_and_message(error: ClientError) -> tuple[str, str]:
    return error.response["Error"]["Code"], error.response["Error"].get("Message", "")
