"""An object of S3 that may not be there yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


class Stored(NamedTuple):
    body: bytes
    etag: str


def read(s3: S3Client, *, bucket: str, key: str) -> Stored | None:
    """The object; None when there is none. Needs s3:ListBucket, without which S3 answers 403."""
    try:
        answer = s3.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            return None
        raise
    return Stored(answer["Body"].read(), answer["ETag"])
