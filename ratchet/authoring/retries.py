"""Retry policies of a step.

https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-retry-policy.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

SERVICE_FAULT = "Step.SERVICE_FAULT"
THROTTLING = "Step.THROTTLING"
JOB_INTERNAL_ERROR = "SageMaker.JOB_INTERNAL_ERROR"
CAPACITY_ERROR = "SageMaker.CAPACITY_ERROR"
RESOURCE_LIMIT = "SageMaker.RESOURCE_LIMIT"

EXCEPTION_TYPES = (
    SERVICE_FAULT,
    THROTTLING,
    JOB_INTERNAL_ERROR,
    CAPACITY_ERROR,
    RESOURCE_LIMIT,
)


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """When a failed step is tried again: up to `max_attempts` (at most 20) or until
    `expire_after_minutes` (at most 14,400), one of the two. A script that fails is not retried.
    """

    on: Sequence[str]
    interval_seconds: int = 60
    backoff_rate: float = 2.0
    max_attempts: int | None = None
    expire_after_minutes: int | None = None

    def to_json(self) -> dict[str, Any]:
        policy: dict[str, Any] = {
            "ExceptionType": list(self.on),
            "IntervalSeconds": self.interval_seconds,
            "BackoffRate": self.backoff_rate,
        }
        if self.max_attempts is not None:
            policy["MaxAttempts"] = self.max_attempts
        if self.expire_after_minutes is not None:
            policy["ExpireAfterMin"] = self.expire_after_minutes
        return policy


PLATFORM_FAULTS = RetryPolicy(
    on=(JOB_INTERNAL_ERROR, CAPACITY_ERROR, RESOURCE_LIMIT), max_attempts=5
)
"""What a job meets through no fault of its script. (Pipelines retries the Step.* ones itself.)"""
