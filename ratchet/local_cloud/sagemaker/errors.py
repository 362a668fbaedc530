"""The errors of SageMaker's API, as its JSON protocol carries them."""

from __future__ import annotations

from collections.abc import Mapping


class ApiError(Exception):
    """An error answer: ``code`` as boto3's ``ClientError`` shows it, ``status`` the HTTP status.

    SageMaker answers its own errors with 400 (botocore's model of the service gives none other);
    those of its runtime have others, and ``members`` besides the message.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int = 400,
        members: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members = dict(members or {})


def invalid(message: str) -> ApiError:
    """A ``ValidationException``: the request cannot be accepted as it is."""
    return ApiError("ValidationException", message)


def not_found(message: str) -> ApiError:
    """A ``ResourceNotFound``."""
    return ApiError("ResourceNotFound", message)


def conflict(message: str) -> ApiError:
    """A ``ConflictException``: the resource is in a state that forbids the request."""
    return ApiError("ConflictException", message)


def in_use(message: str) -> ApiError:
    """A ``ResourceInUse``: the name is taken, or the resource is busy."""
    return ApiError("ResourceInUse", message)


def limit_exceeded(message: str) -> ApiError:
    """A ``ResourceLimitExceeded``."""
    return ApiError("ResourceLimitExceeded", message)


def unknown_operation(operation: str, implemented: int) -> ApiError:
    """The operation is not one that the local cloud knows."""
    return ApiError(
        "UnknownOperationException",
        f"The local cloud does not implement SageMaker's {operation or 'nameless operation'} "
        f"({implemented} operations are). Against AWS the same call would go through.",
    )
