"""Retry policies (developer guide, "Retry Policy for Pipeline Steps")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from ratchet.runner.definition import RetryRule
from ratchet.runner.errors import RETRYABLE, SERVICE_FAULT, THROTTLING
from ratchet.runner.report import ProblemList

_AUTOMATIC = RetryRule(
    # The service retries these by itself; how often is not documented.
    exception_types=frozenset({SERVICE_FAULT, THROTTLING}),
    max_attempts=2,
)
_RANGES: Mapping[str, tuple[type, float, float]] = {
    "IntervalSeconds": (int, 1, 43_200),
    "BackoffRate": (float, 1, float("inf")),
    "MaxAttempts": (int, 1, 20),
    "ExpireAfterMin": (int, 1, 14_400),
}


def read_policies(policies: Any, place: str, report: ProblemList) -> Iterator[RetryRule]:
    """The policies of a step's RetryPolicies, with what is wrong with them reported."""
    for at, body in report.objects(policies, place):
        kinds = body.get("ExceptionType")
        if not isinstance(kinds, list) or not kinds:
            report.add(f"{at}.ExceptionType", "expected a list of exception types")
            continue
        for index, kind in enumerate(kinds):
            if kind not in RETRYABLE:
                expected = ", ".join(sorted(RETRYABLE))
                report.add(f"{at}.ExceptionType[{index}]", f"{kind!r} is none of {expected}")
        if "MaxAttempts" in body and "ExpireAfterMin" in body:
            report.add(at, "takes MaxAttempts or ExpireAfterMin, not both")
        if _numbers_fit(body, at, report):
            yield _policy(body)


def _numbers_fit(body: Mapping[str, Any], place: str, report: ProblemList) -> bool:
    fits = True
    for key, (kind, low, high) in _RANGES.items():
        value = body.get(key, low)
        right_type = isinstance(value, int if kind is int else int | float)
        if isinstance(value, bool) or not right_type or not low <= value <= high:
            report.add(f"{place}.{key}", f"{value!r} is not a number from {low} to {high}")
            fits = False
    return fits


def _policy(body: Mapping[str, Any]) -> RetryRule:
    expires = body.get("ExpireAfterMin")
    return RetryRule(
        exception_types=frozenset(body["ExceptionType"]),
        interval_seconds=body.get("IntervalSeconds", 1),
        backoff_rate=body.get("BackoffRate", 2),
        max_attempts=None if expires else body.get("MaxAttempts", 5),
        expire_after=timedelta(minutes=expires) if expires else None,
    )


class Retries:
    """Decides after each failure of one step whether and when it is tried again."""

    def __init__(self, policies: Sequence[RetryRule]) -> None:
        self._policies = (*policies, _AUTOMATIC)
        self._used = [0] * len(self._policies)

    def delay(self, kind: str | None, *, elapsed: float) -> float | None:
        """Seconds until the next attempt, or None for no more.

        `kind` is the exception type of the failure, `elapsed` the seconds since the first attempt
        began. The first policy that names the exception type decides.
        """
        for index, policy in enumerate(self._policies):
            if kind not in policy.exception_types:
                continue
            wait = policy.interval_seconds * policy.backoff_rate ** self._used[index]
            self._used[index] += 1
            if policy.max_attempts is not None and self._used[index] > policy.max_attempts:
                return None
            expire_after = policy.expire_after
            expired = expire_after is not None and elapsed + wait > expire_after.total_seconds()
            return None if expired else wait
        return None
