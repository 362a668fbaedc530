"""Where the data of steps lives: what the runner asks of S3, and a folder that answers it."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ratchet.runner.digests import DigestStore
from ratchet.runner.errors import RunnerError

_REMEMBERED_FROM = 1 << 20  # smaller files are hashed faster than looked up


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object. `size` is in bytes; `digest` tells contents apart (an ETag or a SHA-256)."""

    uri: str
    size: int
    digest: str


class Storage(Protocol):
    """Objects by `s3://bucket/key` URI. Missing objects raise `FileNotFoundError`."""

    def list(self, uri: str) -> list[StoredObject]:
        """Objects whose key starts with the URI's key, sorted by key (S3's prefix semantics)."""

    def download(self, uri: str, path: Path) -> None: ...

    def download_all(self, pairs: Sequence[tuple[str, Path]]) -> None: ...

    def upload(self, path: Path, uri: str) -> None: ...

    def upload_all(self, pairs: Sequence[tuple[Path, str]]) -> None: ...

    def read_bytes(self, uri: str) -> bytes: ...

    def write_bytes(self, uri: str, data: bytes) -> None: ...

    def exists(self, uri: str) -> bool: ...


_THREADS = 16
_ALONE = 3  # so few transfers are not worth a pool


def at_once(action: Callable[..., None], items: Sequence[tuple[Any, ...]]) -> None:
    """Call an action with each of the items, several at a time."""
    if len(items) <= _ALONE:
        for item in items:
            action(*item)
        return
    with ThreadPoolExecutor(min(_THREADS, len(items))) as pool:
        for _ in pool.map(lambda item: action(*item), items):
            pass


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of an S3 URI; the key may be empty."""
    scheme, separator, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not separator or not bucket:
        raise RunnerError(f"{uri!r} is not an S3 URI: expected s3://bucket/key")
    return bucket, key


class FolderStorage:
    """A folder as S3: `s3://bucket/key` is the file `root/bucket/key`.

    Digests are SHA-256 of the contents; a large file is hashed again only when its size, its
    modification time or its inode changed. Writes are atomic.
    """

    def __init__(self, root: Path) -> None:
        self._root = Path(root).absolute()
        self._root.mkdir(parents=True, exist_ok=True)
        self._store = DigestStore(self._root / ".digests.sqlite3")
        self._small: dict[str, tuple[tuple[int, int, int], str]] = {}
        self._incoming = self._root / ".incoming"
        self._counter = 0
        self._lock = threading.Lock()

    def path(self, uri: str) -> Path:
        """The file that holds an object."""
        bucket, key = split_uri(uri)
        parts = key.split("/")
        if not key or "" in parts or "." in parts or ".." in parts:
            raise RunnerError(f"{uri!r} has no place in a folder: a key of plain names is expected")
        return self._root / bucket / key

    def list(self, uri: str) -> list[StoredObject]:
        bucket, prefix = split_uri(uri)
        top = f"{self._root}{os.sep}{bucket}"
        folder = prefix.rpartition("/")[0]
        start = os.path.normpath(f"{top}{os.sep}{folder}") if folder else top
        if start != top and not start.startswith(top + os.sep):
            return []
        found = [
            StoredObject(f"s3://{bucket}/{key}", entry.stat().st_size, self._digest(entry))
            for key, entry in _files(start, f"{folder}/" if folder else "", prefix)
        ]
        found.sort(key=lambda stored: stored.uri)
        return found

    def download(self, uri: str, path: Path) -> None:
        source = self.path(uri)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(source, path)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            raise FileNotFoundError(f"no object {uri}") from error

    def download_all(self, pairs: Sequence[tuple[str, Path]]) -> None:
        at_once(self.download, pairs)

    def upload(self, path: Path, uri: str) -> None:
        incoming = self._new_file()
        shutil.copyfile(path, incoming)
        self._put(incoming, uri)

    def upload_all(self, pairs: Sequence[tuple[Path, str]]) -> None:
        at_once(self.upload, pairs)

    def read_bytes(self, uri: str) -> bytes:
        try:
            return self.path(uri).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            raise FileNotFoundError(f"no object {uri}") from error

    def write_bytes(self, uri: str, data: bytes) -> None:
        incoming = self._new_file()
        incoming.write_bytes(data)
        self._put(incoming, uri)

    def exists(self, uri: str) -> bool:
        return self.path(uri).is_file()

    def _new_file(self) -> Path:
        with self._lock:
            self._counter += 1
            number = self._counter
        self._incoming.mkdir(exist_ok=True)
        return self._incoming / f"{os.getpid()}-{id(self):x}-{number}"

    def _put(self, incoming: Path, uri: str) -> None:
        target = self.path(uri)
        target.parent.mkdir(parents=True, exist_ok=True)
        incoming.replace(target)

    def _digest(self, entry: os.DirEntry[str]) -> str:
        stat = entry.stat()
        stamp = (stat.st_size, stat.st_mtime_ns, stat.st_ino)
        known = self._small.get(entry.path)
        if known is not None and known[0] == stamp:
            return known[1]
        large = stat.st_size >= _REMEMBERED_FROM
        digest = self._store.get(entry.path, stamp) if large else None
        if digest is None:
            digest = sha256_of(entry.path)
            if large:
                self._store.put(entry.path, stamp, digest)
        self._small[entry.path] = (stamp, digest)
        return digest


def sha256_of(path: str) -> str:
    """SHA-256 of a file's contents, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(folder: str, above: str, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Keys and files below a folder whose keys start with the prefix; `above` is its key + '/'."""
    try:
        entries = os.scandir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    with entries:
        for entry in entries:
            key = above + entry.name
            if entry.is_dir():
                inside = f"{key}/"
                if inside.startswith(prefix) or prefix.startswith(inside):
                    yield from _files(entry.path, inside, prefix)
            elif key.startswith(prefix):
                yield key, entry
