"""Which local files a script imports, found by reading it, not by running it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from ratchet.authoring import notebook_file
from ratchet.authoring.errors import BundleError
from ratchet.authoring.notebook_file import is_notebook
from ratchet.machinery import DISTRIBUTED

T = TypeVar("T")

_SOURCE_ROOTS = (".", "constructs", "src")
"""Folders of a project that Python on a laptop may find modules in, as a rule by the project's own
editable install. No container has them."""

_ABSENCE = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})


class _Statement(NamedTuple):
    """An import statement. `optional`: the module goes on without what is imported."""

    node: ast.Import | ast.ImportFrom
    optional: bool


def imported_files(
    script: Path,
    *,
    folder: Path,
    packages: Mapping[str, Path] = MappingProxyType({}),
    project: Path | None = None,
    only: tuple[str, ...] = (),
) -> set[Path]:
    """The script and every module below `folder` that it imports, directly or through others; and
    of `packages`, dotted name → the folder that it is imported from. With `only`, modules of these
    packages below `folder` and no others.

    Every import statement counts, wherever it stands: in a function, in `try`, under
    `TYPE_CHECKING`. A name given to `import_module` does not: a script that loads a model's code by
    name must not bring its own. What is not found below `folder` belongs to the standard library or
    to the image.

    Raises:
        BundleError: a file is not valid Python, or imports Ratchet, or what is a file of the
            `project` and not below `folder`: it would run on a laptop, where Python finds both, and
            in no container. An import that may fail is left alone: in a `try` that catches
            ImportError, in `suppress(ImportError)`, under `TYPE_CHECKING`.
    """
    files: set[Path] = set()
    modules: set[str] = set()
    waiting = [script]
    outside = _names_in(project) if project is not None else frozenset()
    while waiting:
        file = waiting.pop()
        if file in files:
            continue
        files.add(file)
        if file.suffix != ".py" and not (file == script and is_notebook(file)):
            continue
        if project is not None and not packages:
            _refuse_left_out(file, script=script, folder=folder, project=project, names=outside)
        root = folder if file.is_relative_to(folder) else _root_of(file, packages)
        new = set(_imports(file, file.parent.relative_to(root).parts, root)) - modules
        modules |= new
        for module in new:
            if only and module.partition(".")[0] not in only:
                continue
            waiting.extend(_files_of(module, _origin(module, packages) or folder) - files)
    return files


def _origin(module: str, packages: Mapping[str, Path]) -> Path | None:
    inside = (p for p in packages if module == p or module.startswith(f"{p}."))
    return next((packages[package] for package in inside), None)


def _root_of(file: Path, packages: Mapping[str, Path]) -> Path:
    return next(root for root in packages.values() if file.is_relative_to(root))


def _parse(file: Path) -> ast.Module:
    return _read(file, ast.parse)


def _read(file: Path, read: Callable[[bytes], T]) -> T:
    try:
        return read(notebook_file.load(file).python if is_notebook(file) else file.read_bytes())
    except (SyntaxError, ValueError) as error:
        line = f", {_place(file, error.lineno)}" if isinstance(error, SyntaxError) else ""
        reason = error.msg if isinstance(error, SyntaxError) else error
        raise BundleError(f"{file}{line} is not valid Python: {reason}") from None


def _place(file: Path, line: int | None) -> str:
    """A line for people, of a notebook with its cell."""
    if is_notebook(file):
        return notebook_file.load(file).place(line or 1)
    return f"line {line}"


@lru_cache(maxsize=1024)
def _statements(source: bytes) -> tuple[_Statement, ...]:
    """The import statements of a module. Remembered by content: modules that many bundles share
    would be parsed for each of them, which was a tenth of a synth."""
    statements: list[_Statement] = []
    waiting: list[tuple[ast.AST, bool]] = [(ast.parse(source), False)]
    while waiting:  # statements only: an expression holds no import, and most nodes are in one
        node, optional = waiting.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            statements.append(_Statement(node, optional))
        inside = optional or _may_fail(node)
        for block in ("body", "orelse", "finalbody", "handlers", "cases"):
            inner = getattr(node, block, ())
            if isinstance(inner, list):
                waiting.extend((child, inside if block == "body" else optional) for child in inner)
    return tuple(statements)


def _may_fail(node: ast.AST) -> bool:
    """Whether an import in the node's body may fail, or never happens."""
    if isinstance(node, ast.Try):
        return any(h.type is None or _names(h.type) & _ABSENCE for h in node.handlers)
    if isinstance(node, ast.With):
        calls = [item.context_expr for item in node.items]
        return any(
            isinstance(call, ast.Call)
            and "suppress" in _names(call.func)
            and any(_names(argument) & _ABSENCE for argument in call.args)
            for call in calls
        )
    return isinstance(node, ast.If) and "TYPE_CHECKING" in _names(node.test)


def _names(node: ast.expr) -> set[str]:
    """The last part of each dotted name in an expression."""
    parts = ast.walk(node)
    return {
        part.attr if isinstance(part, ast.Attribute) else part.id
        for part in parts
        if isinstance(part, ast.Attribute | ast.Name)
    }


@lru_cache(maxsize=1024)
def _loaded_by_name(source: bytes) -> tuple[tuple[str, int], ...]:
    """Constants that are given to `import_module` or `__import__`, with their lines."""
    if b"import_module" not in source and b"__import__" not in source:
        return ()
    return tuple(
        (node.args[0].value, node.lineno)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and _names(node.func) & {"import_module", "__import__"}
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
        and not node.args[0].value.startswith(".")
    )


def _names_in(project: Path) -> frozenset[str]:
    """What may be imported from the project's source roots, so that most imports cost no look."""
    roots = [project / root for root in _SOURCE_ROOTS if (project / root).is_dir()]
    return frozenset(entry.stem for root in roots for entry in root.iterdir())


def _refuse_left_out(
    file: Path, *, script: Path, folder: Path, project: Path, names: frozenset[str]
) -> None:
    """Raises BundleError for the first import that finds Ratchet or a file of the project on a
    laptop, and nothing in the bundle."""
    where = folder.relative_to(project)
    statements = _read(file, _statements)
    named = [
        (module, statement.node.lineno)
        for statement in statements
        if not statement.optional
        for module in _modules(statement.node)
    ]
    for module, line in (*named, *_read(file, _loaded_by_name)):
        top = module.partition(".")[0]
        outside = top in names or top in DISTRIBUTED
        if not outside or top in sys.stdlib_module_names or _exists(top, folder):
            continue
        if top in DISTRIBUTED:
            raise BundleError(
                f"{file.relative_to(project)}, {_place(file, line)}, imports {top}, which is "
                "installed on this machine and in no container, so the step would end on "
                f"SageMaker with ModuleNotFoundError. Write what the step needs below {where}. "
                "If the step can do without it, import it in try … except ImportError"
            )
        for root in _SOURCE_ROOTS:
            files = _files_of(module, project / root)
            if files:
                left_out = max(files, key=lambda file: (len(file.parts), str(file)))
                raise BundleError(
                    f"{file.relative_to(project)}, {_place(file, line)}, imports "
                    f"{_dotted(left_out.relative_to(project / root))}, which is "
                    f"{left_out.relative_to(project)}: the bundle of {script.name} holds what is "
                    f"below {where}, so the step would end on SageMaker with ModuleNotFoundError. "
                    f"Move the module below {where}, or install it in the image under another "
                    "name. If the step can do without it, import it in try … except ImportError"
                )


def _dotted(file: Path) -> str:
    parts = file.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _exists(top: str, folder: Path) -> bool:
    """Whether Python finds the module or package below the folder, before it looks elsewhere."""
    return (folder / f"{top}.py").is_file() or next((folder / top).rglob("*.py"), None) is not None


def _modules(node: ast.Import | ast.ImportFrom) -> list[str]:
    """The dotted names of modules that an import may load. A relative one never leaves the package
    that it stands in."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if node.level:
        return []
    return [*(f"{node.module}.{alias.name}" for alias in node.names), str(node.module)]


def _imports(file: Path, package: tuple[str, ...], folder: Path) -> Iterator[str]:
    """The dotted names that the module may import; a name that is no module does no harm."""
    for node, _ in _read(file, _statements):
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
