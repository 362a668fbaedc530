"""CloudFormation stacks that a killed process left in the middle of an operation."""

from __future__ import annotations

from typing import Any

Stack = dict[str, Any]
_REASON = "the local cloud was killed during the operation; deploy again"


class SettledStacks:
    """Keeps a stack's last settled record in the saved state while the stack is updated.

    After a kill the stack is then what it was before the update, and the next deployment applies
    every difference again.
    """

    def __init__(self) -> None:
        self._settled: dict[object, Stack] = {}

    def amend(self, state: dict[str, Any]) -> None:
        """Replace the records of stacks that are being updated."""
        stacks: dict[object, Stack] = state["stacks"]._data
        for key, stack in list(stacks.items()):
            status = stack.get("StackStatus", "")
            if not status.endswith("_IN_PROGRESS"):
                self._settled[key] = stack
            elif status.startswith(("UPDATE_", "IMPORT_")) and key in self._settled:
                stacks[key] = self._settled[key]


def recover(cloudformation: Any) -> list[str]:
    """Give every stack left in progress a status that a deployment can go on from.

    A stack that was being created becomes ROLLBACK_FAILED with the resources that its events tell
    of, so that the CDK deletes it, with them, and creates it anew. Answers the stacks' names.
    """
    broken = []
    for key, stack in cloudformation._stacks._data.items():
        status = stack.get("StackStatus", "")
        if not status.endswith("_IN_PROGRESS") or status == "REVIEW_IN_PROGRESS":
            continue
        stack["StackStatusReason"] = _REASON
        if status.startswith(("CREATE_", "ROLLBACK_")):
            events = cloudformation._stack_events._data.get((*key[:2], stack["StackId"]), [])
            stack["_resources"] = _created(events) | stack.get("_resources", {})
            stack["StackStatus"] = "ROLLBACK_FAILED"
        elif status.startswith("DELETE_"):
            stack["StackStatus"] = "DELETE_FAILED"
        else:
            stack["StackStatus"] = "UPDATE_ROLLBACK_COMPLETE"
        broken.append(stack["StackName"])
    return broken


def _created(events: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    resources = {}
    for event in events:
        kind, status = event.get("ResourceType", ""), event.get("ResourceStatus")
        if status != "CREATE_COMPLETE" or kind == "AWS::CloudFormation::Stack":
            continue
        resources[event["LogicalResourceId"]] = {
            "PhysicalResourceId": event.get("PhysicalResourceId", ""),
            "ResourceType": kind,
            "ResourceStatus": status,
            "LogicalResourceId": event["LogicalResourceId"],
            "Properties": {},
            "Attributes": {},
            "Timestamp": event.get("Timestamp", ""),
        }
    return resources
