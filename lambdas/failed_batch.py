"""The answer of a function that could not handle a batch of SQS messages."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from typing import Any

from decision_log import say


def give_back(messages: Sequence[Mapping[str, Any]], error: Exception) -> dict[str, Any]:
    """Log the reason and return the whole batch: SQS delivers it again, and in the end moves it
    to the dead-letter queue. The event source mapping reports batch item failures."""
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
