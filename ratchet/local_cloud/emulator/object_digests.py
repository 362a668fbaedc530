"""Digests of bodies that are files: read in pieces, or computed while the body was received."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable
from typing import Any

from ratchet.local_cloud.emulator.object_reads import Answer
from ratchet.local_cloud.emulator.stored_bytes import HASHES, Content, StoredBytes

WRAPPED = ("_compute_s3_checksum", "_validate_content_md5", "md5_hash")
"""The names of MiniStack's S3 that are replaced."""


def install(s3: Any) -> None:
    """Take files for bodies."""
    s3.md5_hash = _md5_of(s3.md5_hash)
    s3._validate_content_md5 = _md5_validated(s3._validate_content_md5)
    s3._compute_s3_checksum = _checksum_of(s3, s3._compute_s3_checksum)


def _md5_of(md5: Callable[[bytes], str]) -> Callable[[Content], str]:
    return lambda body: body.digest("MD5").hex() if isinstance(body, StoredBytes) else md5(body)


def _md5_validated(validate: Callable[..., Answer | None]) -> Callable[..., Answer | None]:
    def validated(headers: dict[str, str], body: Content) -> Answer | None:
        header = headers.get("content-md5", "")
        if not isinstance(body, StoredBytes):
            return validate(headers, body)
        if not header or header == base64.b64encode(body.digest("MD5")).decode():
            return None
        # It is malformed or another body's; at most one of these two is that body.
        return validate(headers, b"") or validate(headers, b"another")

    return validated


def _checksum_of(s3: Any, compute: Callable[..., str | None]) -> Callable[..., str | None]:
    def checksum(algorithm: str, body: Content) -> str | None:
        if not isinstance(body, StoredBytes):
            return compute(algorithm, body)
        name = (algorithm or "").upper().replace("_", "")
        if name in HASHES:
            return base64.b64encode(body.digest(name)).decode()
        every_byte = itertools.chain.from_iterable(body.pieces())
        if name == "CRC32C":
            value = s3._crc32c(every_byte).to_bytes(4, "big")
        elif name == "CRC64NVME":
            value = s3._crc64nvme(every_byte).to_bytes(8, "big")
        else:
            return None
        return base64.b64encode(value).decode()

    return checksum
