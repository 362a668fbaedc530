"""S3 as the runner asks for it, to read from alone: a step that runs here uploads nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ratchet.runner import RunnerError
from ratchet.runner.storage import StoredObject, at_once, split_uri

_MISSING = {"NoSuchKey", "NoSuchBucket", "404", "NotFound"}


class ReadOnlyStorage:
    """Objects of S3, and `local`: URI → content of what is not there yet, such as an edit's code.

    A client of boto3 may be used by several threads.
    """

    def __init__(self, s3: Any, *, local: Mapping[str, bytes]) -> None:
        self._s3 = s3
        self._local = local

    def list(self, uri: str) -> list[StoredObject]:
        bucket, prefix = split_uri(uri)
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        listed = {
            f"s3://{bucket}/{item['Key']}": (item["Size"], item["ETag"].strip('"'))
            for page in pages
            for item in page.get("Contents", ())
        }
        listed |= {
            name: (len(content), "")
            for name, content in self._local.items()
            if name.startswith(uri)
        }
        return [StoredObject(name, *listed[name]) for name in sorted(listed)]

    def download(self, uri: str, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if uri in self._local:
            path.write_bytes(self._local[uri])
            return
        body = self._body(uri)
        with path.open("wb") as file:
            while chunk := body.read(1 << 20):
                file.write(chunk)

    def download_all(self, pairs: Sequence[tuple[str, Path]]) -> None:
        at_once(self.download, pairs)

    def read_bytes(self, uri: str) -> bytes:
        content: bytes = self._local[uri] if uri in self._local else self._body(uri).read()
        return content

    def exists(self, uri: str) -> bool:
        return any(stored.uri == uri for stored in self.list(uri))

    def upload(self, path: Path, uri: str) -> None:
        raise RunnerError(f"{path} is not uploaded to {uri}: the step runs here")

    def upload_all(self, pairs: Sequence[tuple[Path, str]]) -> None:
        for path, uri in pairs:
            self.upload(path, uri)

    def write_bytes(self, uri: str, data: bytes) -> None:
        raise RunnerError(f"nothing is written to {uri}: the step runs here")

    def _body(self, uri: str) -> Any:
        from botocore.exceptions import ClientError

        bucket, key = split_uri(uri)
        try:
            return self._s3.get_object(Bucket=bucket, Key=key)["Body"]
        except ClientError as problem:
            if problem.response["Error"]["Code"] in _MISSING:
                raise FileNotFoundError(f"no object {uri}") from None
            raise
