"""Which folders are a local cloud's: nothing else is ever started in, or emptied.

A cloud's folder holds a marker, written when the cloud is made. A folder that is empty may become
one. Any other folder is refused by its name.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from ratchet.local_cloud.layout import Layout, LocalCloudError

VERSION = 1
"""Of the folder's layout. A cloud never opens, nor empties, a folder of a newer one."""

_PROJECT_FILES = (".git", "cdk.json", "pyproject.toml")


class FolderRefusedError(LocalCloudError):
    """The folder is not a local cloud's, or is of a version that this one does not know."""


def is_cloud(folder: Path) -> bool:
    """Whether a local cloud has been made in the folder."""
    layout = Layout(folder.absolute())
    return _refusal(layout.folder) is None and (layout.marker.is_file() or _unmarked_cloud(layout))


def check(layout: Layout) -> None:
    """Raises ``FolderRefusedError`` unless a cloud is in the folder or may be made in it.

    Writes nothing.
    """
    folder = layout.folder
    if reason := _refusal(folder):
        raise FolderRefusedError(
            f"{folder} cannot be a local cloud's folder: {reason}. Name a separate folder, such as "
            ".ratchet/cloud"
        )
    if layout.marker.is_file():
        _check_version(layout)
    elif not _unmarked_cloud(layout) and (foreign := _foreign(layout)):
        raise FolderRefusedError(
            f"{folder} holds {_shortened(foreign)} and is not a local cloud's folder (it has no "
            f"{layout.marker.name}). Nothing in it was touched. Name an empty or a new folder"
        )


def claim(layout: Layout) -> None:
    """Make the folder a cloud's, with a marker and an access key, for this user's eyes only.

    A cloud made before there were markers gets both. Raises ``FolderRefusedError``.
    """
    check(layout)
    layout.folder.mkdir(parents=True, exist_ok=True)
    layout.folder.chmod(0o700)
    if not layout.marker.exists():
        layout.marker.write_text(json.dumps({"version": VERSION}) + "\n")
    layout.make_keys()


def empty(layout: Layout) -> list[str]:
    """Delete the cloud in the folder; what is left are the marker, the locks and foreign files.

    Returns the names of the foreign files. Raises ``FolderRefusedError``.
    """
    check(layout)
    if not is_cloud(layout.folder):
        return []
    for entry in layout.content():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink(missing_ok=True)
    if not layout.marker.exists():
        layout.marker.write_text(json.dumps({"version": VERSION}) + "\n")
    return _foreign(layout)


def _refusal(folder: Path) -> str | None:
    """Why no cloud may ever be in a folder, whatever it holds."""
    if folder.is_symlink():
        return f"it is a symbolic link (to {folder.readlink()})"
    if folder.exists() and not folder.is_dir():
        return "it is a file"
    real, home = folder.resolve(), Path.home().resolve()
    if real == home:
        return "it is your home directory"
    if real in home.parents:
        return f"your home directory is below it ({home})"
    for name in _PROJECT_FILES:
        if (folder / name).exists():
            return f"it is the root of a project (it has {name})"
    return None


def _unmarked_cloud(layout: Layout) -> bool:
    """Whether a cloud of before there were markers is in the folder: only it has both files."""
    return layout.database.is_file() and layout.endpoint.is_file()


def _check_version(layout: Layout) -> None:
    try:
        version = json.loads(layout.marker.read_text())["version"]
    except (ValueError, KeyError, TypeError):
        version = None
    if version is None and not layout.marker.read_text():
        return  # another process is about to write it
    if not isinstance(version, int):
        raise FolderRefusedError(
            f"{layout.marker} does not name a version of a local cloud; expected "
            f'{{"version": {VERSION}}}. Nothing in the folder was touched'
        )
    if version > VERSION:
        raise FolderRefusedError(
            f"{layout.folder} is a local cloud of version {version}, but this ratchet knows "
            f"version {VERSION} at most. Nothing in it was touched. Update ratchet, or name "
            "another folder"
        )


def _foreign(layout: Layout) -> list[str]:
    """Names of what is in the folder and is not the cloud's."""
    if not layout.folder.is_dir():
        return []
    ours = {layout.marker, *layout.locks}
    if is_cloud(layout.folder):
        ours |= {*layout.content()}
    return sorted(entry.name for entry in layout.folder.iterdir() if entry not in ours)


def _shortened(names: list[str], limit: int = 3) -> str:
    others = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {others} more" if others > 0 else "")
