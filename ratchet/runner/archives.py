"""Packs and unpacks the tar.gz archives of training jobs."""

from __future__ import annotations

import gzip
from pathlib import Path

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


def unpack(archive: Path, folder: Path) -> None:
    """Extract a tar archive; ValueError when it is none or leads out of the folder."""
    import tarfile

    try:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
    except (tarfile.TarError, EOFError, gzip.BadGzipFile) as error:
        raise ValueError(str(error)) from None
