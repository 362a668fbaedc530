"""What a function answers when it could not handle a batch of SQS messages."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from typing import Any

from decision_log import say


def give_back(messages: Sequence[Mapping[str, Any]], error: Exception) -> dict[str, Any]:
    """Say why, and give the whole batch back: SQS delivers it again, and in the end puts it aside
    as a dead letter. The event source mapping reports batch item failures."""
    say(
        "fail",
        f"{type(error).__name__}: {error}",
        {"messages": len(messages), "traceback": "".join(traceback.format_exception(error))},
        level="ERROR",
    )
    return {"batchItemFailures": returned(messages)}


def returned(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """The whole batch, as batch item failures."""
    return [{"itemIdentifier": message["messageId"]} for message in messages]
