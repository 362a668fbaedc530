"""Large bodies of requests to S3, received into a file: never held, and hashed on the way.

MiniStack collects a body in memory and joins it, then hashes it once for each digest.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import hmac
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ministack.core import iam_evaluator, sigv4

from ratchet.local_cloud.emulator.asgi import Message, Receive
from ratchet.local_cloud.emulator.stored_bytes import (
    HASHES,
    DiskFile,
    StoredBytes,
    temporary_file,
    write_all,
)

FILED_FROM = 1 << 20
"""Smaller bodies are faster in memory."""
_BLOCK_BYTES = 1 << 20

_ENCODED = "STREAMING-"
"""How ``x-amz-content-sha256`` begins when a body comes in chunks with a frame around each."""

Headers = dict[str, str]
Read = Callable[[Receive, str, Headers], Awaitable[Any]]


@dataclass(frozen=True)
class SignedChunks:
    """The data for checking a body's chunks: the signature and SHA-256 of each."""

    chunks: Sequence[tuple[str, str]]


class Incoming:
    """A body on its way into a temporary file."""

    def __init__(self, names: Sequence[str]) -> None:
        self._descriptor, path = temporary_file()
        self._file = DiskFile(path, temporary=True)
        self._hashes = {name: HASHES[name]() for name in names}
        self._failure: OSError | None = None
        self.length = 0

    def write(self, data: bytes) -> None:
        """Take the next bytes. Once the disk is full they are counted only: the sender is answered
        when it has sent all."""
        self.length += len(data)
        if self._failure is not None:
            return
        try:
            write_all(self._descriptor, data)
        except OSError as error:
            self._failure = error
        for value in self._hashes.values():
            value.update(data)

    def close(self) -> StoredBytes:
        """What has come."""
        os.close(self._descriptor)
        digests = {name: value.digest() for name, value in self._hashes.items()}
        stored = StoredBytes(self._file, 0, self.length, digests)
        stored.failure = self._failure
        return stored


class AwsChunks:
    """Takes the frames off a body in ``aws-chunked`` encoding.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
    """

    def __init__(self) -> None:
        self.signed: list[tuple[str, str]] = []
        self.trailer: bytes | None = None
        """What follows the last chunk."""
        self._buffer = bytearray()
        self._left = 0
        self._signature = ""
        self._digest = hashlib.sha256()

    def feed(self, data: bytes) -> bytes:
        """The content that has become complete by ``data``. Raises ``ValueError``."""
        self._buffer += data
        content = []
        while self.trailer is None and (piece := self._next()) is not None:
            content.append(piece)
        if self.trailer is not None:
            self.trailer += bytes(self._buffer)
            self._buffer.clear()
        return b"".join(content)

    def _next(self) -> bytes | None:
        """The next piece of content, perhaps empty; None until there is more to read."""
        if self._left > 2:
            with memoryview(self._buffer) as view:  # a slice of a bytearray is one more copy
                piece = bytes(view[: self._left - 2])
            del self._buffer[: len(piece)]
            self._left -= len(piece)
            self._digest.update(piece)
            return piece or None
        if self._left:
            return self._end_of_chunk()
        return self._head_of_chunk()

    def _end_of_chunk(self) -> bytes | None:
        if len(self._buffer) < 2:
            return None
        if self._buffer[:2] != b"\r\n":
            raise ValueError("a chunk is longer than its frame says")
        del self._buffer[:2]
        self._left = 0
        self.signed.append((self._signature, self._digest.hexdigest()))
        return b""

    def _head_of_chunk(self) -> bytes | None:
        end = self._buffer.find(b"\r\n")
        if end < 0:
            if len(self._buffer) > 1024:
                raise ValueError("a chunk's frame has no end")
            return None
        size, _, extension = bytes(self._buffer[:end]).decode("ascii").partition(";")
        del self._buffer[: end + 2]
        self._signature = extension.removeprefix("chunk-signature=").strip()
        self._digest = hashlib.sha256()
        length = int(size, 16)
        if length == 0:
            self.signed.append((self._signature, self._digest.hexdigest()))
            self.trailer = b""
            return None
        self._left = length + 2
        return b""


def install(app: Any) -> None:
    """Receive large bodies of S3's into files."""
    app._read_request_body = functools.partial(_read, app, app._read_request_body)
    sigv4._chunk_signatures_match = _signatures_match(sigv4._chunk_signatures_match)


async def _read(app: Any, read: Read, receive: Receive, method: str, headers: Headers) -> Any:
    """In place of ``_read_request_body``."""
    if method != "PUT" or not _is_filed(headers):
        return await read(receive, method, headers)
    incoming = Incoming(_digests_for(headers))
    frames = AwsChunks() if _is_framed(headers) else None
    received = 0

    async def blocks() -> Any:
        nonlocal received
        async for data in _data(app, receive):
            received += len(data)
            yield frames.feed(data) if frames else data

    try:
        await _file(blocks(), incoming)
        if received != int(headers["content-length"]):
            raise ValueError("the body is shorter than its Content-Length")
        if frames is not None:
            _end_frames(app, frames, incoming.length, headers)
    except BaseException as error:
        incoming.close().file.path.unlink(missing_ok=True)
        if isinstance(error, ValueError):
            raise _incomplete(app, str(error)) from None
        raise
    app.pin_signed_body(SignedChunks(frames.signed if frames else ()))
    return incoming.close()


async def _file(blocks: Any, incoming: Incoming) -> None:
    """Write what comes, a block in a thread while the next one is received."""
    loop, collected, size = asyncio.get_running_loop(), [], 0
    writing: asyncio.Future[None] | None = None
    try:
        async for data in blocks:
            collected.append(data)
            size += len(data)
            if size >= _BLOCK_BYTES:
                if writing is not None:
                    await writing
                writing = loop.run_in_executor(None, incoming.write, b"".join(collected))
                collected, size = [], 0
    finally:
        if writing is not None:
            await writing
    incoming.write(b"".join(collected))


async def _data(app: Any, receive: Receive) -> Any:
    is_open = True
    while is_open:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            raise app._RequestBodyDisconnected
        yield message.get("body", b"")
        is_open = message.get("more_body", False)


def _is_filed(headers: Headers) -> bool:
    """Whether a PUT is one of S3's, whose body nothing but S3's handlers reads."""
    length = headers.get("content-length", "")
    if not length.isdecimal() or int(length) < FILED_FROM:
        return False
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return False  # MiniStack looks for parameters in it
    if headers.get("authorization", "").startswith("AWS4-HMAC-SHA256"):
        is_signed = "/s3/aws4_request" in headers["authorization"]
        return is_signed and "x-amz-content-sha256" in headers
    request = iam_evaluator._signed_request.get()
    return request is not None and request.s3_scoped


def _is_framed(headers: Headers) -> bool:
    return (
        headers.get("x-amz-content-sha256", "").startswith(_ENCODED)
        or "aws-chunked" in headers.get("content-encoding", "")
        or "x-amz-decoded-content-length" in headers
    )


def _digests_for(headers: Headers) -> list[str]:
    """The digests that S3 will need: that of the ETag, and those that the client sends."""
    named = f"{headers.get('x-amz-sdk-checksum-algorithm', '')},{headers.get('x-amz-trailer', '')}"
    sent = [name for name in HASHES if f"x-amz-checksum-{name.lower()}" in headers]
    requested = [name for name in HASHES if name in named.upper().replace("X-AMZ-CHECKSUM-", "")]
    return sorted({"MD5", *sent, *requested})


def _end_frames(app: Any, frames: AwsChunks, length: int, headers: Headers) -> None:
    """Check the end of a body in frames; MiniStack reads its trailer into the headers."""
    if frames.trailer is None:
        raise ValueError("the body's last chunk is missing")
    decoded = headers.pop("x-amz-decoded-content-length", None)
    if decoded is not None and decoded.strip() != str(length):
        raise ValueError(f"{decoded} bytes were announced and {length} came")
    app._decode_aws_chunked_body(b"0\r\n" + frames.trailer, headers)
    if decoded is not None:
        headers["x-amz-decoded-content-length"] = decoded


def _incomplete(app: Any, reason: str) -> Exception:
    error: Exception = app._IncompleteRequestBody(reason)
    return error


def _signatures_match(match: Callable[..., bool]) -> Callable[..., bool]:
    """Check the signatures of chunks, each of which signs the one before."""

    def matched(body: Any, seed: str, signature: Any, key: bytes) -> bool:
        if not isinstance(body, SignedChunks):
            return match(body, seed, signature, key)
        scope = f"{signature.date_stamp}/{signature.region}/{signature.service}/aws4_request"
        start = ("AWS4-HMAC-SHA256-PAYLOAD", signature.amz_date, scope)
        nothing, previous = hashlib.sha256(b"").hexdigest(), seed
        for provided, digest in body.chunks:
            text = "\n".join((*start, previous, nothing, digest))
            previous = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
            if not hmac.compare_digest(previous, provided):
                return False
        return bool(body.chunks)

    return matched
