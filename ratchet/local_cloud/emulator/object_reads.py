"""Reading S3's objects: from their files, and of a range only the range.

MiniStack reads the whole object for each request, and cuts no range from a version nor for a HEAD.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
"""

from __future__ import annotations

import asyncio
import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from ministack.core.responses import StreamingResponse

from ratchet.local_cloud.emulator.asgi import Receive, Send
from ratchet.local_cloud.emulator.stored_bytes import PIECE_BYTES, Content, StoredBytes

HELD_BYTES = 1 << 20
"""What an answer may hold in memory."""

WRAPPED = ("_get_object", "_get_object_data", "_head_object", "_read_body", "_version_body")
"""The names of MiniStack's S3 that are replaced."""

Answer = tuple[int, dict[str, str], Any]

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class FileResponse(StreamingResponse):  # type: ignore[misc]
    """An answer whose body is sent from its file."""

    __slots__ = ("stored",)

    def __init__(self, stored: StoredBytes) -> None:
        super().__init__(self._send)
        self.stored = stored

    async def _send(self, send: Send, receive: Receive) -> None:
        gone = asyncio.ensure_future(_disconnect(receive))
        try:
            for offset in range(0, len(self.stored), PIECE_BYTES):
                if gone.done():
                    return
                piece = await asyncio.to_thread(self.stored.read, offset, PIECE_BYTES)
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            gone.cancel()


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def install(s3: Any) -> None:
    """Read objects from their files."""
    s3._read_body = functools.partial(_body, s3)
    s3._version_body = functools.partial(_version_body, s3)
    s3._get_object_data = _in_memory(s3._get_object_data)
    s3._get_object = _ranged(s3, s3._get_object)
    s3._head_object = _ranged(s3, s3._head_object)


def requested_range(header: str, size: int) -> tuple[int, int] | None:
    """First byte and length of what a ``Range`` header asks of an object; None for all of it.

    A header that S3 cannot read, such as one with several ranges, asks for all of it. Raises
    ``ValueError`` for a range without a byte of the object.
    """
    match = _RANGE.fullmatch(header.replace(" ", ""))
    if match is None or match.group(1) == match.group(2) == "":
        return None
    first, last = match.groups()
    if first:
        start, end = int(first), min(int(last) if last else size, size - 1)
    else:
        start, end = max(0, size - int(last)), size - 1
    if not start <= end:
        raise ValueError(f"{header} of {size} bytes")
    return start, end - start + 1


def _body(s3: Any, bucket: str, key: str, record: dict[str, Any]) -> Content:
    """In place of ``_read_body``: an object's content, as it is on disk now."""
    body: Content | None = record.get("body")
    return StoredBytes.of(Path(s3._object_disk_path(bucket, key))) if body is None else body


def _version_body(
    s3: Any, bucket: dict[str, Any], bucket_name: str, key: str, version: dict[str, Any]
) -> Content | None:
    """In place of ``_version_body``: a version's own file, or that of the object that it is."""
    if version.get("data") is not None:
        content: Content = version["data"]
        return content
    version_id = version["version_id"]
    if s3._version_file_exists(bucket_name, key, version_id):
        return StoredBytes.of(Path(s3._version_disk_path(bucket_name, key, version_id)))
    current = bucket["objects"].get(key)
    if current is not None and (current.get("version_id") or "null") == version_id:
        return _body(s3, bucket_name, key, current)
    return None


def _in_memory(read: Callable[..., Content | None]) -> Callable[..., bytes | None]:
    """For MiniStack's other services, which take an object for bytes."""

    @functools.wraps(read)
    def data(*arguments: Any, **named: Any) -> bytes | None:
        content = read(*arguments, **named)
        return None if content is None else bytes(content)

    return data


def _ranged(s3: Any, read: Callable[..., Answer]) -> Callable[..., Answer]:
    """GET or HEAD of an object, or of a range of it."""

    @functools.wraps(read)
    def answer(
        bucket: str, key: str, headers: dict[str, str] | None = None, query: Any = None
    ) -> Answer:
        others = {name: value for name, value in (headers or {}).items() if name != "range"}
        status, described, body = read(bucket, key, others, query)
        header = (headers or {}).get("range", "")
        if status == 200 and header:
            try:
                part = requested_range(header, int(described["Content-Length"]))
            except ValueError:
                return _not_satisfiable(s3, bucket, key, header, described)
            if part is not None:
                status, described, body = _part(described, body, *part)
        return status, described, _sendable(body)

    return answer


def _part(described: dict[str, str], body: Content, start: int, length: int) -> Answer:
    # A checksum is that of the whole object; clients hold what they get against it.
    others = {
        name: value
        for name, value in described.items()
        if not name.lower().startswith("x-amz-checksum-")
    }
    size = described["Content-Length"]
    others["Content-Length"] = str(length)
    others["Content-Range"] = f"bytes {start}-{start + length - 1}/{size}"
    return 206, others, body[start : start + length]


def _not_satisfiable(
    s3: Any, bucket: str, key: str, header: str, described: dict[str, str]
) -> Answer:
    size = described["Content-Length"]
    root = s3._range_error_xml(bucket, key)
    ElementTree.SubElement(root, "RangeRequested").text = header
    ElementTree.SubElement(root, "ActualObjectSize").text = size
    headers = {"Content-Type": "application/xml", "Content-Range": f"bytes */{size}"}
    return 416, headers, s3._xml_body(root)


def _sendable(body: Any) -> Any:
    if not isinstance(body, StoredBytes):
        return body
    return bytes(body) if len(body) <= HELD_BYTES else FileResponse(body)
