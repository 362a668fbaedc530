"""Which cells must run for a step: its own, and those above that what it reads can come from."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from ratchet.notebooks.cells import Notebook
from ratchet.notebooks.left_out import is_only_shown, plot_names
from ratchet.notebooks.statements import CodeStatement

_ASKS = re.compile(
    r"^(fit|score|predict\w*|transform|print|display|len|\w+_score|\w+_report|\w+_matrix|\w+_error)$"
)
READING_BUILTINS = frozenset(
    (
        *("len", "print", "display", "type", "str", "repr", "round", "isinstance", "range", "min"),
        *("max", "sum", "sorted", "abs", "any", "all", "int", "float", "bool", "id", "hash"),
    )
)
"""Functions of Python's own that do not change what they are given, unless it is an iterator."""
_REACHING = {"globals", "locals", "vars", "exec", "eval", "setattr", "delattr", "get_ipython"}
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def needed_cells(
    notebook: Notebook, every: Sequence[CodeStatement], marked: Sequence[CodeStatement]
) -> frozenset[int]:
    """The indexes of the step's cells and of those above that it can depend on.

    A cell counts when it sets or changes a name that is needed, gives one to a function, or
    changes something without a name, as a seed does. Others only explore.
    """
    if not marked:
        return frozenset()
    plots = plot_names(every)
    own = {statement.cell.index for statement in marked}
    needed = {name for s in marked for name in (*s.flow.reads, *s.flow.later)}
    imports = {n for s in every if _is_import(s.node) for n in s.flow.writes}
    cells = set(own)
    for statement in reversed([s for s in every if s.order < marked[-1].order]):
        if statement.cell.index in own:
            continue
        reads = {*statement.flow.reads, *statement.flow.later}
        sets = {*statement.flow.writes, *statement.flow.changes} & needed
        idle = is_only_shown(statement.node, plots) or _only_exports(statement, every)
        acts = not idle and _may_act(statement.node, reads, needed, imports)
        if statement.cell.index in cells or sets or acts or statement.flow.star_import:
            cells.add(statement.cell.index)
            needed |= reads
    # Whatever else a cell does happens too, so what its other statements read is needed.
    return _closed(cells, every, marked[-1].order)


def _closed(cells: set[int], every: Sequence[CodeStatement], last: int) -> frozenset[int]:
    while True:
        needed = {
            name for s in every if s.cell.index in cells for name in (*s.flow.reads, *s.flow.later)
        }
        more = {
            s.cell.index
            for s in every
            if s.order < last and {*s.flow.writes, *s.flow.changes} & needed
        }
        if more <= cells:
            return frozenset(cells)
        cells |= more


def _is_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def _may_act(node: ast.stmt, reads: set[str], needed: set[str], imports: set[str]) -> bool:
    """Whether a statement may do something to what is needed without setting a name: a function
    that gets it may change it, and some functions reach everything."""
    if isinstance(node, (*_DEFINITIONS, ast.Import, ast.ImportFrom)):
        return False
    for call in (part for part in ast.walk(node) if isinstance(part, ast.Call)):
        name = _called(call)
        if name in _REACHING:
            return True
        if name in READING_BUILTINS or _ASKS.match(name):
            continue
        arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
        if any(_names(argument) & needed for argument in arguments):
            return True
    if not isinstance(node, ast.Expr) or _asks(node.value):
        return False
    return bool(reads & needed) or not reads - imports  # or a seed, an option


def _only_exports(statement: CodeStatement, every: Sequence[CodeStatement]) -> bool:
    """`rows.to_csv("a.csv")`, and nothing else in the notebook has to do with that file."""
    match statement.node:
        case ast.Expr(
            value=ast.Call(func=ast.Attribute(attr=name), args=[ast.Constant(value=path), *_])
        ):
            others = (s for s in every if s is not statement)
            texts = {
                part.value
                for s in others
                for part in ast.walk(s.node)
                if isinstance(part, ast.Constant)
            }
            return name.startswith("to_") and path not in texts
    return False


def _names(node: ast.expr) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def _asks(node: ast.expr) -> bool:
    """`model.fit(X)`, `metric(y, p)`, `print(X)`: leaves its arguments as they are."""
    if not isinstance(node, ast.Call):
        return False
    match node.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            in_place = any(keyword.arg == "inplace" for keyword in node.keywords)
            return bool(_ASKS.match(name)) and not in_place
    return False
