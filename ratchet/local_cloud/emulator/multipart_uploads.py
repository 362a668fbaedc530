"""Uploads whose bodies are files: how parts become one object.

MiniStack joins the parts in memory, twice, on the loop that answers every request. Here it is
handed parts without content, and what they make is joined from their files.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any

from ratchet.local_cloud.emulator.object_reads import Answer
from ratchet.local_cloud.emulator.objects import NotWrittenError
from ratchet.local_cloud.emulator.stored_bytes import Content, StoredBytes, joined

WRAPPED = (
    "_complete_multipart_upload",
    "_maybe_replicate",
    "_upload_part_copy",
    "handle_request",
)
"""The functions of MiniStack's S3 that are replaced, beside its module ``hashlib``."""

_JOINED = "joined"
"""The member of an upload that has its parts' bodies and what they make together."""

Upload = dict[str, Any]
Query = dict[str, list[str]]

_completed: ContextVar[Upload | None] = ContextVar("completed", default=None)
"""The upload that is being completed."""


class UploadedPart(bytes):
    """The length and the MD5 of a part, and none of its content."""

    length: int
    md5: bytes

    @classmethod
    def of(cls, part: Mapping[str, Any]) -> UploadedPart:
        """Of a part as MiniStack holds it."""
        empty = cls()
        empty.length, empty.md5 = len(part["body"]), bytes.fromhex(part["etag"].strip('"'))
        return empty

    def __len__(self) -> int:
        return self.length

    def digest(self) -> bytes:
        """As of ``hashlib.md5``."""
        return self.md5


class Hashlib:
    """The module ``hashlib``, as MiniStack's S3 calls it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(hashlib, name)

    @staticmethod
    def md5(data: bytes = b"", **options: Any) -> Any:
        """The hash of some bytes; a part has its own."""
        return data if isinstance(data, UploadedPart) else hashlib.md5(data, **options)  # noqa: S324 – S3 has no other for ETags


def install(s3: Any) -> None:
    """Take files for bodies."""
    s3.hashlib = Hashlib()
    s3._upload_part_copy = _copied_to_file(s3, s3._upload_part_copy)
    s3._complete_multipart_upload = _without_content(s3, s3._complete_multipart_upload)
    s3._maybe_replicate = _with_content(s3._maybe_replicate)
    s3.handle_request = _prepared(s3, s3.handle_request)


def _copied_to_file(s3: Any, copy_part: Callable[..., Answer]) -> Callable[..., Answer]:
    """A part that is copied keeps no file open: an upload may have 10,000 of them."""

    def copied(bucket: str, key: str, query: Query, headers: dict[str, str]) -> Answer:
        answer = copy_part(bucket, key, query, headers)
        if answer[0] == 200:
            parts = s3._multipart_uploads[s3._qp(query, "uploadId")]["parts"]
            part = parts[int(s3._qp(query, "partNumber", "1"))]
            part["body"] = joined([b"", part["body"]])
        return answer

    return copied


def _prepared(s3: Any, handle: Callable[..., Awaitable[Answer]]) -> Callable[..., Any]:
    """Requests whose file was written, and uploads whose parts are joined off the loop."""

    async def handled(
        method: str, path: str, headers: dict[str, str], body: Any, query: Query, **place: Any
    ) -> Answer:
        try:
            if isinstance(body, StoredBytes) and body.failure is not None:
                raise body.failure
            is_last = method == "POST" and "uploadId" in query
            upload = s3._multipart_uploads.get(s3._qp(query, "uploadId")) if is_last else None
            if upload is not None:
                await asyncio.to_thread(_join, s3, upload, body)
        except OSError as error:
            reason = f"the body could not be written: {error.strerror or error}"
            message = f"{reason}. Free some space, then try again."
            refusal: Answer = s3._error("InternalError", message, 500)
            return refusal
        return await handle(method, path, headers, body, query, **place)

    return handled


def _join(s3: Any, upload: Upload, document: bytes) -> None:
    """Join the parts that a request lists, before it is answered. What is wrong with the list is
    for the answer to say."""
    try:
        elements = list(s3.fromstring(document).iter())
    except s3.ParseError:
        return
    names = ("PartNumber", f"{{{s3.S3_NS}}}PartNumber")
    numbers = sorted(int(element.text or 0) for element in elements if element.tag in names)
    parts = dict(upload["parts"])
    if all(number in parts for number in numbers):
        bodies = [parts[number]["body"] for number in numbers]
        upload[_JOINED] = (bodies, joined(bodies))


# --- the answer -----------------------------------------------------------------------------------


def _without_content(s3: Any, complete: Callable[..., Answer]) -> Callable[..., Answer]:
    """Complete an upload of parts that have no content; `_with_content` adds it."""

    @functools.wraps(complete)
    def completed(bucket: str, key: str, body: bytes, query: Query, *headers: Any) -> Answer:
        upload_id = s3._qp(query, "uploadId")
        upload = s3._multipart_uploads.get(upload_id)
        if upload is None:
            return complete(bucket, key, body, query, *headers)
        parts = {
            number: {**part, "body": UploadedPart.of(part)}
            for number, part in upload["parts"].items()
        }
        s3._multipart_uploads[upload_id] = {**upload, "parts": parts}
        token, answer = _completed.set(upload), None
        try:
            answer = complete(bucket, key, body, query, *headers)
            return answer
        finally:
            _completed.reset(token)
            if answer is None or answer[0] >= 300:
                s3._multipart_uploads[upload_id] = upload

    return completed


def _with_content(replicate: Callable[..., None]) -> Callable[..., None]:
    """Where MiniStack goes on with a new object, and first with one that parts made."""

    def replicated(
        bucket: str, key: str, record: dict[str, Any], data: Content, *tags: Any
    ) -> None:
        upload = _completed.get()
        if upload is not None:
            parts = [upload["parts"][part["PartNumber"]]["body"] for part in record["parts"]]
            data = _together(upload, parts)
            record |= {"body": data, "size": len(data)}
        replicate(bucket, key, record, data, *tags)

    return replicated


def _together(upload: Upload, bodies: Sequence[Content]) -> StoredBytes:
    """What was joined before the answer, if no part has been sent again since."""
    earlier, content = upload.get(_JOINED, ([], b""))
    if earlier == bodies and isinstance(content, StoredBytes):
        return content
    try:
        return joined(bodies)
    except OSError as error:
        raise NotWrittenError(f"the parts could not be joined: {error}") from error
