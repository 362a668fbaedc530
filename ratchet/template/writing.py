"""Writes files into a project: all of them, or none."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path


class ExistingFilesError(Exception):
    """Files are in the way; the message names them."""


def write(root: Path, files: Mapping[str, bytes]) -> None:
    """Writes new files below `root`, which is made if it is not there.

    Raises:
        ExistingFilesError: one of them is there already, or a file stands where a folder has to be.
            Nothing is written then.
    """
    if taken := [path for path in files if (root / path).exists() or (root / path).is_symlink()]:
        listed = "\n  ".join(sorted(taken)[:20])
        more = f"\n  … and {len(taken) - 20} more" if len(taken) > 20 else ""
        raise ExistingFilesError(
            f"{root} has files of these names, and nothing is overwritten:\n  {listed}{more}\n"
            "Choose another name or folder, or move them away."
        )
    for path in files:
        for parent in Path(path).parents:
            if (root / parent).exists() and not (root / parent).is_dir():
                raise ExistingFilesError(f"{root / parent} is a file; expected a folder")
    if root.exists() and any(root.iterdir()):
        _write_into(root, files)
        return
    root.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=root.parent, prefix=f".{root.name}."))
    try:
        draft.chmod(0o755)
        for path, content in files.items():
            _put(draft / path, content)
        if root.exists():
            root.rmdir()
        draft.rename(root)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _write_into(root: Path, files: Mapping[str, bytes]) -> None:
    """Beside files that are there; what was written goes again when it cannot all be."""
    written: list[Path] = []
    made: list[Path] = []
    try:
        for path, content in files.items():
            new = [parent for parent in (root / path).parents if not parent.exists()]
            made += reversed(new)
            written.append(root / path)
            _put(root / path, content)
    except BaseException:
        for file in written:
            with suppress(OSError, ValueError):
                file.unlink()
        for folder in reversed(made):
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _put(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
