"""The content of a window, its digest, and the manifest that hands it to a run (pure).

`manifest.json` is SageMaker's ManifestFile format (API reference, ProcessingS3Input `S3DataType`
and S3DataSource): a JSON array of {"prefix": …} and then keys relative to that prefix.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from start_pipeline.window import ListedObject

_FORMAT = 1


class Content(NamedTuple):
    """One object of a snapshot. `identity` is "<algorithm>:<checksum>" of its bytes."""

    key: str
    identity: str
    size: int


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What a run reads: every object of the window with the identity of its content, by key."""

    bucket: str
    objects: Sequence[Content]

    def text(self) -> bytes:
        """The canonical serialisation: the same content gives the same bytes, and no two contents
        do. JSON delimits what a key may contain, in ASCII, one object to a line."""
        head = json.dumps({"format": _FORMAT, "bucket": self.bucket})
        rows = ",\n".join(json.dumps(row) for row in self.objects)
        return f'{head[:-1]}, "objects": [\n{rows}\n]}}\n'.encode("ascii")

    def manifest(self) -> bytes:
        """SageMaker's manifest of the objects: a function of the snapshot and nothing else."""
        entries = [{"prefix": f"s3://{self.bucket}/"}, *(row.key for row in self.objects)]
        return json.dumps(entries, indent=0).encode("ascii") + b"\n"


def of(objects: Iterable[ListedObject], identities: Mapping[str, str], *, bucket: str) -> Snapshot:
    """The snapshot of these objects, whose identities are given by key."""
    rows = [Content(stored.key, identities[stored.key], stored.size) for stored in objects]
    return Snapshot(bucket=bucket, objects=sorted(rows))


def digest_of(text: bytes) -> str:
    """SHA-256 of a snapshot's text in hexadecimal: what `sha256sum snapshot.json` prints."""
    return hashlib.sha256(text).hexdigest()


def read(text: bytes) -> Snapshot:
    """The inverse of `Snapshot.text`. ValueError when it is something else."""
    values = json.loads(text)
    if not isinstance(values, dict) or values.get("format") != _FORMAT:
        raise ValueError(f"not a snapshot of format {_FORMAT}: {text[:80]!r}")
    return Snapshot(bucket=values["bucket"], objects=[Content(*row) for row in values["objects"]])


@dataclass(frozen=True, kw_only=True)
class SnapshotDifference:
    """Keys by what happened to them since an earlier snapshot."""

    new: Sequence[str] = ()
    changed: Sequence[str] = ()
    removed: Sequence[str] = ()


def difference(earlier: Snapshot | None, later: Snapshot) -> SnapshotDifference:
    """Without an earlier snapshot every object is new."""
    before = {row.key: row for row in earlier.objects} if earlier else {}
    after = {row.key for row in later.objects}
    return SnapshotDifference(
        new=[row.key for row in later.objects if row.key not in before],
        changed=[row.key for row in later.objects if before.get(row.key, row) != row],
        removed=[key for key in before if key not in after],
    )
