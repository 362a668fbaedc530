"""The data bucket as S3 shows it: the window's objects, and what identifies their content."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

import aws_clients
from start_pipeline.window import DataWindow, ListedObject, in_order, kind_of

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

_CHECKSUMS = ("SHA256", "SHA1", "CRC64NVME", "CRC32C", "CRC32")
"""S3 keeps one of these with an object, as a rule; the strongest is taken. Which one it is depends
on who uploads: the same bytes landed by another tool may count as changed, and run once more."""

_CHUNK = 1000

Known = Mapping[str, tuple[ListedObject, str]]
"""By key: the object as it was listed, and the identity that it then had."""


class WindowMovedError(Exception):
    """An object changed after the listing."""


@dataclass(frozen=True, kw_only=True)
class Identified:
    """Identities by key, and what it took to get them."""

    identities: dict[str, str] = field(default_factory=dict)
    heads: int = 0
    """Requests made: one for each object that is new or changed."""
    etags: int = 0
    """Objects without a checksum, identified by their ETag."""
    complete: bool = True
    """False when time ran out; what is known so far is worth keeping."""


@dataclass(frozen=True, kw_only=True)
class DataBucket:
    s3: S3Client
    bucket: str
    prefix: str
    window: int
    """The newest N partitions; 0 = all."""

    def newest(self) -> DataWindow:
        """The window now. All partitions: one request per 1,000 objects. The newest N: one per
        folder and 1,000 objects of them, however many older ones there are."""
        left_out: list[str] = []
        if self.window == 0:
            objects = self._data((stored for page in self._pages() for stored in page), left_out)
        else:
            newest = islice(self._partitions(self.prefix, left_out), self.window)
            objects = [stored for partition in newest for stored in partition]
        return DataWindow(objects=sorted(objects), left_out=sorted(left_out))

    def _partitions(self, folder: str, left_out: list[str]) -> Iterator[list[ListedObject]]:
        """The partitions in and below a folder that hold data, newest first."""
        pages = list(self._raw_pages(Prefix=folder, Delimiter="/"))
        below = [entry["Prefix"] for page in pages for entry in page.get("CommonPrefixes", ())]
        for name in reversed(in_order(entry[len(folder) : -1] for entry in below)):
            if not name.startswith(("_", ".")):
                yield from self._partitions(f"{folder}{name}/", left_out)
        here = (_stored(entry) for page in pages for entry in page.get("Contents", ()))
        data = self._data(here, left_out)
        if data:
            yield data

    def _data(self, objects: Iterator[ListedObject], left_out: list[str]) -> list[ListedObject]:
        data = []
        for stored in objects:
            kind = kind_of(stored.key, size=stored.size, prefix=self.prefix)
            if kind == "data":
                data.append(stored)
            elif kind == "unreadable":
                left_out.append(stored.key)
        return data

    def _pages(self) -> Iterator[Iterator[ListedObject]]:
        for page in self._raw_pages(Prefix=self.prefix):
            yield map(_stored, page.get("Contents", ()))

    def _raw_pages(self, **parameters: str) -> Iterator[Mapping[str, Any]]:
        paginator: Any = self.s3.get_paginator("list_objects_v2")
        yield from paginator.paginate(Bucket=self.bucket, **parameters)

    def identify(
        self,
        objects: Sequence[ListedObject],
        cached: Known,
        *,
        until: float,
        clock: Callable[[], float],
    ) -> Identified:
        """The identity of each object's content; asks S3 only for what is not known.

        Stops at `until` on the clock. Raises WindowMovedError when an object is not as listed.
        """
        identities: dict[str, str] = {}
        unknown: list[ListedObject] = []
        for listed in objects:
            before = cached.get(listed.key)
            if before is not None and before[0] == listed:
                identities[listed.key] = before[1]
            else:
                unknown.append(listed)
        heads = 0
        # Chunks bound the memory of what waits, and let the clock be read between them.
        with ThreadPoolExecutor(aws_clients.CONNECTIONS) as pool:
            while heads < len(unknown) and clock() < until:
                chunk = unknown[heads : heads + _CHUNK]
                identities.update(
                    zip((o.key for o in chunk), pool.map(self._identity, chunk), strict=True)
                )
                heads += len(chunk)
        return Identified(
            identities=identities,
            heads=heads,
            etags=sum(identity.startswith("etag:") for identity in identities.values()),
            complete=heads == len(unknown),
        )

    def _identity(self, listed: ListedObject) -> str:
        try:
            head = self.s3.head_object(
                Bucket=self.bucket, Key=listed.key, IfMatch=listed.etag, ChecksumMode="ENABLED"
            )
        except ClientError as error:
            # A HEAD's error has no body, so its code is the status. 412: other content than
            # listed; 404: deleted.
            if error.response["Error"]["Code"] in {"404", "NoSuchKey", "412", "PreconditionFailed"}:
                raise WindowMovedError(listed.key) from None
            raise
        return identity_of(head, etag=listed.etag)


def identity_of(head: Mapping[str, Any], *, etag: str) -> str:
    """Identity of an object's content, from HeadObject's answer with ChecksumMode ENABLED.

    The ETag stands in for an object without a checksum. In a bucket with a customer key it is not
    a digest of the content, so landing the same bytes again then counts as a change (S3 API
    reference, Object: ETag).
    """
    for algorithm in _CHECKSUMS:
        checksum = head.get(f"Checksum{algorithm}")
        if checksum:
            return f"{algorithm.lower()}:{checksum}"
    return f"etag:{etag}"


def _stored(entry: Mapping[str, Any]) -> ListedObject:
    return ListedObject(
        key=entry["Key"],
        etag=entry["ETag"].strip('"'),
        size=entry["Size"],
        last_modified=entry["LastModified"],
    )
