"""The folders that a step's code is imported from: its own, and those that it appends itself."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

from ratchet.authoring import source_code
from ratchet.authoring.errors import BundleError
from ratchet.authoring.notebook_file import is_notebook
from ratchet.machinery import DISTRIBUTED


def appended_folders(script: Path, *, project: Path) -> tuple[Path, ...]:
    """The folders of the project that a notebook puts on `sys.path`, by `append` or `insert` with
    a constant path from its own folder, which is where Jupyter runs it. A path that is absolute,
    computed, or leads out of the project is left alone. A script has none: it runs where its
    bundle is, and no step of another folder is there.

    Raises:
        BundleError: the notebook is not valid Python.
    """
    if not is_notebook(script):
        return ()
    paths = source_code.read(script, lambda source: tuple(_appended(ast.parse(source))))
    folders = (Path(os.path.normpath(script.parent / path)) for path in paths)
    return tuple(
        dict.fromkeys(f for f in folders if f.is_relative_to(project) and f != script.parent)
    )


def _appended(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(
                    value=ast.Attribute(value=ast.Name(id="sys"), attr="path"),
                    attr="append" | "insert",
                ),
                args=[*_, ast.Constant(value=str(path))],
            ) if not PurePath(path).is_absolute():
                yield path


@dataclass(frozen=True, kw_only=True)
class ImportPath:
    """`packages`: dotted name → the folder that it is imported from, before all others.
    `project`: what errors name the folders from."""

    folder: Path
    project: Path | None
    appended: tuple[Path, ...]
    packages: Mapping[str, Path]

    def folder_of(self, module: str) -> Path:
        """The folder that a dotted name is imported from; its own when no folder has it.

        Raises:
            BundleError: two folders have it, and the bundle has a place for one of them.
        """
        for package, folder in self.packages.items():
            if module == package or module.startswith(f"{package}."):
                return folder
        if not self.appended:
            return self.folder
        top = module.partition(".")[0]
        folders = self._folders_with(top)
        if len(folders) > 1:
            first, second = (os.path.relpath(f, self.project or self.folder) for f in folders[:2])
            raise BundleError(
                f"the module {top} is in {first} and in {second}. The notebook imports from both "
                "folders, and its job gets one folder, with a place for one module of this name. "
                "Rename one of them"
            )
        return folders[0] if folders else self.folder

    def holds(self, top: str) -> bool:
        """Whether one of the folders has a module or package of that name."""
        return bool(self._folders_with(top))

    def _folders_with(self, top: str) -> list[Path]:
        own = [self.folder] if _exists(top, self.folder) else []
        if not top or top in sys.stdlib_module_names or top in DISTRIBUTED:
            return own  # Python finds these before what is appended, or no bundle may hold them
        return own + [folder for folder in self.appended if _exists(top, folder)]


def _exists(top: str, folder: Path) -> bool:
    """Whether Python finds the module or package below the folder, before it looks elsewhere."""
    return (folder / f"{top}.py").is_file() or next((folder / top).rglob("*.py"), None) is not None
