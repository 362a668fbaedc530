"""The files of a project, as this version of Ratchet writes them.

What holds no name of a project is the very file of this repository's own top level (`copied.txt`
lists them): in a checkout it is read in place, in a wheel from `copied/`. What holds a name ends in
`.tmpl` and is made by `string.Template`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template
from typing import Protocol

Files = dict[str, bytes]
"""Path in the project, with forward slashes → content."""

_HERE = Path(__file__).resolve().parent
_SUFFIX = ".tmpl"
_ANY_MODEL = "*"


class Tree(Protocol):
    """A folder that a template is read from: on disk, or in the archive of a release."""

    def paths(self) -> Iterator[str]:
        """Every file, with forward slashes, sorted."""
        ...

    def read(self, path: str) -> bytes:
        """The content of a file."""
        ...


class Folder:
    """A folder on disk."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def paths(self) -> Iterator[str]:
        for file in sorted(self._root.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                yield file.relative_to(self._root).as_posix()

    def read(self, path: str) -> bytes:
        return (self._root / path).read_bytes()


class CurrentTemplate:
    """The template of this version: `project/…` and `model/…`, rendered and copied files alike."""

    def __init__(self, templates: Path = _HERE, top: Path | None = None) -> None:
        """`top`: where copied files are; None: in the wheel, or else in the checkout."""
        packed = templates / "copied"
        self._top = top or (packed if packed.is_dir() else templates.parents[1])
        self._templates = templates
        self._copied = dict(self._copies())

    def _copies(self) -> Iterator[tuple[str, Path]]:
        """Path in the template → file."""
        for line in (self._templates / "copied.txt").read_text(encoding="utf-8").splitlines():
            if not line or line.startswith("#"):
                continue
            if _ANY_MODEL not in line:
                yield f"project/{line}", self._top / line
                continue
            (file,) = self._top.glob(line)
            yield f"model/{line.replace(_ANY_MODEL, '$model')}", file

    def paths(self) -> Iterator[str]:
        rendered = [
            f"{part}/{path}"
            for part in ("project", "model")
            for path in Folder(self._templates / part).paths()
        ]
        yield from sorted([*rendered, *self._copied])

    def read(self, path: str) -> bytes:
        file = self._copied.get(path, self._templates / path)
        return file.read_bytes()


def project_files(project: str, *, version: str, tree: Tree | None = None) -> Files:
    """What belongs to the project and to none of its models.

    Args:
        project: its name.
        version: of Ratchet, which the project is to be used with.
        tree: the template; None: this version's.
    """
    return rendered(tree or CurrentTemplate(), "project", {"project": project, "version": version})


def model_files(model: str, *, tree: Tree | None = None) -> Files:
    """What every model has, whatever its problem, in folders of its name."""
    return rendered(tree or CurrentTemplate(), "model", {"model": model})


def rendered(tree: Tree, part: str, values: Mapping[str, str]) -> Files:
    """The files of a part of a template, with the values in place of `$name`."""
    files: Files = {}
    for path in tree.paths():
        if not path.startswith(f"{part}/"):
            continue
        content = tree.read(path)
        target = Template(path.removeprefix(f"{part}/")).substitute(values)
        if target.endswith(_SUFFIX):
            target = target.removesuffix(_SUFFIX)
            content = Template(content.decode()).substitute(values).encode()
        files[target] = content
    return files
