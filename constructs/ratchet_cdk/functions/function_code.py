"""The archive of a Lambda function: its folder, and the shared modules that it imports."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ratchet.authoring.bundle import Bundle
from ratchet.authoring.imports import imported_files
from ratchet.machinery import PACKAGES

SHARED = ("ratchet.costs", "ratchet.definition", "ratchet.loop")
"""The packages beside the functions that they may import: the command line imports them too."""

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first time a zip can tell


@dataclass(frozen=True, kw_only=True)
class FunctionCode:
    """Files by their path in the archive, whose root is the import root of `lambdas/`."""

    digest: str
    files: Mapping[str, bytes]

    def write_zip(self, path: Path) -> None:
        """Sorted, and without times or owners: the same files make the same archive."""
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in sorted(self.files.items()):
                entry = zipfile.ZipInfo(name, date_time=_EPOCH)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, content)


_HERE = Path(__file__).resolve()
_PACKED = _HERE.parents[1] / "lambdas"  # in a wheel
_CHECKOUT = _HERE.parents[3] / "lambdas"


def functions_folder(source: Path, name: str) -> Path:
    """The folder that holds the function `name`: the project's `lambdas/`, or Ratchet's own."""
    own = source / "lambdas"
    if (own / name / "handler.py").is_file():
        return own
    return _PACKED if _PACKED.is_dir() else _CHECKOUT


def function_code(root: Path, name: str) -> FunctionCode:
    """The files that the function `root/name/handler.py` needs, and no others.

    That is the modules it imports below `root` and from SHARED, directly or through others; the
    files in its own folder that are no Python; and those in a folder beside it whose name, quoted,
    one of its modules says.

    Raises:
        FileNotFoundError: there is no such function.
    """
    handler = root / name / "handler.py"
    if not handler.is_file():
        raise FileNotFoundError(f"there is no function {name!r}: {handler} does not exist")
    modules = imported_files(handler, folder=root, packages=dict.fromkeys(SHARED, PACKAGES))
    files = _data_files(root / name)
    texts = [module.read_text(encoding="utf-8") for module in modules.values()]
    for folder in _data_folders(root):
        if any(f'"{folder.name}"' in text for text in texts):
            files.extend(_data_files(folder))
    data = {file.relative_to(root).as_posix(): file for file in files}
    contents = {path: file.read_bytes() for path, file in (modules | data).items()}
    bundle = Bundle(name=name, entry=f"{name}/handler.py", files=contents)
    return FunctionCode(digest=bundle.digest, files=contents)


def _data_folders(root: Path) -> list[Path]:
    return [f for f in root.iterdir() if f.is_dir() and not any(f.glob("*.py"))]


def _data_files(folder: Path) -> list[Path]:
    return [
        file
        for file in folder.rglob("*")
        if file.is_file() and file.suffix not in (".py", ".pyc") and not file.name.startswith(".")
    ]
