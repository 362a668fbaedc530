"""Retry policies: what is tried again, when, and how often."""

from __future__ import annotations

from ratchet.runner import ServiceError
from ratchet.runner.definition import RetryRule
from ratchet.runner.retries import Retries
from tests.runner.workbench import (
    Workbench,
    definition,
    processing,
    python,
    register,
    retried,
)


def test_a_retry_that_succeeds_makes_the_step_succeed(workbench: Workbench) -> None:
    error = ServiceError("no capacity", kind="SageMaker.CAPACITY_ERROR")
    workbench.services.registration_errors = [error]
    result = workbench.run(definition(retried("SageMaker.CAPACITY_ERROR")))
    record = result.step("register")
    assert (record.status, record.attempt) == ("Succeeded", 2)
    statuses = workbench.observer.statuses("register")
    assert statuses == ["Starting", "Executing", "Starting", "Executing", "Succeeded"]


def test_an_error_that_no_policy_names_is_not_retried(workbench: Workbench) -> None:
    error = ServiceError("too many", kind="SageMaker.RESOURCE_LIMIT")
    workbench.services.registration_errors = [error]
    record = workbench.run(definition(retried("SageMaker.CAPACITY_ERROR"))).step("register")
    assert (record.status, record.attempt) == ("Failed", 1)
    assert record.failure_reason == "SageMaker.RESOURCE_LIMIT: too many"


def test_a_crash_of_the_program_is_not_retried(workbench: Workbench) -> None:
    policy = {"ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR", "Step.SERVICE_FAULT"]}
    step = processing("a", python("raise SystemExit(1)"), RetryPolicies=[policy])
    assert workbench.run(definition(step)).step("a").attempt == 1


def test_a_refused_request_is_not_retried_and_told(workbench: Workbench) -> None:
    class Refused(Exception):  # noqa: N818
        def __init__(self) -> None:
            super().__init__("ValidationException: no such group")
            self.response = {
                "Error": {"Code": "ValidationException"},
                "ResponseMetadata": {"HTTPStatusCode": 400},
            }

    workbench.services.registration_errors = [Refused()]
    record = workbench.run(definition(register())).step("register")
    assert record.failure_reason == "ClientError: ValidationException: no such group"


def test_retries_wait_longer_each_time_and_end() -> None:
    policy = RetryRule(
        exception_types=frozenset({"Step.THROTTLING"}),
        interval_seconds=2,
        backoff_rate=3,
        max_attempts=3,
    )
    retries = Retries([policy])
    waits = [retries.delay("Step.THROTTLING", elapsed=0) for _ in range(4)]
    assert waits == [2, 6, 18, None]


def test_retries_end_when_they_expire() -> None:
    from datetime import timedelta

    policy = RetryRule(
        exception_types=frozenset({"Step.THROTTLING"}),
        interval_seconds=20,
        backoff_rate=1,
        max_attempts=None,
        expire_after=timedelta(minutes=1),
    )
    retries = Retries([policy])
    assert retries.delay("Step.THROTTLING", elapsed=39) == 20
    assert retries.delay("Step.THROTTLING", elapsed=41) is None


def test_each_policy_counts_its_own_retries() -> None:
    policies = [
        RetryRule(exception_types=frozenset({kind}), max_attempts=1)
        for kind in ("Step.THROTTLING", "SageMaker.CAPACITY_ERROR")
    ]
    retries = Retries(policies)
    kinds = ["Step.THROTTLING", "SageMaker.CAPACITY_ERROR", "Step.THROTTLING"]
    assert [retries.delay(kind, elapsed=0) for kind in kinds] == [1, 1, None]
