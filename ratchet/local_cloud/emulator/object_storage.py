"""The runner's storage in this cloud: S3's objects, copied from file to file.

Each request is decided and answered as one that comes over HTTP would be. Only the bytes take
another way.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote
from xml.etree.ElementTree import Element, ParseError, fromstring

from ratchet.local_cloud.emulator.object_reads import Answer, FileResponse
from ratchet.local_cloud.emulator.stored_bytes import Content, StoredBytes, append, copy, filled
from ratchet.runner import Refused
from ratchet.runner.errors import ServiceError
from ratchet.runner.storage import StoredObject, split_uri

T = TypeVar("T")

_IN_PARTS_FROM = 16 << 20
_PART_BYTES = 8 << 20
"""As boto3's transfers divide an upload: ETags depend on it."""
_IN_FILE_FROM = 1 << 20
_AT_ONCE = 32
"""Requests that are answered in one go; other requests wait for so many."""
_NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"
_MISSING = frozenset({"NoSuchKey", "NoSuchBucket"})


@dataclass(frozen=True)
class ObjectRequest:
    """A request to S3. ``operation``: as an SDK calls it."""

    operation: str
    method: str
    path: str
    query: Mapping[str, list[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Content = b""


Requests = Callable[[Sequence[ObjectRequest]], list[Answer]]
"""Answers requests; raises ``Refused`` and ``ServiceError``."""


class ObjectStorage:
    """Objects of S3. A digest is the ETag from the listing.

    ``output_key``: the KMS key that uploads are encrypted with, in place of the bucket's own.
    """

    def __init__(self, requests: Requests, *, output_key: str | None = None) -> None:
        self._requests = requests
        self._headers: dict[str, str] = {}
        if output_key:
            self._headers = {
                "x-amz-server-side-encryption": "aws:kms",
                "x-amz-server-side-encryption-aws-kms-key-id": output_key,
            }

    def list(self, uri: str) -> list[StoredObject]:
        """Objects whose key starts with the URI's key, sorted by key."""
        bucket, prefix = split_uri(uri)
        query = {"list-type": ["2"], "prefix": [prefix], "encoding-type": ["url"]}
        listed: list[StoredObject] = []
        token: str | None = ""
        while token is not None:
            page = {**query, "continuation-token": [token]} if token else query
            try:
                answer = self._answers([ObjectRequest("ListObjectsV2", "GET", f"/{bucket}", page)])
            except FileNotFoundError:
                return []
            root = _parsed(answer[0][2])
            listed += _objects(bucket, root)
            token = root.findtext(f"{_NAMESPACE}NextContinuationToken")
        return sorted(listed, key=lambda stored: stored.uri)

    def download(self, uri: str, path: Path) -> None:
        """Copy an object into a file."""
        self.download_all([(uri, path)])

    def download_all(self, pairs: Sequence[tuple[str, Path]]) -> None:
        """Copy objects into files."""
        for batch in _batches(pairs):
            answers = self._answers([_get(uri) for uri, _ in batch])
            for (_, path), (_, _, body) in zip(batch, answers, strict=True):
                path.parent.mkdir(parents=True, exist_ok=True)
                _write(body, path)

    def upload(self, path: Path, uri: str) -> None:
        """Copy a file into an object."""
        self.upload_all([(path, uri)])

    def upload_all(self, pairs: Sequence[tuple[Path, str]]) -> None:
        """Copy files into objects."""
        for batch in _batches(pairs):
            requests = []
            for path, uri in batch:
                content = _content(path)
                if isinstance(content, StoredBytes) and len(content) >= _IN_PARTS_FROM:
                    self._upload_in_parts(content, uri)
                else:
                    requests.append(self._put(uri, content))
            self._answers(requests)

    def read_bytes(self, uri: str) -> bytes:
        """An object's content."""
        body = self._answers([_get(uri)])[0][2]
        return bytes(body.stored if isinstance(body, FileResponse) else body)

    def write_bytes(self, uri: str, data: bytes) -> None:
        """Make an object of a content."""
        self._answers([self._put(uri, data)])

    def exists(self, uri: str) -> bool:
        """Whether there is such an object."""
        try:
            self._answers([ObjectRequest("HeadObject", "HEAD", _path(uri))])
        except FileNotFoundError:
            return False
        return True

    def _put(self, uri: str, content: Content) -> ObjectRequest:
        return ObjectRequest("PutObject", "PUT", _path(uri), headers=self._headers, body=content)

    def _upload_in_parts(self, content: StoredBytes, uri: str) -> None:
        starts = range(0, len(content), _PART_BYTES)
        parts = [content[start : start + _PART_BYTES] for start in starts]
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            for _ in pool.map(lambda part: part.digest("MD5"), parts):
                pass
        place = ("POST", _path(uri))
        begin = ObjectRequest("CreateMultipartUpload", *place, {"uploads": [""]}, self._headers)
        root = _parsed(self._answers([begin])[0][2])
        upload = {"uploadId": [root.findtext(f"{_NAMESPACE}UploadId") or ""]}
        try:
            for batch in _batches([*enumerate(parts, start=1)]):
                self._answers([_part_request(uri, upload, *numbered) for numbered in batch])
            document = _list_of_parts(parts)
            end = ObjectRequest("CompleteMultipartUpload", *place, upload, {}, document)
            self._answers([end])
        except Exception:
            abort = ObjectRequest("AbortMultipartUpload", "DELETE", _path(uri), upload)
            with contextlib.suppress(Refused, ServiceError, FileNotFoundError):
                self._answers([abort])
            raise

    def _answers(self, requests: Sequence[ObjectRequest]) -> Sequence[Answer]:
        answers = self._requests(requests) if requests else []
        for request, (status, _, body) in zip(requests, answers, strict=True):
            if status >= 300:
                raise _error(request, status, body)
        return answers


def _objects(bucket: str, root: Element) -> Iterator[StoredObject]:
    for item in root.iter(f"{_NAMESPACE}Contents"):
        key, size, etag = (item.findtext(f"{_NAMESPACE}{name}") or "" for name in _LISTED)
        yield StoredObject(f"s3://{bucket}/{unquote(key)}", int(size), etag.strip('"'))


_LISTED = ("Key", "Size", "ETag")


def _get(uri: str) -> ObjectRequest:
    return ObjectRequest("GetObject", "GET", _path(uri))


def _part_request(
    uri: str, upload: Mapping[str, list[str]], number: int, part: StoredBytes
) -> ObjectRequest:
    query = {**upload, "partNumber": [str(number)]}
    return ObjectRequest("UploadPart", "PUT", _path(uri), query, {}, part)


def _list_of_parts(parts: Sequence[StoredBytes]) -> bytes:
    listed = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{part.digest('MD5').hex()}</ETag></Part>"
        for number, part in enumerate(parts, start=1)
    )
    return f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()


def _path(uri: str) -> str:
    return "/" + "/".join(split_uri(uri))


def _error(request: ObjectRequest, status: int, body: Any) -> Exception:
    """What an SDK would raise, as the runner knows it."""
    code, message = _code_and_message(bytes(body))
    if status == 404 and (code in _MISSING or request.method == "HEAD"):
        return FileNotFoundError(f"no object s3:/{request.path}")
    refused = Refused(code or str(status), request.operation, message)
    return ServiceError(str(refused)) if status >= 500 else refused


def _parsed(body: bytes) -> Element:
    return fromstring(body)  # noqa: S314 – this process wrote it


def _code_and_message(body: bytes) -> tuple[str, str]:
    try:
        root = _parsed(body)
    except ParseError:
        return "", body.decode(errors="replace")
    return root.findtext(".//Code") or "", root.findtext(".//Message") or ""


def _content(path: Path) -> Content:
    """A file's content of now: its process may change the file later."""
    if path.stat().st_size < _IN_FILE_FROM:
        return path.read_bytes()
    content = _copied(path)
    if len(content) < _IN_PARTS_FROM:
        content.digest("MD5")  # here, not on the server's loop
    return content


def _copied(path: Path) -> StoredBytes:
    with path.open("rb") as file:
        source, size = file.fileno(), os.fstat(file.fileno()).st_size
        return filled(lambda target: copy(source, 0, size, target))


def _write(body: bytes | FileResponse, path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        append(body.stored if isinstance(body, FileResponse) else body, file.fileno())


def _batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE))
