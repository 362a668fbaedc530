"""Packs and unpacks the tar.gz archives of training jobs."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

LARGEST = 30 * 1024**3
"""Bytes: the volume that a job or an endpoint has where nothing says how large."""

_LEVEL = 6


def pack(folder: Path, archive: Path) -> None:
    """Write the contents of a folder as tar.gz: the same bytes for the same contents."""
    import tarfile

    def anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = member.mtime = 0
        member.uname = member.gname = ""
        return member

    with (
        archive.open("wb") as file,
        gzip.GzipFile(
            fileobj=file, mode="wb", filename="", mtime=0, compresslevel=_LEVEL
        ) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in sorted(folder.iterdir()):
            # tarfile visits a folder's contents in sorted order.
            tar.add(path, arcname=path.name, filter=anonymous)


def unpack(archive: Path, folder: Path, *, largest: int | None = None) -> None:
    """Extract a tar archive.

    Args:
        archive: a tar file, compressed or not.
        folder: where its contents go.
        largest: how many bytes they may have together; without it `LARGEST`, or what the disk has
            free if that is less.

    Raises:
        ValueError: it is no archive, leads out of the folder, or has more bytes. What was extracted
            until then stays.
    """
    import tarfile

    limit = min(LARGEST, shutil.disk_usage(archive.parent).free) if largest is None else largest
    total = 0

    def limited(member: tarfile.TarInfo, path: str) -> tarfile.TarInfo:
        # By the sizes in the headers, before a byte is written: a few kilobytes of gzip can hold
        # gigabytes.
        nonlocal total
        total += member.size
        if total > limit:
            raise ValueError(
                f"{archive.name} ({archive.stat().st_size:,} bytes) unpacks to more than "
                f"{limit:,} bytes; expected no more than the volume of a job holds"
            )
        return tarfile.data_filter(member, path)

    try:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter=limited)  # noqa: S202 - by tarfile's own data filter
    except (tarfile.TarError, EOFError, gzip.BadGzipFile) as error:
        raise ValueError(str(error)) from None
