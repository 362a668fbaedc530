"""Uploads files below the data prefix, and reports which were new.

A file that is already there with the same content is not sent again. "The same" is S3's own SHA-256
checksum: with a customer key an ETag is no digest of the content (S3 API reference, "Object").
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ratchet.deployment import objects
from ratchet.deployment.errors import DeploymentError

PART_BYTES = 64 * 1024 * 1024
"""Larger files go up in parts of this size; the checksum S3 keeps then depends on it."""

Verdict = Literal["new", "changed", "unchanged"]


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """A file and the key it goes to."""

    path: Path
    key: str
    size: int


@dataclass(frozen=True, kw_only=True)
class Landed:
    """The result for one parcel."""

    parcel: Parcel
    verdict: Verdict


def parcels(sources: Sequence[Path], *, prefix: str, below: str = "") -> list[Parcel]:
    """The files below `sources` with their keys, sorted by key.

    A file keeps its name and a folder keeps its own name and everything in it; only for a folder
    given as `.` does the content land without a name. Hidden files stay behind.

    Args:
        sources: files and folders.
        prefix: the data prefix, with a trailing slash.
        below: a folder below the prefix to put everything into.

    Raises:
        DeploymentError: a source does not exist or holds nothing, or two files want one key.
    """
    middle = below.strip("/") + "/" if below.strip("/") else ""
    by_key: dict[str, Parcel] = {}
    for source in sources:
        files = list(_files(source))
        if not files:
            raise DeploymentError(f"{source} holds no files to land")
        for path, relative in files:
            key = prefix + middle + relative
            if key in by_key and by_key[key].path.resolve() != path.resolve():
                raise DeploymentError(
                    f"{by_key[key].path} and {path} would both land as {key}. Land their folders "
                    "instead, or one after the other with --to FOLDER"
                )
            by_key[key] = Parcel(path=path, key=key, size=path.stat().st_size)
    return [by_key[key] for key in sorted(by_key)]


def _files(source: Path) -> Iterator[tuple[Path, str]]:
    if source.is_file():
        yield source, source.name
        return
    if not source.is_dir():
        raise DeploymentError(f"no such file or folder: {source} (in {Path.cwd()})")
    start = source if source == Path() else source.resolve().parent
    folder = source if source == Path() else source.resolve()
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(start)
        if path.is_file() and not any(part.startswith(".") for part in relative.parts):
            yield path, relative.as_posix()


def checksum(path: Path, *, part_bytes: int = PART_BYTES) -> str:
    """The ChecksumSHA256 that S3 keeps for this file when it is uploaded in `part_bytes` parts.

    Sent in parts it is the digest of the parts' digests and their number (S3 user guide,
    "Checking object integrity": composite checksums).
    """
    digests = []
    with path.open("rb") as file:
        while chunk := file.read(part_bytes):
            digests.append(hashlib.sha256(chunk).digest())
    if path.stat().st_size < part_bytes:
        whole = digests[0] if digests else hashlib.sha256(b"").digest()
        return base64.b64encode(whole).decode()
    composite = base64.b64encode(hashlib.sha256(b"".join(digests)).digest()).decode()
    return f"{composite}-{len(digests)}"


def land(
    s3: Any,
    *,
    bucket: str,
    parcels: Iterable[Parcel],
    again: bool = False,
    threads: int = 8,
    sent: Callable[[int], None] = lambda size: None,
) -> list[Landed]:
    """Uploads every parcel that is new or changed.

    Args:
        s3: a boto3 S3 client.
        bucket: the data bucket.
        parcels: what goes where.
        again: put unchanged files too.
        threads: how many files are on their way at once.
        sent: called with the bytes that each finished file had.

    Returns:
        One answer per parcel, in the parcels' order.
    """
    from boto3.s3.transfer import TransferConfig

    transfer = TransferConfig(
        multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, max_concurrency=4
    )

    def land(parcel: Parcel) -> Landed:
        verdict = _compare(s3, bucket, parcel)
        if verdict != "unchanged" or again:
            s3.upload_file(
                str(parcel.path),
                bucket,
                parcel.key,
                ExtraArgs={"ChecksumAlgorithm": "SHA256"},
                Config=transfer,
            )
        sent(parcel.size)
        return Landed(parcel=parcel, verdict=verdict)

    with ThreadPoolExecutor(max_workers=threads) as pool:
        return list(pool.map(land, parcels))


def _compare(s3: Any, bucket: str, parcel: Parcel) -> Verdict:
    there = objects.describe(s3, bucket, parcel.key, ChecksumMode="ENABLED")
    if there is None:
        return "new"
    if there["ContentLength"] != parcel.size:
        return "changed"
    return "unchanged" if there.get("ChecksumSHA256") == checksum(parcel.path) else "changed"
