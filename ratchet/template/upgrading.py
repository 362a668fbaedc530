"""Brings a project's files up to date with the template of this version, and keeps its edits.

Three texts meet: what the template of the project's version wrote, what this version's template
writes, and what the team made of it.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path


class Outcome(Enum):
    """What an upgrade does with a file."""

    NEW = "new"
    REPLACED = "replaced: you had not changed it"
    MERGED = "merged with your changes"
    CONFLICT = "in conflict with your changes"
    REMOVED = "no longer part of the template: yours to keep or remove"
    LEFT_OUT = "changed in the template; left out, since you removed it"
    YOURS = "new in the template; left out, since you have a file of this name"


@dataclass(frozen=True)
class FileChange:
    """One file of an upgrade."""

    path: str
    outcome: Outcome
    before: bytes | None
    """What is there; None: nothing."""
    after: bytes | None
    """What is to be there; None: it stays as it is."""
    conflicts: int = 0


class MergeError(Exception):
    """git is not there, or cannot merge."""


def changes(
    root: Path, base: Mapping[str, bytes], template: Mapping[str, bytes]
) -> list[FileChange]:
    """What an upgrade of the project at `root` changes. Nothing is written.

    Args:
        base: path → what the template of the project's version writes.
        template: path → what this version's template writes.

    Raises:
        MergeError: git is not there.
    """
    return list(_changes(root, base, template))


def _changes(
    root: Path, base: Mapping[str, bytes], template: Mapping[str, bytes]
) -> Iterator[FileChange]:
    for path in sorted({*base, *template}):
        old, new = base.get(path), template.get(path)
        if new == old:
            continue
        file = root / path
        mine = file.read_bytes() if file.is_file() else None
        if mine == new:
            continue
        if new is None:
            if mine is not None:
                yield FileChange(path, Outcome.REMOVED, mine, None)
        elif mine is None:
            outcome = Outcome.NEW if old is None else Outcome.LEFT_OUT
            yield FileChange(path, outcome, None, new if old is None else None)
        elif old is None:
            yield FileChange(path, Outcome.YOURS, mine, None)
        elif mine == old:
            yield FileChange(path, Outcome.REPLACED, mine, new)
        else:
            merged, conflicts = _merge(mine, old, new)
            outcome = Outcome.CONFLICT if conflicts else Outcome.MERGED
            yield FileChange(path, outcome, mine, merged, conflicts)


def write(root: Path, changed: Sequence[FileChange]) -> None:
    """Writes the files of an upgrade, each whole."""
    for change in changed:
        if change.after is None:
            continue
        file = root / change.path
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        with os.fdopen(handle, "wb") as written:
            written.write(change.after)
        Path(draft).chmod(file.stat().st_mode & 0o777 if file.exists() else 0o644)
        Path(draft).replace(file)


def _merge(mine: bytes, base: bytes, template: bytes) -> tuple[bytes, int]:
    """The merged text, with git's marks where both changed the same lines, and how many such."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in (("yours", mine), ("before", base), ("template", template)):
            Path(folder, name).write_bytes(content)
        command = ["git", "merge-file", "-p", "--diff3", "yours", "before", "template"]
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
        except FileNotFoundError:
            raise MergeError("git is not installed; it merges your changes: install git") from None
    if not 0 <= done.returncode <= 127:
        raise MergeError(f"git cannot merge: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout, done.returncode
