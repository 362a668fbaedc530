"""Storage in S3, or in whatever answers S3's API, through a client of boto3."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ratchet.runner.storage import StoredObject, at_once, split_uri

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_LARGE = 16 << 20  # from here on, transfers go in parts
_MISSING = frozenset({"NoSuchKey", "404", "NotFound", "NoSuchBucket"})


class S3Storage:
    """Objects of S3. A digest is the ETag from the listing: the MD5 of a small unencrypted object.

    Equal bytes may have different ETags (parts of another size, KMS); then a step runs again that
    need not have, never the other way round.

    `output_key`: the KMS key that uploads are encrypted with, in place of the bucket's own.
    """

    def __init__(self, client: S3Client, *, output_key: str | None = None) -> None:
        self._client = client
        self._put: dict[str, Any] = {}
        if output_key:
            self._put = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": output_key}

    def list(self, uri: str) -> list[StoredObject]:
        bucket, prefix = split_uri(uri)
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        try:
            found = [
                StoredObject(f"s3://{bucket}/{item['Key']}", item["Size"], item["ETag"].strip('"'))
                for page in pages
                for item in page.get("Contents", ())
            ]
        except Exception as error:
            if _is_missing(error):
                return []
            raise
        return sorted(found, key=lambda stored: stored.uri)

    def download(self, uri: str, path: Path) -> None:
        bucket, key = split_uri(uri)
        path.parent.mkdir(parents=True, exist_ok=True)
        answer = self._get(uri)
        if answer["ContentLength"] >= _LARGE:
            answer["Body"].close()
            self._client.download_file(bucket, key, str(path))
            return
        with answer["Body"] as body, path.open("wb") as file:
            shutil.copyfileobj(body, file, 1 << 20)

    def download_all(self, pairs: Sequence[tuple[str, Path]]) -> None:
        at_once(self.download, pairs)

    def upload_all(self, pairs: Sequence[tuple[Path, str]]) -> None:
        at_once(self.upload, pairs)

    def upload(self, path: Path, uri: str) -> None:
        bucket, key = split_uri(uri)
        if path.stat().st_size >= _LARGE:
            self._client.upload_file(str(path), bucket, key, ExtraArgs=self._put)
        else:
            self._client.put_object(Bucket=bucket, Key=key, Body=path.read_bytes(), **self._put)

    def read_bytes(self, uri: str) -> bytes:
        with self._get(uri)["Body"] as body:
            data: bytes = body.read()
            return data

    def write_bytes(self, uri: str, data: bytes) -> None:
        bucket, key = split_uri(uri)
        self._client.put_object(Bucket=bucket, Key=key, Body=data, **self._put)

    def exists(self, uri: str) -> bool:
        bucket, key = split_uri(uri)
        try:
            self._client.head_object(Bucket=bucket, Key=key)
        except Exception as error:
            if _is_missing(error):
                return False
            raise
        return True

    def _get(self, uri: str) -> Any:
        bucket, key = split_uri(uri)
        try:
            return self._client.get_object(Bucket=bucket, Key=key)
        except Exception as error:
            if _is_missing(error):
                raise FileNotFoundError(f"no object {uri}") from None
            raise


def _is_missing(error: Exception) -> bool:
    # Told by shape, so that botocore is not imported with this module.
    response = getattr(error, "response", None) or {}
    return response.get("Error", {}).get("Code") in _MISSING
