"""The stack's last operation, read from its events (pure).

CloudFormation puts the ClientRequestToken of an operation on all of its events, so what this
function tried, and what became of it, can be read from the stack itself.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ratchet.loop import names
from reconcile_champion.seen import Operation, ServingStackState

_TOKEN = re.compile(
    rf"ratchet-to-({names.NONE}|\d+)-({names.MODEL_MONITOR}|{names.PIPELINE})-[0-9a-f]{{32}}"
)

_MONITORS = frozenset(
    {
        "AWS::SageMaker::MonitoringSchedule",
        "AWS::SageMaker::DataQualityJobDefinition",
        "AWS::SageMaker::ModelQualityJobDefinition",
    }
)
_CANCELLED = ("Resource creation cancelled", "Resource update cancelled")


def token_of(stack: ServingStackState, changes: Mapping[str, str], *, to: str, engine: str) -> str:
    """The token of an update: wakes that see the same stack and want the same get the same
    token; after an update of the stack, another. At most 128 of [-a-zA-Z0-9] (UpdateStack)."""
    seen = json.dumps([stack.id, stack.updated.isoformat(), sorted(changes.items())])
    return f"ratchet-to-{to}-{engine}-{hashlib.sha256(seen.encode()).hexdigest()[:32]}"


def of_last_operation(events: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """Those of the newest operation among events, which come newest first. A shorter answer than
    the events given means that it is complete."""
    token = events[0].get("ClientRequestToken") if events else None
    if token is None:
        return []
    for number, event in enumerate(events):
        if event.get("ClientRequestToken") != token:
            return events[:number]
        if _of_stack(event) and event["ResourceStatus"] == "UPDATE_IN_PROGRESS":
            # Its first event; before it may come another operation with the same token, if
            # CloudFormation has forgotten that one.
            return events[: number + 1]
    return events


def failed_operation(events: Sequence[Mapping[str, Any]]) -> Operation | None:
    """What these events, newest first, of one operation say; None when it was not an operation of
    this function, or has not failed: it may have begun since the stack was looked at, and be in
    progress."""
    match = _TOKEN.fullmatch(events[0].get("ClientRequestToken", "")) if events else None
    end = next((event for event in events if _of_stack(event)), None)
    if match is None or end is None or end["ResourceStatus"] != "UPDATE_ROLLBACK_COMPLETE":
        return None
    cause = next((event for event in reversed(events) if _failed(event)), None)
    return Operation(
        to=match[1] or names.NONE,
        engine=match[2],
        at=end["Timestamp"],
        why=_in_words(cause) if cause else _reason_of_rollback(events),
        of_monitoring=cause is not None and cause.get("ResourceType") in _MONITORS,
    )


def _of_stack(event: Mapping[str, Any]) -> bool:
    """Whether it is about the stack itself, which is no resource of its own: a nested stack is."""
    return bool(event.get("PhysicalResourceId") == event["StackId"])


def _failed(event: Mapping[str, Any]) -> bool:
    """Whether the resource failed by itself: others are cancelled when one fails."""
    reason = event.get("ResourceStatusReason", "")
    return event.get("ResourceStatus", "").endswith("_FAILED") and not reason.startswith(_CANCELLED)


def _in_words(event: Mapping[str, Any]) -> str:
    reason = event.get("ResourceStatusReason") or event.get("ResourceStatus")
    return f"{event.get('LogicalResourceId')} ({event.get('ResourceType')}): {reason}"


def _reason_of_rollback(events: Sequence[Mapping[str, Any]]) -> str:
    reasons = [event.get("ResourceStatusReason") for event in reversed(events)]
    return next((reason for reason in reasons if reason), "CloudFormation gives no reason")
