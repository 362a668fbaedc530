"""Large bodies of requests are received into files, and checked as those in memory are."""

from __future__ import annotations

import asyncio
import base64
import errno
import hashlib
import os
import random
import tracemalloc
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from ministack import app
from ministack.core import iam_evaluator, sigv4

from ratchet.local_cloud.emulator import request_bodies
from ratchet.local_cloud.emulator.request_bodies import FILED_FROM, AwsChunks, SignedChunks
from ratchet.local_cloud.emulator.stored_bytes import StoredBytes

SIGNED = "AWS4-HMAC-SHA256 Credential=KEY/20260101/us-east-1/s3/aws4_request, SignedHeaders=host"
MESSAGE_BYTES = 1 << 16
DATA = random.Random(1).randbytes(FILED_FROM + 1000)


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(app, "_read_request_body", app._read_request_body)
    monkeypatch.setattr(sigv4, "_chunk_signatures_match", sigv4._chunk_signatures_match)
    request_bodies.install(app)


def headers_of(length: int, **others: str) -> dict[str, str]:
    named = {name.replace("_", "-"): value for name, value in others.items()}
    start = {"authorization": SIGNED, "x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
    return {**start, "content-length": str(length), **named}


def pieces(data: bytes) -> list[bytes]:
    return [data[at : at + MESSAGE_BYTES] for at in range(0, len(data), MESSAGE_BYTES)]


def received(blocks: Iterable[bytes], headers: dict[str, str], method: str = "PUT") -> Any:
    """What MiniStack has for the body of a request that comes in such blocks."""
    messages = iter(blocks)

    async def receive() -> dict[str, Any]:
        block = next(messages, None)
        return {"type": "http.request", "body": block or b"", "more_body": block is not None}

    return asyncio.run(app._read_request_body(receive, method, headers))


def chunked(data: bytes, size: int, trailer: bytes = b"\r\n") -> bytes:
    """A body in aws-chunked encoding."""
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    framed = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    return framed + b"0\r\n" + trailer


def test_a_large_body_is_never_held(tmp_path: Path) -> None:
    length, block = 32 << 20, os.urandom(MESSAGE_BYTES)
    blocks = (block for _ in range(length // MESSAGE_BYTES))
    tracemalloc.start()
    try:
        body = received(blocks, headers_of(length))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(body) == length
    assert most < 8 << 20
    digest = hashlib.md5(block * (length // MESSAGE_BYTES), usedforsecurity=False).digest()
    assert body.digest("MD5") == digest
    del body
    assert list(tmp_path.iterdir()) == []


def test_digests_are_made_while_the_body_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    body = received(pieces(DATA), headers_of(len(DATA), x_amz_sdk_checksum_algorithm="CRC32"))
    monkeypatch.setattr(StoredBytes, "pieces", None)
    assert body.digest("MD5") == hashlib.md5(DATA, usedforsecurity=False).digest()
    assert body.digest("CRC32") == zlib.crc32(DATA).to_bytes(4, "big")


@pytest.mark.parametrize(
    ("method", "length", "others"),
    [
        ("PUT", FILED_FROM - 1, {}),
        ("POST", len(DATA), {}),
        ("PUT", len(DATA), {"authorization": SIGNED.replace("/s3/", "/lambda/")}),
        ("PUT", len(DATA), {"authorization": "AWS KEY:signature"}),
        ("PUT", len(DATA), {"content_type": "application/x-www-form-urlencoded"}),
    ],
)
def test_other_bodies_stay_in_memory(method: str, length: int, others: dict[str, str]) -> None:
    data = DATA[:length]
    assert received(pieces(data), headers_of(length, **others), method) == data


def test_the_body_of_a_presigned_put_is_received_into_a_file() -> None:
    token = iam_evaluator._signed_request.set(
        iam_evaluator.SignedRequest("KEY", "PUT", "/data/a", {}, {}, presigned=True, s3_scoped=True)
    )
    try:
        body = received(pieces(DATA), {"content-length": str(len(DATA))})
    finally:
        iam_evaluator._signed_request.reset(token)
    assert isinstance(body, StoredBytes)
    assert bytes(body) == DATA


@pytest.mark.parametrize("step", [1, 2, 3, 7, 64, 10_000])
def test_frames_are_taken_off_wherever_the_network_cuts_them(step: int) -> None:
    data = os.urandom(1000)
    trailer = b"x-amz-checksum-crc32:AAAA\r\n\r\n"
    body = chunked(data, 300, trailer)
    frames = AwsChunks()
    parts = [frames.feed(body[at : at + step]) for at in range(0, len(body), step)]
    assert b"".join(parts) == data
    assert frames.trailer == trailer


def test_a_body_in_frames_is_what_was_framed_and_its_trailer_becomes_headers() -> None:
    checksum = base64.b64encode(zlib.crc32(DATA).to_bytes(4, "big")).decode()
    body = chunked(DATA, 70_000, f"x-amz-checksum-crc32:{checksum}\r\n\r\n".encode())
    headers = headers_of(
        len(body),
        x_amz_content_sha256="STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        x_amz_decoded_content_length=str(len(DATA)),
        x_amz_trailer="x-amz-checksum-crc32",
        content_encoding="gzip, aws-chunked",
    )
    content = received(pieces(body), headers)
    assert bytes(content) == DATA
    assert headers["x-amz-checksum-crc32"] == checksum
    assert headers["content-encoding"] == "gzip"


@pytest.mark.parametrize(
    ("body", "decoded"),
    [
        (chunked(DATA, 70_000)[:-4], len(DATA)),
        (chunked(DATA, 70_000)[:-100], len(DATA)),
        (chunked(DATA, 70_000, b""), len(DATA)),
        (chunked(DATA, 70_000), len(DATA) + 1),
        (b"10\r\n" + DATA, len(DATA)),
        (b"no size\r\n" + DATA, len(DATA)),
        (DATA.replace(b"\r\n", b"--"), len(DATA)),
    ],
    ids=["no trailer", "no end", "end cut", "too short", "long chunk", "no size", "no frame"],
)
def test_frames_that_do_not_fit_are_an_incomplete_body(body: bytes, decoded: int) -> None:
    headers = headers_of(
        len(body),
        x_amz_content_sha256="STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        x_amz_decoded_content_length=str(decoded),
    )
    with pytest.raises(app._IncompleteRequestBody):
        received(pieces(body), headers)


def test_a_body_shorter_than_its_length_is_incomplete(tmp_path: Path) -> None:
    with pytest.raises(app._IncompleteRequestBody):
        received(pieces(DATA[:-1]), headers_of(len(DATA)))
    assert list(tmp_path.iterdir()) == []


def test_a_client_that_goes_leaves_no_file(tmp_path: Path) -> None:
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": DATA, "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    with pytest.raises(app._RequestBodyDisconnected):
        asyncio.run(app._read_request_body(receive, "PUT", headers_of(2 * len(DATA))))
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_known_when_all_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(request_bodies, "write_all", full)
    body = received(pieces(DATA), headers_of(len(DATA)))
    assert (len(body), body.failure.errno) == (len(DATA), errno.ENOSPC)


@pytest.mark.parametrize("tampered", [None, "chunk", "signature", "order"])
def test_signed_chunks_are_checked_as_those_in_memory(tampered: str | None) -> None:
    signature, seed, key = _signature()
    chunks, framed = _signed(signature, seed, key, [b"first" * 100, b"second" * 100, b""])
    if tampered == "chunk":
        framed = framed.replace(b"firstfirst", b"firstFirst", 1)
    elif tampered == "signature":
        framed = framed.replace(chunks[1].encode(), b"0" * 64)
    elif tampered == "order":
        framed = framed.replace(chunks[0].encode(), chunks[1].encode())
    frames = AwsChunks()
    frames.feed(framed)
    in_memory = sigv4._chunk_signatures_match(framed, seed, signature, key)
    filed = sigv4._chunk_signatures_match(SignedChunks(frames.signed), seed, signature, key)
    assert in_memory is filed is (tampered is None)


def _signature() -> tuple[Any, str, bytes]:
    request = AWSRequest("PUT", "http://s3/data/a", headers={"host": "s3"}, data=b"")
    SigV4Auth(Credentials("KEY", "secret"), "s3", "us-east-1").add_auth(request)
    headers = {name.lower(): value for name, value in request.headers.items()}
    signature = sigv4.parse_header_signature(headers)
    key = sigv4.derive_signing_key("secret", signature.date_stamp, "us-east-1", "s3")
    return signature, signature.signature, key


def _signed(signature: Any, seed: str, key: bytes, parts: list[bytes]) -> tuple[list[str], bytes]:
    """The signature of each chunk, and the body. As the developer guide builds them."""
    import hmac

    scope = f"{signature.date_stamp}/us-east-1/s3/aws4_request"
    signatures, framed, previous = [], b"", seed
    for part in parts:
        lines = ("AWS4-HMAC-SHA256-PAYLOAD", signature.amz_date, scope, previous)
        digests = (hashlib.sha256(b"").hexdigest(), hashlib.sha256(part).hexdigest())
        text = "\n".join((*lines, *digests))
        previous = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        signatures.append(previous)
        framed += b"%x;chunk-signature=%s\r\n%s\r\n" % (len(part), previous.encode(), part)
    return signatures, framed
