"""EventBridge rules and Scheduler schedules whose target is SageMaker.

A pipeline's ARN with ``SageMakerPipelineParameters``, or Scheduler's universal target
``arn:aws:scheduler:::aws-sdk:sagemaker:startPipelineExecution`` with the request as its input
(https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html).
"""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

Target = dict[str, Any]

_PIPELINE = re.compile(r"arn:aws[\w-]*:sagemaker:[\w-]+:\d+:pipeline/([\w-]+)")
_UNIVERSAL = re.compile(r"arn:aws[\w-]*:scheduler:::aws-sdk:sagemaker:(\w+)")


def request_of(target: Target) -> tuple[str, dict[str, Any]] | None:
    """The SageMaker operation that a target asks for, and its request; None for other targets."""
    arn = target.get("Arn", "")
    if pipeline := _PIPELINE.fullmatch(arn):
        settings = target.get("SageMakerPipelineParameters") or {}
        operation, request = (
            "StartPipelineExecution",
            {
                "PipelineName": pipeline[1],
                "PipelineParameters": settings.get("PipelineParameterList", []),
            },
        )
    elif universal := _UNIVERSAL.fullmatch(arn):
        operation = universal[1][:1].upper() + universal[1][1:]
        request = json.loads(target.get("Input") or "{}")
    else:
        return None
    if operation == "StartPipelineExecution":
        # Neither gives a token of the user's: a repeated event starts a second execution.
        request.setdefault("ClientRequestToken", str(uuid.uuid4()))
    return operation, request
