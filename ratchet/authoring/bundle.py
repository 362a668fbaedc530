"""A step's code as one archive that is named by its content.

A bundle holds a script and the local modules it imports, and nothing else, so an edit changes the
bundles (and cache keys) of just the steps that can see it.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import io
import os
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ratchet.authoring import notebook_file
from ratchet.authoring.errors import BundleError
from ratchet.authoring.import_path import appended_folders
from ratchet.authoring.imports import imported_files
from ratchet.authoring.notebook_jobs import INIT_FILE, INIT_SCRIPT

ARCHIVE_SUFFIX = ".gz"
"""Of the key of a bundle's archive."""
REQUIREMENTS = "requirements.txt"
"""In a bundle: what is installed before its script starts."""
REQUIREMENTS_SUFFIX = ".requirements.txt"
"""Of the file beside a script that becomes it: `train.requirements.txt`."""


@dataclass(frozen=True, kw_only=True)
class CodeFile:
    """One object of the code bucket. `key`: `<digest>/<path>`, so that it keeps its name."""

    name: str
    digest: str
    path: str
    write: Callable[[Path], object]

    @property
    def key(self) -> str:
        return f"{self.digest}/{self.path}"


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """Files of one step. Paths are relative to the folder that its script imports from, with
    forward slashes."""

    name: str
    entry: str
    """The path of the script inside."""
    files: Mapping[str, bytes]
    is_folder: bool = False
    """Its job reads the files as they are, from a folder; others read an archive."""

    @property
    def code_files(self) -> Iterator[CodeFile]:
        """What must be in the code bucket of a bundle that is a folder."""
        for path, content in sorted(self.files.items()):
            yield CodeFile(
                name=f"{self.name}/{path}",
                digest=self.digest,
                path=path,
                write=functools.partial(_write_file, content),
            )

    def objects(self) -> Mapping[str, bytes]:
        """What must be below the code URI, by key: the archive, or the files of a folder."""
        if not self.is_folder:
            return {f"{self.digest}{ARCHIVE_SUFFIX}": self.tar_gz()}
        return {f"{self.digest}/{path}": content for path, content in self.files.items()}

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) over names and contents.

        Not over the archive: compressors differ between machines.
        """
        digest = hashlib.sha256()
        for path, content in sorted(self.files.items()):
            for part in (path.encode(), content):
                # With lengths, so that no two sets of files read alike.
                digest.update(len(part).to_bytes(8, "big"))
                digest.update(part)
        return digest.hexdigest()

    def tar_gz(self) -> bytes:
        """The archive: sorted, without times, owners or the executable bit."""
        archive = io.BytesIO()
        with (
            gzip.GzipFile(filename="", fileobj=archive, mode="wb", compresslevel=9, mtime=0) as gz,
            tarfile.open(fileobj=gz, mode="w", format=tarfile.PAX_FORMAT) as tar,
        ):
            for path, content in sorted(self.files.items()):
                member = tarfile.TarInfo(path)
                member.size, member.mode, member.mtime = len(content), 0o644, 0
                tar.addfile(member, io.BytesIO(content))
        return archive.getvalue()

    def write_tar_gz(self, path: Path) -> None:
        """Writes the archive whole or not at all, also when several processes write it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(self.tar_gz())
            Path(draft).chmod(0o644)
            Path(draft).replace(path)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise


def bundle_script(
    script: Path,
    *,
    root: Path,
    include: Sequence[Path] = (),
    imports_from: Path | None = None,
    only: tuple[str, ...] = (),
) -> Bundle:
    """The bundle of a script: the script, the local modules it imports, and theirs in turn. The
    bundle of a notebook is a folder, with the notebook as it is before anybody runs it; what it
    imports from folders that it appends to `sys.path` is beside it there.

    Args:
        script: relative to `root`, or absolute.
        root: nothing outside of it is bundled.
        include: further files below `imports_from` that it opens or starts rather than imports;
            what a Python file among them imports comes along.
        imports_from: where modules are looked for. The script's folder unless given, which is where
            Python looks when it runs the script; a script in a package names the folder above the
            package, and puts it on `sys.path` itself.
            The file `<script>.requirements.txt` beside the script becomes its requirements.txt.
        only: the packages that it may take along; () = whatever is there. What is installed beside
            a package is no part of a bundle.

    Raises:
        BundleError: a file is missing, lies outside, is not valid Python, or imports a file of the
            project that the bundle does not hold, or a module that two folders have.
    """
    root = Path(os.path.normpath(root.absolute()))
    script = _inside(root / script, root)
    folder = script.parent
    if imports_from is not None:
        folder = Path(os.path.normpath(root / imports_from))
        if not script.is_relative_to(folder):
            raise BundleError(f"{script.relative_to(root)} is not below {imports_from}")
    appended = appended_folders(script, project=root)
    files = imported_files(
        script, folder=folder, project=None if only else root, only=only, appended=appended
    )
    for path in include:
        extra = _inside(root / path, root)
        if not extra.is_relative_to(folder):
            raise BundleError(
                f"{path} is not in {folder.relative_to(root)}, the folder of {script.name}: "
                "only files beside or below the script can be included"
            )
        files |= imported_files(extra, folder=folder, project=root, appended=appended)
    for file in files.values():
        _inside(file, root)
    contents = {path: file.read_bytes() for path, file in sorted(files.items())}
    requirements = script.with_name(f"{script.stem}{REQUIREMENTS_SUFFIX}")
    entry, is_notebook = script.relative_to(folder).as_posix(), notebook_file.is_notebook(script)
    if requirements.is_file():
        contents[REQUIREMENTS] = requirements.read_bytes()
    if is_notebook:
        contents[entry] = notebook_file.load(script).stripped()
        if REQUIREMENTS in contents:
            contents[INIT_FILE] = INIT_SCRIPT
    return Bundle(name=script.stem, entry=entry, files=contents, is_folder=is_notebook)


def _write_file(content: bytes, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _inside(path: Path, root: Path) -> Path:
    # Not resolve(): a symbolic link keeps the name by which it is imported.
    path = Path(os.path.normpath(path))
    if not path.is_relative_to(root):
        raise BundleError(f"{path} is outside of {root}: scripts live in the repository")
    if not path.is_file():
        raise BundleError(f"{path.relative_to(root)} is not a file in {root}")
    return path
