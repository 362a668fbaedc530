"""Which local files a script imports, found by reading it, not by running it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from ratchet.authoring import source_code
from ratchet.authoring.errors import BundleError
from ratchet.authoring.import_path import ImportPath
from ratchet.authoring.notebook_file import is_notebook
from ratchet.machinery import DISTRIBUTED

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
    appended: tuple[Path, ...] = (),
) -> dict[str, Path]:
    """The script and every module below `folder` that it imports, directly or through others; and
    of `packages`, dotted name → the folder that it is imported from; and below the `appended`
    folders. With `only`, modules of these packages below `folder` and no others. Each by its path
    from the folder that it is imported from, with forward slashes.

    Every import statement counts, wherever it stands: in a function, in `try`, under
    `TYPE_CHECKING`. A name given to `import_module` does not: a script that loads a model's code by
    name must not bring its own. What is in none of these folders belongs to the standard library or
    to the image.

    Raises:
        BundleError: a file is not valid Python, or imports Ratchet, or what two of the folders
            have, or what is a file of the `project` and in none of the folders: it would run on a
            laptop, where Python finds both, and in no container. An import that may fail is left
            alone: in a `try` that catches ImportError, in `suppress(ImportError)`, under
            `TYPE_CHECKING`.
    """
    path = ImportPath(folder=folder, project=project, appended=appended, packages=packages)
    files: dict[str, Path] = {}
    modules: set[str] = set()
    waiting = [(script, folder)]
    outside = _names_in(project) if project is not None else frozenset()
    while waiting:
        file, root = waiting.pop()
        inside = file.relative_to(root)
        if inside.as_posix() in files:
            continue
        files[inside.as_posix()] = file
        if file.suffix != ".py" and not (file == script and is_notebook(file)):
            continue
        if project is not None and not packages:
            _refuse_left_out(file, script=script, path=path, project=project, names=outside)
        new = set(_imports(file, inside.parent.parts, path)) - modules
        modules |= new
        for module in new:
            if only and module.partition(".")[0] not in only:
                continue
            origin = path.folder_of(module)
            waiting.extend((each, origin) for each in _files_of(module, origin))
    return files


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
    file: Path, *, script: Path, path: ImportPath, project: Path, names: frozenset[str]
) -> None:
    """Raises BundleError for the first import that finds Ratchet or a file of the project on a
    laptop, and nothing in the bundle."""
    where = path.folder.relative_to(project)
    statements = source_code.read(file, _statements)
    named = [
        (module, statement.node.lineno)
        for statement in statements
        if not statement.optional
        for module in _modules(statement.node)
    ]
    for module, line in (*named, *source_code.read(file, _loaded_by_name)):
        top = module.partition(".")[0]
        outside = top in names or top in DISTRIBUTED
        if not outside or top in sys.stdlib_module_names or path.holds(top):
            continue
        importing = f"{file.relative_to(project)}, {source_code.place(file, line)},"
        if top in DISTRIBUTED:
            raise BundleError(
                f"{importing} imports {top}, which is "
                "installed on this machine and in no container, so the step would end on "
                f"SageMaker with ModuleNotFoundError. Write what the step needs below {where}. "
                "If the step can do without it, import it in try … except ImportError"
            )
        for root in _SOURCE_ROOTS:
            files = _files_of(module, project / root)
            if files:
                left_out = max(files, key=lambda file: (len(file.parts), str(file)))
                raise BundleError(
                    f"{importing} imports {_dotted(left_out.relative_to(project / root))}, which "
                    f"is {left_out.relative_to(project)}: the bundle of {script.name} holds what "
                    f"is below {where}, so the step would end on SageMaker with "
                    f"ModuleNotFoundError. Move the module below {where}, or install it in the "
                    "image under another name. If the step can do without it, import it in try … "
                    "except ImportError"
                )


def _dotted(file: Path) -> str:
    parts = file.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _modules(node: ast.Import | ast.ImportFrom) -> list[str]:
    """The dotted names of modules that an import may load. A relative one never leaves the package
    that it stands in."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if node.level:
        return []
    return [*(f"{node.module}.{alias.name}" for alias in node.names), str(node.module)]


def _imports(file: Path, package: tuple[str, ...], path: ImportPath) -> Iterator[str]:
    """The dotted names that the module may import; a name that is no module does no harm."""
    for node, _ in source_code.read(file, _statements):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
            continue
        # A script has no package of its own; `from . import x` then means its folder.
        above = package[: len(package) - node.level + 1] if node.level else ()
        origin = ".".join([*above, *([node.module] if node.module else [])])
        if origin:
            yield origin
        for alias in node.names:
            chosen = (
                _exported(origin, path.folder_of(origin)) if alias.name == "*" else [alias.name]
            )
            yield from (f"{origin}.{name}" if origin else name for name in chosen)


def _exported(module: str, folder: Path) -> list[str]:
    """What `from module import *` may import as submodules: the literals of `__all__`."""
    init = folder.joinpath(*module.split("."), "__init__.py")
    if not init.is_file():
        return []
    return [
        item.value
        for node in source_code.read(init, ast.parse).body
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
