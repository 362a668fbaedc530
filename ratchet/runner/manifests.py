"""Manifest files: which objects an input of the type ManifestFile names.

Format: API reference, S3DataSource, `S3DataType`: `[{"prefix": "s3://bucket/some/"}, "key", …]`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from ratchet.runner.storage import Storage


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """An object of a manifest, and its path below the manifest's prefix."""

    uri: str
    relative: str


def read_manifest(storage: Storage, uri: str) -> list[ManifestEntry]:
    """The objects that a manifest names. FileNotFoundError or ValueError when it cannot be read."""
    try:
        manifest = json.loads(storage.read_bytes(uri))
    except ValueError as error:
        raise ValueError(f"manifest {uri} is not JSON: {error}") from None
    head = manifest[0] if isinstance(manifest, list) and manifest else None
    if not isinstance(head, dict) or not isinstance(head.get("prefix"), str):
        raise ValueError(f'manifest {uri} does not begin with {{"prefix": "s3://…"}}')
    keys = manifest[1:]
    if not all(isinstance(key, str) for key in keys):
        raise ValueError(f"manifest {uri} holds something that is no key after its prefix")
    return [ManifestEntry(head["prefix"] + key, key) for key in keys]
