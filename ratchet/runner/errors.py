"""The errors of the runner: a user's mistake, a failed step, a fault of a service."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from ratchet.definition.violations import DefinitionViolation, worded

_LOG = logging.getLogger(__name__)

SERVICE_FAULT = "Step.SERVICE_FAULT"
THROTTLING = "Step.THROTTLING"
JOB_INTERNAL_ERROR = "SageMaker.JOB_INTERNAL_ERROR"
CAPACITY_ERROR = "SageMaker.CAPACITY_ERROR"
RESOURCE_LIMIT = "SageMaker.RESOURCE_LIMIT"

RETRYABLE = frozenset(
    # JOB_CAPACITY_ERROR is the name that earlier editions of the developer guide gave.
    {
        SERVICE_FAULT,
        THROTTLING,
        JOB_INTERNAL_ERROR,
        CAPACITY_ERROR,
        RESOURCE_LIMIT,
        "SageMaker.JOB_CAPACITY_ERROR",
    }
)
"""Exception types of a retry policy (developer guide, "Retry Policy for Pipeline Steps")."""


class RunnerError(Exception):
    """A mistake of the user's; the message says what was found, what is expected and the fix."""


class CannotRunError(RunnerError):
    """The definition cannot run. `violations` holds every mistake: first those of the document's
    form, then the others in its order."""

    def __init__(self, violations: Iterable[DefinitionViolation]) -> None:
        self.violations = tuple(violations)
        super().__init__(worded(self.violations))


class ParameterError(RunnerError):
    """A value given for a pipeline parameter does not fit its declaration."""


class EvaluationError(Exception):
    """An expression has no value at run time, such as a JSON path that finds nothing."""


class LambdaFailed(Exception):  # noqa: N818 – an outcome of the function
    """The function raised, timed out or answered with an error. Raised by `Services`."""


class Refused(Exception):  # noqa: N818 – an answer of the service
    """A service refuses a request; in the words of an SDK. Raised by `Services`."""

    def __init__(self, code: str, operation: str, message: str) -> None:
        super().__init__(
            f"An error occurred ({code}) when calling the {operation} operation: {message}"
        )
        self.code = code
        self.message = message


class ServiceError(Exception):
    """A service could not do what was asked; `kind` is one of the exception types in `RETRYABLE`.

    `Storage` and `Services` raise it so that a step's retry policy can apply.
    """

    def __init__(self, message: str, *, kind: str = SERVICE_FAULT) -> None:
        super().__init__(message)
        self.kind = kind


class StepFailed(Exception):  # noqa: N818 – how a step ended
    """A step failed. `properties` is what its Describe operation would return then."""

    def __init__(
        self, reason: str, *, kind: str | None = None, properties: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.kind = kind
        self.properties = properties


class StepStopped(Exception):  # noqa: N818 – how a step ended
    """A step was stopped before its end."""

    def __init__(self, properties: Mapping[str, Any] | None = None) -> None:
        super().__init__("stopped")
        self.properties = properties


_THROTTLING_CODES = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "SlowDown",
        "503 Slow Down",
    }
)
_LIMIT_CODES = frozenset({"ResourceLimitExceeded", "LimitExceededException"})


def fault_kind(error: BaseException) -> str | None:
    """The exception type of a retry policy that an error is, or None when a retry is of no use.

    Errors of botocore are told by their shape (a `response` with an error code, or a connection
    error), so that botocore need not be imported.
    """
    if isinstance(error, ServiceError):
        return error.kind
    if isinstance(error, StepFailed):
        return error.kind
    if isinstance(error, Refused):
        return _kind_of_code(error.code)
    if isinstance(error, ConnectionError | TimeoutError):
        return SERVICE_FAULT
    response = getattr(error, "response", None)
    if isinstance(response, Mapping):
        code = str(response.get("Error", {}).get("Code", ""))
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return _kind_of_code(code) or (SERVICE_FAULT if status >= 500 else None)
    if any(kind.__name__ in {"HTTPClientError", "ConnectionError"} for kind in type(error).__mro__):
        return SERVICE_FAULT
    return None


def _kind_of_code(code: str) -> str | None:
    if code in _THROTTLING_CODES:
        return THROTTLING
    return RESOURCE_LIMIT if code in _LIMIT_CODES else None


def as_failure(error: Exception) -> StepFailed:
    """An error of an attempt as the step's failure; what nobody expected goes to the log too."""
    if isinstance(error, StepFailed):
        return error
    kind = fault_kind(error)
    if kind is not None:
        return StepFailed(f"{kind}: {error}", kind=kind)
    if isinstance(error, EvaluationError | Refused | RunnerError | OSError):
        return StepFailed(f"ClientError: {error}")
    response = getattr(error, "response", None)
    if isinstance(response, Mapping):  # an AWS service refused the request
        return StepFailed(f"ClientError: {error}")
    _LOG.exception("a step ended with an unexpected error", exc_info=error)
    return StepFailed(f"InternalServerError: {type(error).__name__}: {error}")
