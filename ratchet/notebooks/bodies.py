"""What the body of a function or class does with the notebook's names, and changes in place."""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

# Methods that change what they are called on, of lists, dicts, sets, models and arrays.
_CHANGING_METHODS = frozenset(
    (
        *("append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse"),
        *("update", "setdefault", "add", "discard", "popitem"),
        *("fit", "fit_transform", "fit_predict", "partial_fit", "fit_resample", "set_params"),
        *("shuffle", "fill", "put", "resize", "compile", "load_state_dict", "train"),
    )
)
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class DeferredNames:
    """The notebook's names in the body of a function: read, written (by `global`), changed in
    place."""

    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    changes: frozenset[str] = frozenset()

    def without(self, name: str) -> DeferredNames:
        """The same without a name that is read, such as the function's own."""
        return DeferredNames(self.reads - {name}, self.writes, self.changes)


@lru_cache(maxsize=4096)
def _tables(source: str) -> symtable.SymbolTable:
    return symtable.symtable(source, "<cell>", "exec")


def names_of_body(node: Definition | ast.Lambda) -> DeferredNames:
    """The names that are the notebook's, not the function's, in its body and all that is in it."""
    reads: set[str] = set()
    writes: set[str] = set()
    for symbol in _symbols(_tables(ast.unparse(ast.fix_missing_locations(node)))):
        if symbol.is_global():
            if symbol.is_referenced():
                reads.add(symbol.get_name())
            if symbol.is_assigned() or symbol.is_imported():
                writes.add(symbol.get_name())
    augmented = (inner.target for inner in ast.walk(node) if isinstance(inner, ast.AugAssign))
    reads |= {target.id for target in augmented if isinstance(target, ast.Name)} & writes
    changes = {name for inner in ast.walk(node) if (name := changed_in_place(inner))}
    return DeferredNames(frozenset(reads), frozenset(writes), frozenset(changes & reads))


def _symbols(top: symtable.SymbolTable) -> Iterator[symtable.Symbol]:
    """The symbols of all scopes below the top one."""
    for table in top.get_children():
        yield from table.get_symbols()
        yield from _symbols(table)


def root_name(node: ast.AST) -> str | None:
    """The name that `a.b[0].c(…).d` begins with; None when it begins with something else."""
    while True:
        match node:
            case ast.Attribute() | ast.Subscript() | ast.Starred():
                node = node.value
            case ast.Call():
                node = node.func
            case ast.Name():
                return node.id
            case _:
                return None


def changed_in_place(node: ast.AST) -> str | None:
    """The name whose object this one node changes in place, by its form; None if it is none."""
    match node:
        case ast.Subscript(ctx=context) | ast.Attribute(ctx=context):
            return None if isinstance(context, ast.Load) else root_name(node)
        case ast.Call(func=ast.Attribute(value=value, attr=method), keywords=keywords):
            if any(_says_inplace(keyword) for keyword in keywords):
                return root_name(value)
            if method in _CHANGING_METHODS and not isinstance(value, ast.Call):
                return root_name(value)
    return None


def _says_inplace(keyword: ast.keyword) -> bool:
    is_true = isinstance(keyword.value, ast.Constant) and keyword.value.value is True
    return keyword.arg == "inplace" and is_true
