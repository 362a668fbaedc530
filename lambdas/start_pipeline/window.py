"""Which objects of the data bucket are the training window's data (pure).

A partition is the folder part of a key below the prefix: "2013-03" of `raw/2013-03/orders.csv`,
"year=2013/month=03" of `raw/year=2013/month=03/part-0.parquet`, "" of `raw/orders.csv`. Partitions
are ordered folder by folder, as text, so their names must sort as time does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Literal, NamedTuple


class ListedObject(NamedTuple):
    """An object as a listing shows it."""

    key: str
    etag: str
    size: int
    last_modified: datetime


@dataclass(frozen=True, kw_only=True)
class DataWindow:
    """The data of the newest partitions, by key."""

    objects: Sequence[ListedObject]
    left_out: Sequence[str] = ()
    """Keys that hold data and that no run can read; the log and the description name them."""

    @cached_property
    def fingerprint(self) -> str:
        """Names what the listing shows; landing the same bytes again changes it."""
        digest = hashlib.sha256()
        for stored in self.objects:
            row = (stored.key, stored.etag, stored.size, stored.last_modified.isoformat())
            digest.update(json.dumps(row).encode() + b"\n")
        return digest.hexdigest()


Kind = Literal["data", "ignored", "unreadable"]


def kind_of(key: str, *, size: int, prefix: str) -> Kind:
    """What an object below the prefix is.

    Ignored: folder markers (a key that ends in "/", any object of no bytes) and what writers keep
    for themselves (a name that begins with "_" or ".", at any level: `_SUCCESS`, `_temporary/…`,
    `.part-0.crc`). Unreadable: a key that cannot be a file's path inside a job (an empty folder
    name as in `raw//x`, control characters such as a line break).
    """
    names = key.removeprefix(prefix).split("/")
    if size == 0 or any(name.startswith(("_", ".")) for name in names):
        return "ignored"
    if any(not name for name in names) or any(ord(c) < 0x20 or ord(c) == 0x7F for c in key):
        return "unreadable"
    return "data"


def partition_of(key: str, *, prefix: str) -> str:
    return key.removeprefix(prefix).rpartition("/")[0]


def in_order(partitions: Iterable[str]) -> list[str]:
    """Oldest first: compared folder by folder, so that "a/b" comes before "a-b"."""
    return sorted(set(partitions), key=lambda partition: partition.split("/"))
