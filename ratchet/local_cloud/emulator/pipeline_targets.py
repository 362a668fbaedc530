"""EventBridge rules and Scheduler schedules whose target is SageMaker.

A pipeline's ARN with ``SageMakerPipelineParameters``, or Scheduler's universal target
``arn:aws:scheduler:::aws-sdk:sagemaker:startPipelineExecution`` with the request as its input
(https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html).
"""

from __future__ import annotations

import json
import logging
import re
from typing import Any

from ratchet.local_cloud.emulator.gateway import current_scope
from ratchet.local_cloud.sagemaker.api import Api
from ratchet.local_cloud.sagemaker.errors import ApiError

Target = dict[str, Any]

_LOG = logging.getLogger("ratchet.targets")
_PIPELINE = re.compile(r"arn:aws[\w-]*:sagemaker:[\w-]+:\d+:pipeline/([\w-]+)")
_UNIVERSAL = re.compile(r"arn:aws[\w-]*:scheduler:::aws-sdk:sagemaker:(\w+)")


def request_of(target: Target) -> tuple[str, dict[str, Any]] | None:
    """The SageMaker operation that a target asks for, and its request; None for other targets."""
    arn = target.get("Arn", "")
    pipeline = _PIPELINE.fullmatch(arn)
    if pipeline:
        settings = target.get("SageMakerPipelineParameters") or {}
        return "StartPipelineExecution", {
            "PipelineName": pipeline[1],
            "PipelineParameters": settings.get("PipelineParameterList", []),
        }
    universal = _UNIVERSAL.fullmatch(arn)
    if universal:
        operation = universal[1][:1].upper() + universal[1][1:]
        return operation, json.loads(target.get("Input") or "{}")
    return None


def install(eventbridge: Any, api: Api) -> None:
    """Answer those targets; MiniStack's Scheduler sends its own through the same function."""
    invoke = eventbridge._invoke_target

    def invoked(target: Target, event: Any, rule: Any, view: Any = None) -> None:
        asked = request_of(target)
        if asked is None:
            invoke(target, event, rule, view)
            return
        operation, request = asked
        if operation == "StartPipelineExecution":
            # Neither gives a token of the user's: a repeated event starts a second execution.
            request.setdefault("ClientRequestToken", eventbridge.new_uuid())
        try:
            api.call(current_scope(), operation, request)
        except ApiError as error:
            _LOG.error("%s for the target %s: %s", operation, target["Arn"], error)

    eventbridge._invoke_target = invoked
