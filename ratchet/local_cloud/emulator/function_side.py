"""What Lambda does as a function's role beside running it: it reads its queues and writes its log.

MiniStack does both without asking. A queue that may not be read keeps its messages
(https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html); a log that may not be
written is lost, and the function runs all the same
(https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from ratchet.local_cloud.emulator import service_roles
from ratchet.local_cloud.emulator.authority import Authority
from ratchet.local_cloud.emulator.gateway import current_scope
from ratchet.local_cloud.sagemaker.authorisation import Denied, Need
from ratchet.local_cloud.sagemaker.errors import ApiError
from ratchet.local_cloud.sagemaker.store import AccountScope

WRAPPED: Mapping[str, tuple[str, ...]] = {
    "lambda_svc": ("_emit_lambda_logs", "_iter_all_esms"),
    "sqs": ("_get_q", "_receive_messages_for_esm"),
}
"""The names of MiniStack's services that are replaced or used, by their module."""

_LOG = logging.getLogger("ratchet.authority")
_LOG_ACTIONS = ("logs:CreateLogStream", "logs:PutLogEvents")


def install(authority: Authority, *, functions: Any, sqs: Any) -> None:
    """Put the questions before what MiniStack does."""
    functions._emit_lambda_logs = _logged(authority, functions._emit_lambda_logs)
    sqs._receive_messages_for_esm = _received(
        authority, functions, sqs, sqs._receive_messages_for_esm
    )


def log_needs(scope: AccountScope, config: Mapping[str, Any]) -> list[Need]:
    """The permissions that a function's role needs to write its log."""
    name = config.get("FunctionName", "")
    group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{name}"
    place = scope.of_service("logs", f"log-group:{group}:log-stream:{name}")
    return [Need(action, place) for action in _LOG_ACTIONS]


def _logged(authority: Authority, emit: Callable[..., None]) -> Callable[..., None]:
    def emitted(function: Mapping[str, Any], *arguments: Any, **options: Any) -> None:
        config = function.get("config") or function
        scope = current_scope()
        try:
            authority.check_role(
                scope, config.get("Role", ""), service_roles.LAMBDA, log_needs(scope, config)
            )
        except Denied as denied:
            _LOG.error("the log of %s is lost: %s", config.get("FunctionName"), denied)
            return
        emit(function, *arguments, **options)

    return emitted


def _received(
    authority: Authority, functions: Any, sqs: Any, receive: Callable[[str, int], list[Any]]
) -> Callable[[str, int], list[Any]]:
    """Called by MiniStack's poller thread only, with the scope of the queue."""

    def received(queue_url: str, batch_size: int) -> list[Any]:
        with sqs._queues_lock:
            queue, now = sqs._get_q(queue_url), time.time()
            visible = any(m.get("visible_at", 0.0) <= now for m in queue["messages"])
        if not visible:
            return receive(queue_url, batch_size)
        arn = queue["attributes"]["QueueArn"]
        for _, _, mapping in functions._iter_all_esms():
            if mapping.get("EventSourceArn") == arn:
                try:
                    service_roles.check_reader(authority, current_scope(), mapping)
                except ApiError as error:
                    _LOG.error(
                        "%s is not read for %s: %s",
                        *(arn, mapping.get("FunctionName"), error.message),
                    )
                    return []
        return receive(queue_url, batch_size)

    return received
