"""A storage in memory, with S3's keys: folders are no more than a part of a name."""

from __future__ import annotations

import hashlib
from collections.abc import MutableMapping, Sequence
from pathlib import Path

from ratchet.runner import RunnerError
from ratchet.runner.errors import ServiceError
from ratchet.runner.storage import StoredObject, split_uri


class MemoryStorage:
    """Holds objects as `bucket/key` → content.

    `faults`: what the next requests end with, one each, in place of an answer.
    """

    def __init__(self, objects: MutableMapping[str, bytes] | None = None) -> None:
        self.objects = {} if objects is None else objects
        self.faults: list[ServiceError] = []

    def list(self, uri: str) -> list[StoredObject]:
        self._answer()
        start = "/".join(split_uri(uri))
        return [
            StoredObject(f"s3://{name}", len(data), hashlib.sha256(data).hexdigest())
            for name, data in sorted(self.objects.items())
            if name.startswith(start)
        ]

    def download(self, uri: str, path: Path) -> None:
        data = self.read_bytes(uri)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def download_all(self, pairs: Sequence[tuple[str, Path]]) -> None:
        for uri, path in pairs:
            self.download(uri, path)

    def upload(self, path: Path, uri: str) -> None:
        self.write_bytes(uri, path.read_bytes())

    def upload_all(self, pairs: Sequence[tuple[Path, str]]) -> None:
        for path, uri in pairs:
            self.upload(path, uri)

    def read_bytes(self, uri: str) -> bytes:
        self._answer()
        try:
            return self.objects[_name(uri)]
        except KeyError:
            raise FileNotFoundError(f"no object {uri}") from None

    def write_bytes(self, uri: str, data: bytes) -> None:
        self._answer()
        self.objects[_name(uri)] = data

    def exists(self, uri: str) -> bool:
        self._answer()
        return _name(uri) in self.objects

    def _answer(self) -> None:
        if self.faults:
            raise self.faults.pop(0)


def _name(uri: str) -> str:
    bucket, key = split_uri(uri)
    if not key:
        raise RunnerError(f"{uri!r} names no object: expected s3://bucket/key")
    return f"{bucket}/{key}"
