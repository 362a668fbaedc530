"""Modules that lie beside a notebook: in the work tree, or as a commit has them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path, PurePosixPath

from ratchet.notebooks.git import GitError, Repository, literal
from ratchet.notebooks.step_code import ModulesBeside


def in_folder(folder: Path) -> ModulesBeside:
    """The modules in a folder of the work tree; paths are relative to it."""

    @cache
    def modules(name: str) -> Mapping[str, str]:
        file, package = folder / f"{name}.py", folder / name
        files = [file] if file.is_file() else sorted(package.rglob("*.py"))
        return {
            path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8", errors="replace")
            for path in files
        }

    return modules


def in_commit(repository: Repository, commit: str, folder: str) -> ModulesBeside:
    """The modules in a folder of a commit; paths are relative to it.

    Args:
        folder: its path in the repository; "" is the root.
    """
    prefix = f"{folder}/" if folder else ""

    @cache
    def top() -> frozenset[str]:
        return frozenset(_listed(repository, commit, prefix, "ls-tree"))

    @cache
    def modules(name: str) -> Mapping[str, str]:
        if f"{name}.py" in top():
            names = [f"{name}.py"]
        elif name in top():
            inside = _listed(repository, commit, f"{prefix}{name}/", "ls-tree", "-r")
            names = [f"{name}/{file}" for file in inside if PurePosixPath(file).suffix == ".py"]
        else:
            return {}
        sources = {file: repository.read(commit, f"{prefix}{file}") for file in names}
        return {file: source for file, source in sources.items() if source is not None}

    return modules


def _listed(repository: Repository, commit: str, prefix: str, *command: str) -> list[str]:
    """What lies in a folder of a commit, by paths relative to it."""
    folder = [literal(prefix)] if prefix else []
    try:
        answer = repository.ask(*command, "--name-only", "--full-tree", "-z", commit, "--", *folder)
    except GitError:
        return []
    return [path.removeprefix(prefix) for path in answer.split("\0") if path]
