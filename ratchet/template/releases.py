"""The templates of released versions, an archive each, from which `ratchet upgrade` merges.

`python -m ratchet.template.releases` writes the archive of the version that is installed; that is a
step of a release (CONTRIBUTING.md).
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

from ratchet.template.files import CurrentTemplate, Tree
from ratchet.version import version

FOLDER = Path(__file__).with_name("releases")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first time a zip can tell


class Archive:
    """A template in an archive."""

    def __init__(self, file: Path) -> None:
        self._zip = zipfile.ZipFile(file)

    def paths(self) -> Iterator[str]:
        yield from sorted(self._zip.namelist())

    def read(self, path: str) -> bytes:
        return self._zip.read(path)


def released(number: str, folder: Path = FOLDER) -> Tree | None:
    """The template of a released version; None: this Ratchet has none of it."""
    file = folder / f"{number}.zip"
    return Archive(file) if file.is_file() else None


def pack(tree: Tree, file: Path) -> None:
    """Writes a template's archive: the same files make the same bytes."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in tree.paths():
            entry = zipfile.ZipInfo(path, date_time=_EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, tree.read(path))


if __name__ == "__main__":
    pack(CurrentTemplate(), FOLDER / f"{version()}.zip")
