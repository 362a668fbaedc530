"""The code of a step as one digest: its statements, and the definitions above that they need.

The digest does not change with comments, layout, outputs, or the cells in which the statements
stand. It changes with every constant, name and operator.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from ratchet.notebooks import syntax
from ratchet.notebooks.cells import Notebook
from ratchet.notebooks.needs import needs_of
from ratchet.notebooks.statements import CodeStatement, statements_of, step_statements

ModulesBeside = Callable[[str], Mapping[str, str]]
"""For a module's name the files that it consists of beside the notebook, path → source; nothing
for a module from elsewhere."""


def no_modules(name: str) -> Mapping[str, str]:
    """Nothing lies beside the notebook."""
    return {}


def step_digest(notebook: Notebook, step: str, modules: ModulesBeside = no_modules) -> str:
    """The digest of a marked step's code: 16 hexadecimal digits."""
    every = statements_of(notebook)
    return code_digest(every, step_statements(every, step), modules)


def code_digest(
    every: Sequence[CodeStatement],
    step: Sequence[CodeStatement],
    modules: ModulesBeside = no_modules,
) -> str:
    """The digest of some statements with the definitions that they need.

    Args:
        every: all statements of the notebook.
        step: those whose code it is, in order.
        modules: what lies beside the notebook.
    """
    needs = needs_of(every, step)
    lines = sorted({line for name in needs.imports.values() for line in name.lines})
    code = (*step, *needs.definitions)
    imported = [module for statement in code for module in imported_modules(statement.node)]
    imported += [name.module for name in needs.imports.values()]
    return syntax.digest(
        [
            *(statement.text for statement in step),
            "definitions",
            *sorted({statement.text for statement in needs.definitions}),
            "imports",
            *lines,
            "modules",
            *_module_texts(imported, modules),
        ]
    )


def imported_modules(node: ast.AST) -> Iterator[str]:
    """The modules that a piece of code imports, by their full names."""
    for part in ast.walk(node):
        if isinstance(part, ast.Import):
            yield from (alias.name for alias in part.names)
        elif isinstance(part, ast.ImportFrom):
            yield part.module or ""


def _module_texts(imported: Iterable[str], modules: ModulesBeside) -> Iterator[str]:
    """The code of the modules beside the notebook, and of those that they import in turn."""
    waiting = sorted({_top(module) for module in imported} - {""})
    seen: set[str] = set()
    while waiting:
        name = waiting.pop(0)
        if name in seen:
            continue
        seen.add(name)
        for path, source in sorted(modules(name).items()):
            try:
                tree = ast.parse(source)
            except (SyntaxError, ValueError):
                yield f"{path} {source}"
                continue
            yield f"{path} {syntax.canonical(tree)}"
            waiting.extend(_top(module) for module in imported_modules(tree))


def _top(module: str) -> str:
    return module.lstrip(".").split(".")[0]
