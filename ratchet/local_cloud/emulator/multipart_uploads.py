"""Uploads whose bodies are files: how parts become one object.

MiniStack joins the parts in memory, twice, on the loop that answers every request.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from xml.etree import ElementTree

from ratchet.local_cloud.emulator.object_reads import Answer
from ratchet.local_cloud.emulator.objects import NotWrittenError
from ratchet.local_cloud.emulator.stored_bytes import Content, StoredBytes, joined

WRAPPED = ("_complete_multipart_upload", "_upload_part_copy", "handle_request")
"""The names of MiniStack's S3 that are replaced."""

_JOINED = "joined"
"""The member of an upload that has its parts' bodies and what they make together."""

Upload = dict[str, Any]
Listed = Sequence[tuple[int, dict[str, str]]]
Query = dict[str, list[str]]


class UploadError(Exception):
    """An upload cannot be completed; ``answer`` says so."""

    def __init__(self, answer: Any) -> None:
        super().__init__(answer[0])
        self.answer: Answer = answer


def install(s3: Any) -> None:
    """Take files for bodies."""
    s3._upload_part_copy = _copied_to_file(s3, s3._upload_part_copy)
    s3._complete_multipart_upload = functools.partial(_complete, s3)
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
        if isinstance(body, StoredBytes) and body.failure is not None:
            return _no_space(s3, body.failure)
        if method == "POST" and "uploadId" in query:
            upload = s3._multipart_uploads.get(s3._qp(query, "uploadId"))
            if upload is not None:
                try:
                    await asyncio.to_thread(_join, s3, upload, body)
                except OSError as error:
                    return _no_space(s3, error)
        return await handle(method, path, headers, body, query, **place)

    return handled


def _no_space(s3: Any, error: OSError) -> Answer:
    reason = f"the body could not be written: {error.strerror or error}"
    answer: Answer = s3._error("InternalError", f"{reason}. Free some space, then try again.", 500)
    return answer


def _join(s3: Any, upload: Upload, body: bytes) -> None:
    """Join the parts that a request lists, before it is answered. What is wrong with the list is
    for the answer to say."""
    try:
        listed = _listed(s3, body, "")
    except UploadError:
        return
    parts = dict(upload["parts"])
    if all(number in parts for number, _ in listed):
        bodies = [parts[number]["body"] for number, _ in listed]
        upload[_JOINED] = (bodies, joined(bodies))


# --- the answer -----------------------------------------------------------------------------------


def _complete(
    s3: Any,
    bucket_name: str,
    key: str,
    body: bytes,
    query: Query,
    headers: dict[str, str] | None = None,
) -> Answer:
    """In place of ``_complete_multipart_upload``."""
    headers, upload_id = headers or {}, s3._qp(query, "uploadId")
    place = f"/{bucket_name}/{key}"
    bucket = s3._ensure_bucket(bucket_name)
    if bucket is None:
        missing: Answer = s3._no_such_bucket(bucket_name)
        return missing
    completed = s3._completed_multipart_uploads.get(upload_id)
    if completed is not None and completed.get("key") == key:
        answer: Answer = completed["response"]  # it was sent again
        return answer
    try:
        upload = _upload(s3, bucket_name, key, upload_id)
        for problem in (
            s3._check_sse_c_part(headers, upload),
            s3._check_put_preconditions(headers, bucket["objects"].get(key)),
        ):
            if problem is not None:
                raise UploadError(problem)
        record = _record(s3, upload, _listed(s3, body, place), headers, place)
    except UploadError as error:
        return error.answer
    answer = _stored(s3, bucket, (bucket_name, key), record, headers)
    del s3._multipart_uploads[upload_id]
    s3._completed_multipart_uploads[upload_id] = {"key": key, "response": answer}
    return answer


def _upload(s3: Any, bucket_name: str, key: str, upload_id: str) -> Upload:
    upload: Upload | None = s3._multipart_uploads.get(upload_id)
    if upload is None or (upload["bucket"], upload["key"]) != (bucket_name, key):
        message = "The specified multipart upload does not exist."
        raise UploadError(s3._error("NoSuchUpload", message, 404, f"/{bucket_name}/{key}"))
    return upload


def _listed(s3: Any, body: bytes, place: str) -> Listed:
    """The parts of a ``CompleteMultipartUpload`` document: number and members, by number."""
    try:
        root = s3.fromstring(body)
    except s3.ParseError:
        message = (
            "The XML you provided was not well-formed or did not validate against our published "
            "schema."
        )
        raise UploadError(s3._error("MalformedXML", message, 400, place)) from None
    elements = (element for element in root.iter() if _local(element) == "Part")
    members = [{_local(child): child.text or "" for child in element} for element in elements]
    parts = [(int(part["PartNumber"]), part) for part in members if part.get("PartNumber")]
    return sorted(parts, key=lambda part: part[0])


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _record(
    s3: Any, upload: Upload, listed: Listed, headers: dict[str, str], place: str
) -> dict[str, Any]:
    """The object that the listed parts make. Raises ``UploadError``."""
    parts = [_part(s3, upload, *part) for part in listed]
    size = sum(part["size"] for part in parts)
    _check_size(s3, headers.get("x-amz-mp-object-size"), size, place)
    algorithm = upload.get("checksum_algorithm")
    composite = _composite(s3, algorithm, parts, headers, place)
    digests = b"".join(bytes.fromhex(part["etag"].strip('"')) for part in parts)
    etag = hashlib.md5(digests, usedforsecurity=False).hexdigest()
    return {
        "body": _together(upload, [part["body"] for part in parts]),
        "content_type": upload["content_type"],
        "content_encoding": upload.get("content_encoding"),
        "etag": f'"{etag}-{len(parts)}"',
        "last_modified": s3.now_iso(),
        "size": size,
        "metadata": upload["metadata"],
        "preserved_headers": upload.get("preserved_headers", {}),
        "storage_class": upload.get("storage_class") or "STANDARD",
        "parts": [
            {"PartNumber": number, "Size": part["size"]}
            for (number, _), part in zip(listed, parts, strict=True)
        ],
        "checksums": {algorithm: composite} if composite else {},
        "checksum_type": "COMPOSITE" if composite else None,
    }


def _part(s3: Any, upload: Upload, number: int, listed: dict[str, str]) -> dict[str, Any]:
    part: dict[str, Any] | None = upload["parts"].get(number)
    message = "One or more of the specified parts could not be found."
    if part is None:
        raise UploadError(s3._error("InvalidPart", message, 400))
    checksums = part.get("checksums") or {}
    stored = {f"CHECKSUM{name}": value for name, value in checksums.items()}
    stored["ETAG"] = part["etag"].strip('"')
    for member, text in listed.items():
        name, value = member.upper(), text.strip('"')
        is_compared = name == "ETAG" or name.startswith("CHECKSUM")
        if is_compared and value and stored.get(name) != value:
            message = f"{message} The following part numbers are invalid: {number}"
            raise UploadError(s3._error("InvalidPart", message, 400))
    return part


def _check_size(s3: Any, declared: str | None, size: int, place: str) -> None:
    if declared is None or declared == str(size):
        return
    message = f"Value for x-amz-mp-object-size header is invalid: '{declared}'"
    if declared.isdecimal():
        message = (
            f"The provided 'x-amz-mp-object-size' header value {declared} does not match "
            f"what was computed: {size}"
        )
    raise UploadError(s3._error("InvalidRequest", message, 400, place))


def _composite(
    s3: Any,
    algorithm: str | None,
    parts: Sequence[dict[str, Any]],
    headers: dict[str, str],
    place: str,
) -> str | None:
    if not algorithm:
        return None
    digests = [(part.get("checksums") or {}).get(algorithm) for part in parts]
    composite: str | None = s3._composite_checksum(algorithm, digests)
    requested = headers.get(f"x-amz-checksum-{algorithm.lower()}")
    if requested and requested != composite:
        message = f"The {algorithm} you specified did not match the calculated checksum."
        raise UploadError(s3._error("BadDigest", message, 400, place))
    return composite


def _together(upload: Upload, bodies: list[Content]) -> StoredBytes:
    """What was joined before the answer, if no part has been sent again since."""
    earlier, content = upload.get(_JOINED, ([], b""))
    if earlier == bodies and isinstance(content, StoredBytes):
        return content
    try:
        return joined(bodies)
    except OSError as error:
        raise NotWrittenError(f"the parts could not be joined: {error}") from error


def _stored(
    s3: Any,
    bucket: dict[str, Any],
    place: tuple[str, str],
    record: dict[str, Any],
    headers: dict[str, str],
) -> Answer:
    bucket_name, key = place
    earlier, content = bucket["objects"].get(key), record["body"]
    bucket["objects"][key] = record
    answer_headers = {"Content-Type": "application/xml", **s3._stored_sse_headers(record)}
    s3._maybe_replicate(bucket_name, key, record, content)
    version_id = s3._record_object_version(bucket_name, key, earlier, record, content)
    if version_id:
        answer_headers["x-amz-version-id"] = version_id
    s3._fire_s3_event_async(
        bucket_name,
        key,
        "s3:ObjectCreated:CompleteMultipartUpload",
        size=record["size"],
        etag=record["etag"],
        version_id=version_id,
    )
    s3._persist_object(bucket_name, key, record)
    return 200, answer_headers, s3._xml_body(_result(s3, place, record, headers))


def _result(
    s3: Any, place: tuple[str, str], record: dict[str, Any], headers: dict[str, str]
) -> ElementTree.Element:
    scheme, host = headers.get("x-forwarded-proto") or "http", headers.get("host", "localhost")
    members = {
        "Location": f"{scheme}://{host}/{'/'.join(place)}",
        "Bucket": place[0],
        "Key": place[1],
        "ETag": record["etag"],
    }
    for algorithm, value in record["checksums"].items():
        members |= {f"Checksum{algorithm}": value, "ChecksumType": "COMPOSITE"}
    root = ElementTree.Element("CompleteMultipartUploadResult", xmlns=s3.S3_NS)
    for name, value in members.items():
        ElementTree.SubElement(root, name).text = value
    return root
