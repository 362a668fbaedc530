"""Writes a promotion: all of its files, or none."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from ratchet.notebooks.errors import NotebookError
from ratchet.notebooks.promotion import StepPromotion, refuse_places


def write(promotion: StepPromotion) -> list[Path]:
    """Writes the new files and the notebook.

    Returns:
        What was written, the notebook last.

    Raises:
        NotebookError: the notebook was changed meanwhile, or a file is in the way.
    """
    request = promotion.request
    refuse_places(request)
    if request.notebook.read_bytes() != promotion.before:
        raise NotebookError(
            f"{request.source} was changed while it ran; nothing was written. Save it, and run the "
            "command again"
        )
    files = promotion.files()
    drafts: dict[Path, Path] = {}
    written: list[Path] = []
    folders: list[Path] = []
    try:
        for path, content in {**files, request.notebook: promotion.after}.items():
            folders += _make_folders(path.parent)
            drafts[path] = _draft(path, content)
        for path in files:  # the notebook comes last: it calls the script
            os.link(drafts[path], path)  # fails when somebody else has made it meanwhile
            written.append(path)
        mode = request.notebook.stat().st_mode
        drafts[request.notebook].chmod(mode)
        drafts[request.notebook].replace(request.notebook)
    except BaseException:
        _undo([*written, *drafts.values()], folders)
        raise
    for draft in drafts.values():
        draft.unlink(missing_ok=True)
    return [*files, request.notebook]


def _make_folders(folder: Path) -> list[Path]:
    """Makes a folder and those above it; the new ones, outermost first."""
    missing = [f for f in (folder, *folder.parents) if not f.exists()][::-1]
    for path in missing:
        path.mkdir()
    return missing


def _draft(path: Path, content: bytes) -> Path:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    Path(name).chmod(0o644)
    return Path(name)


def _undo(files: list[Path], folders: list[Path]) -> None:
    for path in files:
        path.unlink(missing_ok=True)
    for folder in reversed(folders):
        with contextlib.suppress(OSError):
            folder.rmdir()
