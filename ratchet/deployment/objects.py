"""Describes an object of S3 that may not exist."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from ratchet.deployment.errors import DeploymentError


def describe(s3: Any, bucket: str, key: str, **options: Any) -> Mapping[str, Any] | None:
    """The answer of HeadObject; None if there is no such object.

    Raises:
        DeploymentError: S3 refuses. The answer to a HEAD has no body, so S3 does not say which
            permission lacks; the message names those that it asks for.
    """
    from botocore.exceptions import ClientError

    try:
        answer: Mapping[str, Any] = s3.head_object(Bucket=bucket, Key=key, **options)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if status == HTTPStatus.NOT_FOUND:
            return None
        if status != HTTPStatus.FORBIDDEN:
            raise
        raise DeploymentError(
            f"not allowed (HeadObject): s3://{bucket}/{key}. It needs s3:GetObject on "
            f"arn:aws:s3:::{bucket}/{key}; while the object is not there, s3:ListBucket on "
            f"arn:aws:s3:::{bucket}; for the checksum of an encrypted one, kms:Decrypt on its key"
        ) from None
    return answer
