"""Clients whose requests and answers are held against botocore's shapes, in any order and from any
thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import boto3
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

Answer = Mapping[str, Any] | Callable[..., Mapping[str, Any]]


def shaped_client(service: str, answers: Mapping[str, Answer], *, calls: Any = None) -> Any:
    """A boto3 client that never sends anything.

    Args:
        answers: operation → the answer, or what makes it of the request.
        calls: a list that gets (operation, request) of each call.
    """
    client = boto3.client(
        service, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )

    def call(operation: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        model = client.meta.service_model.operation_model(operation)
        check(request, model.input_shape)
        if calls is not None:
            calls.append((operation, request))
        if operation not in answers:
            raise AssertionError(f"{service} has no answer for {operation} {request}")
        answer = answers[operation]
        try:
            body = answer(**request) if callable(answer) else answer
        except ClientError as error:  # of the class that boto3 has for this code
            kind = client.exceptions.from_code(error.response["Error"]["Code"])
            raise kind(error.response, operation) from None
        check(body, model.output_shape)
        return body

    client._make_api_call = call
    return client


def check(value: Any, shape: Any) -> None:
    """Raises AssertionError with what does not fit."""
    if shape is None:
        assert not value
        return
    report = ParamValidator().validate(value, shape)
    assert not report.has_errors(), report.generate_report()


def refusal(code: str, operation: str, message: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


def denied(operation: str, action: str, resource: str = "*") -> ClientError:
    """AWS's sentence for a role whose policies do not allow a request."""
    caller = "arn:aws:sts::123456789012:assumed-role/analyst/session"
    return refusal(
        "AccessDeniedException",
        operation,
        f"User: {caller} is not authorized to perform: {action} on resource: {resource} because "
        f"no identity-based policy allows the {action} action",
    )
