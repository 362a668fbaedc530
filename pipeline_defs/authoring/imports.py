"""Which local files a script imports, found by reading it, not by running it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from pipeline_defs.authoring.errors import BundleError

T = TypeVar("T")


def imported_files(
    script: Path, *, folder: Path, packages: Mapping[str, Path] = MappingProxyType({})
) -> set[Path]:
    """The script and every module below `folder` that it imports, directly or through others; and
    of `packages`, dotted name → the folder that it is imported from.

    Every import statement counts, wherever it stands: in a function, in `try`, under
    `TYPE_CHECKING`. A name given to `import_module` does not: a script that loads a model's code by
    name must not bring its own. What is not found below `folder` belongs to the standard library or
    to the image.
    """
    found: set[Path] = set()
    known: set[str] = set()
    waiting = [script]
    while waiting:
        file = waiting.pop()
        if file in found:
            continue
        found.add(file)
        if file.suffix != ".py":
            continue
        root = folder if file.is_relative_to(folder) else _root_of(file, packages)
        new = set(_imports(file, file.parent.relative_to(root).parts, root)) - known
        known |= new
        for module in new:
            waiting.extend(_files_of(module, _origin(module, packages) or folder) - found)
    return found


def _origin(module: str, packages: Mapping[str, Path]) -> Path | None:
    inside = (p for p in packages if module == p or module.startswith(f"{p}."))
    return next((packages[package] for package in inside), None)


def _root_of(file: Path, packages: Mapping[str, Path]) -> Path:
    return next(root for root in packages.values() if file.is_relative_to(root))


def _parse(file: Path) -> ast.Module:
    return _read(file, ast.parse)


def _read(file: Path, read: Callable[[bytes], T]) -> T:
    try:
        return read(file.read_bytes())
    except (SyntaxError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        reason = error.msg if isinstance(error, SyntaxError) else error
        raise BundleError(f"{file}{line} is not valid Python: {reason}") from None


@lru_cache(maxsize=1024)
def _statements(source: bytes) -> tuple[ast.Import | ast.ImportFrom, ...]:
    """The import statements of a module. Remembered by content: modules that many bundles share
    would be parsed for each of them, which was a tenth of a synth."""
    found: list[ast.Import | ast.ImportFrom] = []
    waiting: list[ast.AST] = [ast.parse(source)]
    while waiting:  # statements only: an expression holds no import, and most nodes are in one
        node = waiting.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            found.append(node)
        for block in ("body", "orelse", "finalbody", "handlers", "cases"):
            inner = getattr(node, block, ())
            if isinstance(inner, list):
                waiting.extend(inner)
    return tuple(found)


def _imports(file: Path, package: tuple[str, ...], folder: Path) -> Iterator[str]:
    """The dotted names that the module may import; a name that is no module does no harm."""
    for node in _read(file, _statements):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
            continue
        # A script has no package of its own; `from . import x` then means its folder.
        above = package[: len(package) - node.level + 1] if node.level else ()
        origin = ".".join([*above, *([node.module] if node.module else [])])
        if origin:
            yield origin
        for alias in node.names:
            chosen = _exported(origin, folder) if alias.name == "*" else [alias.name]
            yield from (f"{origin}.{name}" if origin else name for name in chosen)


def _exported(module: str, folder: Path) -> list[str]:
    """What `from module import *` may import as submodules: the literals of `__all__`."""
    init = folder.joinpath(*module.split("."), "__init__.py")
    if not init.is_file():
        return []
    return [
        item.value
        for node in _parse(init).body
        if isinstance(node, ast.Assign | ast.AugAssign)
        for item in ast.walk(node.value)
        if isinstance(item, ast.Constant)
        and isinstance(item.value, str)
        and item.value.isidentifier()
    ]


def _files_of(module: str, folder: Path) -> set[Path]:
    """The files that Python loads for `a.b.c`: each package's `__init__.py` and the module."""
    files: set[Path] = set()
    here = folder
    for part in module.split("."):
        here = here / part
        init, plain = here / "__init__.py", here.with_name(f"{part}.py")
        if init.is_file():
            files.add(init)
        elif plain.is_file():
            return files | {plain}
        elif not here.is_dir():  # else: a namespace package, which has no file of its own
            return files
    return files
