"""An object of S3 that may not be there yet, and that others write too."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


# 412: the condition does not hold. 409: another writer is at it. 404: to be replaced, and gone.
CONDITION_FAILED = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"})


class MovedError(Exception):
    """Somebody else has written the object since it was read."""


class StoredDocument(NamedTuple):
    body: bytes
    etag: str


def read(s3: S3Client, *, bucket: str, key: str) -> StoredDocument | None:
    """The object; None when there is none. Needs s3:ListBucket, without which S3 answers 403."""
    try:
        answer = s3.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            return None
        raise
    return StoredDocument(answer["Body"].read(), answer["ETag"])


def write_over(s3: S3Client, *, bucket: str, key: str, body: bytes, over: str | None) -> str:
    """Overwrite what was read, and return the new ETag.

    Args:
        over: the ETag that was read; None: there was no object.

    Raises:
        MovedError: there is another by now.
    """
    try:
        if over is None:
            answer = s3.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*")
        else:
            answer = s3.put_object(Bucket=bucket, Key=key, Body=body, IfMatch=over)
    except ClientError as error:
        if error.response["Error"]["Code"] in CONDITION_FAILED:
            raise MovedError from None
        raise
    return answer["ETag"]
