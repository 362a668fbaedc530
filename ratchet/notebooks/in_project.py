"""The notebooks of a project, and the files in which Ratchet keeps what it knows of them."""

from __future__ import annotations

import os
from pathlib import Path

from ratchet.notebooks import percent
from ratchet.notebooks.run_records import NOTEBOOKS

_HISTORY = "notebook-history.json"


def notebooks_in(root: Path) -> list[Path]:
    """The notebooks below `notebooks/` of a project, sorted by path.

    A script counts when it has cells; what lies in a folder with a dot is left out.
    """
    folder = root / NOTEBOOKS
    files = (file for file in folder.rglob("*") if file.is_file() and not _hidden(file, folder))
    return sorted(file for file in files if _is_notebook(file))


def history_file(root: Path | None) -> Path:
    """Where answers about old versions are kept: in the project, or else in the user's cache."""
    if root is not None:
        return root / ".ratchet" / _HISTORY
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "ratchet" / _HISTORY


def _hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(folder).parts)


def _is_notebook(file: Path) -> bool:
    if file.suffix == ".ipynb":
        return True
    return file.suffix == ".py" and percent.has_cells(file.read_text(errors="replace"))
