"""Bodies of objects that stay on the disk, however large they are.

MiniStack passes bodies on, measures and cuts them. This stands in for ``bytes`` there; what reads
the content (digests, copies, answers) reads it piece by piece.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

PIECE_BYTES = 1 << 18
_COPY_BYTES = 1 << 30


class Hash(Protocol):
    """As ``hashlib`` has them."""

    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class Crc32:
    """The CRC-32 of zlib, as a hash."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


def _md5() -> Hash:
    return hashlib.md5(usedforsecurity=False)


HASHES: Mapping[str, Callable[[], Hash]] = {
    "MD5": _md5,
    "SHA1": hashlib.sha1,
    "SHA256": hashlib.sha256,
    "CRC32": Crc32,
}
"""By the name that S3's checksums have; MD5 is that of ETags."""


class DiskFile:
    """A file whose content does not change any more.

    ``pinned``: it is opened now, and stays readable when its name is given to another file.
    ``temporary``: it is deleted with this object.
    """

    def __init__(self, path: Path, *, pinned: bool = False, temporary: bool = False) -> None:
        self.path = path
        self._temporary = temporary
        self._descriptor = os.open(path, os.O_RDONLY) if pinned else -1

    def __del__(self) -> None:
        if getattr(self, "_descriptor", -1) >= 0:
            os.close(self._descriptor)
        if self._temporary:
            self.path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def opened(self) -> Iterator[int]:
        """A descriptor to read from."""
        if self._descriptor >= 0:
            yield self._descriptor
            return
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


class StoredBytes:
    """Some bytes of a file, or all of them."""

    def __init__(
        self, file: DiskFile, start: int, length: int, digests: Mapping[str, bytes] | None = None
    ) -> None:
        self.file = file
        self.start = start
        self.failure: OSError | None = None
        """Why the file does not have all that was received."""
        self._length = length
        self._digests = dict(digests or {})

    @classmethod
    def of(cls, path: Path) -> StoredBytes:
        """The content that a file has now. Raises ``OSError``."""
        file = DiskFile(path, pinned=True)
        with file.opened() as descriptor:
            return cls(file, 0, os.fstat(descriptor).st_size)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, place: slice) -> StoredBytes:
        start, stop, step = place.indices(self._length)
        if step != 1:
            raise ValueError(f"a step of {step} is no part of a file; expected 1")
        return StoredBytes(self.file, self.start + start, max(0, stop - start))

    def __bytes__(self) -> bytes:
        return self.read(0, self._length)

    def __deepcopy__(self, memo: object) -> StoredBytes:
        return self  # the content does not change

    def read(self, offset: int, length: int) -> bytes:
        """Up to ``length`` bytes from ``offset`` on. Raises ``OSError``."""
        with self.file.opened() as descriptor:
            return self._read(descriptor, offset, length)

    def pieces(self) -> Iterator[bytes]:
        """The content, in pieces. Raises ``OSError``."""
        with self.file.opened() as descriptor:
            for offset in range(0, self._length, PIECE_BYTES):
                yield self._read(descriptor, offset, PIECE_BYTES)

    def digest(self, name: str) -> bytes:
        """A digest of `HASHES`; computed once."""
        if name not in self._digests:
            value = HASHES[name]()
            for piece in self.pieces():
                value.update(piece)
            self._digests[name] = value.digest()
        return self._digests[name]

    def append_to(self, target: int) -> None:
        """Write the content where a descriptor stands. Raises ``OSError``."""
        with self.file.opened() as source:
            copy(source, self.start, self._length, target)

    def link_to(self, path: str) -> bool:
        """Give the file that has all of this, and nothing else, one more name, where possible."""
        with self.file.opened() as descriptor:
            status = os.fstat(descriptor)
            if (self.start, self._length) != (0, status.st_size):
                return False
            with contextlib.suppress(OSError):  # another disk, or one without links
                os.link(self.file.path, path)
                if os.path.samestat(Path(path).stat(), status):
                    return True
                Path(path).unlink()  # the file's name has been given to another one
        return False

    def _read(self, descriptor: int, offset: int, length: int) -> bytes:
        length = min(length, self._length - offset)
        data = os.pread(descriptor, length, self.start + offset)
        if len(data) < length:  # a signal, or more than one read gives
            pieces = [data]
            while length > (read := sum(map(len, pieces))):
                pieces.append(os.pread(descriptor, length - read, self.start + offset + read))
                if not pieces[-1]:
                    raise OSError(f"{self.file.path} ends {length - read} bytes early")
            data = b"".join(pieces)
        return data


Content = bytes | StoredBytes


def joined(contents: Sequence[Content]) -> StoredBytes:
    """One content after the other: the file that they are cut from, or a new one.

    Raises ``OSError``.
    """
    whole = _cut_from(contents)
    return whole if whole is not None else _appended(contents)


def _cut_from(contents: Sequence[Content]) -> StoredBytes | None:
    """The whole file, if these are its parts one after the other."""
    end, file = 0, None
    for content in contents:
        if not isinstance(content, StoredBytes) or content.start != end:
            return None
        if file is not None and content.file is not file:
            return None
        end, file = end + len(content), content.file
    if file is None or file.path.stat().st_size != end:
        return None
    return StoredBytes(file, 0, end)


def _appended(contents: Sequence[Content]) -> StoredBytes:
    def fill(descriptor: int) -> None:
        for content in contents:
            append(content, descriptor)

    return filled(fill)


def filled(fill: Callable[[int], None]) -> StoredBytes:
    """What a function writes to the descriptor of a new temporary file. Raises ``OSError``."""
    descriptor, path = temporary_file()
    file = DiskFile(path, temporary=True)
    try:
        fill(descriptor)
        return StoredBytes(file, 0, os.fstat(descriptor).st_size)
    finally:
        os.close(descriptor)


def temporary_file() -> tuple[int, Path]:
    """A new file beside the cloud's others, open for writing; a start of the cloud deletes it."""
    descriptor, name = tempfile.mkstemp(prefix="body-")
    return descriptor, Path(name)


def new_file(path: str, content: Content) -> None:
    """A new file with a content: the same file by another name, where that is possible.

    Raises ``OSError``, a ``FileExistsError`` among others.
    """
    if isinstance(content, StoredBytes):
        if content.failure is not None:
            raise content.failure
        if content.link_to(path):
            return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        append(content, descriptor)
    finally:
        os.close(descriptor)


def append(content: Content, target: int) -> None:
    """Write a content where a descriptor stands. Raises ``OSError``."""
    if isinstance(content, StoredBytes):
        content.append_to(target)
    else:
        write_all(target, content)


def write_all(descriptor: int, data: bytes) -> None:
    """Write where the descriptor stands. Raises ``OSError``."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def copy(source: int, offset: int, length: int, target: int) -> None:
    """Copy from a place of one file to where another descriptor stands. Raises ``OSError``.

    In the kernel, where it can.
    """
    end = offset + length
    while offset < end:
        copied = _copied(source, offset, min(end - offset, _COPY_BYTES), target)
        if copied == 0:
            raise OSError(f"the file ends {end - offset} bytes early")
        offset += copied


def _copied(source: int, offset: int, length: int, target: int) -> int:
    if hasattr(os, "copy_file_range"):
        with contextlib.suppress(OSError):  # two disks, or one that cannot
            return os.copy_file_range(source, target, length, offset)
    data = os.pread(source, min(length, PIECE_BYTES), offset)
    write_all(target, data)
    return len(data)
