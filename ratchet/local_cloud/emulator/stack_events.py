"""CloudFormation's events for EventBridge, which MiniStack does not send, and AWS's words for a
stack that is busy, by which a client tells that from other refusals.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/eventbridge-events.html
"""

from __future__ import annotations

from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services.cloudformation import changesets, handlers, helpers, stacks

from ratchet.local_cloud.emulator.cloud import Emulator
from ratchet.local_cloud.sagemaker.store import AccountScope

_STACK = "AWS::CloudFormation::Stack"


def install(emulator: Emulator) -> None:
    """Send an event with every status of a stack."""
    add_event = stacks._add_event

    def added(
        stack_id: str,
        stack_name: str,
        logical_id: str,
        kind: str,
        status: str,
        *optional: Any,
        **named: Any,
    ) -> None:
        add_event(stack_id, stack_name, logical_id, kind, status, *optional, **named)
        if kind != _STACK or logical_id != stack_name:
            return
        reason = optional[0] if optional else named.get("reason", "")
        detail = {
            "stack-id": stack_id,
            "status-details": {"status": status, "status-reason": reason},
            "client-request-token": stacks.CLIENT_REQUEST_TOKEN.get(),
        }
        region = stack_id.split(":")[3] if stack_id.count(":") > 3 else get_region()
        emulator.put_event_of(
            "aws.cloudformation",
            AccountScope(account=get_account_id(), region=region),
            "CloudFormation Stack Status Change",
            detail,
            [stack_id],
        )

    for module in (stacks, handlers, changesets):
        module._add_event = added
    handlers._error = _in_awss_words


def _in_awss_words(code: str, message: str, status: int = 400) -> Any:
    return helpers._error(code, message.replace("cannot be updated", "can not be updated"), status)
