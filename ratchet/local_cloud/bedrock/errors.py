"""The errors of Bedrock and its runtime, with the statuses of botocore's models."""

from __future__ import annotations

from ratchet.local_cloud.sagemaker.errors import ApiError


def invalid(message: str) -> ApiError:
    """The request cannot be accepted as it is."""
    return ApiError("ValidationException", message)


def access_denied(message: str) -> ApiError:
    return ApiError("AccessDeniedException", message, status=403)


def not_found(message: str) -> ApiError:
    return ApiError("ResourceNotFoundException", message, status=404)


def conflict(message: str) -> ApiError:
    return ApiError("ConflictException", message, status=400)


def throttled(message: str) -> ApiError:
    """boto3 tries again."""
    return ApiError("ThrottlingException", message, status=429)


def unavailable(message: str) -> ApiError:
    """boto3 tries again."""
    return ApiError("ServiceUnavailableException", message, status=503)


def timed_out(message: str) -> ApiError:
    return ApiError("ModelTimeoutException", message, status=408)


def model_error(message: str, *, status: int, model: str) -> ApiError:
    """The model's server answered, but not as it should; ``status`` is the server's."""
    return ApiError(
        "ModelErrorException",
        message,
        status=424,
        members={"originalStatusCode": status, "resourceName": model},
    )
