"""Values that are written down in the code, so that they are code and not data."""

from __future__ import annotations

import ast
from collections.abc import Callable

# What may be called in a constant: it makes its value of what is written down.
_MAKERS = frozenset(
    (
        *("list", "tuple", "dict", "set", "frozenset", "range", "len", "sorted", "str", "int"),
        *("float", "Path", "PurePath", "join", "arange", "linspace", "logspace", "array"),
    )
)
_INNER_SCOPES = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_EFFECTS = (ast.Await, ast.NamedExpr, ast.Yield, ast.YieldFrom)


def is_constant(value: ast.expr, is_code: Callable[[str], bool]) -> bool:
    """Whether a value is made of literals, imports and other constants alone.

    Args:
        value: the expression.
        is_code: says of a name whether it is an import or a constant.
    """
    for part in ast.walk(value):
        if isinstance(part, (*_INNER_SCOPES, *_EFFECTS)):
            return False
        if isinstance(part, ast.Name) and not is_code(part.id):
            return False
        if isinstance(part, ast.Call) and _called(part) not in _MAKERS:
            return False
    return True


def only_defines(node: ast.stmt) -> bool:
    """Whether an `if` or `try` holds definitions alone, such as an import with a fallback."""
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
    return _harmless(node) and any(isinstance(part, kinds) for part in ast.walk(node))


def _harmless(node: ast.stmt) -> bool:
    match node:
        case ast.Import() | ast.ImportFrom() | ast.FunctionDef() | ast.ClassDef() | ast.Pass():
            return True
        case ast.Assign(value=value) | ast.Expr(value=value):
            return isinstance(value, ast.Constant)
        case ast.Try():
            handled = [inner for handler in node.handlers for inner in handler.body]
            return all(map(_harmless, [*node.body, *handled, *node.orelse, *node.finalbody]))
        case ast.If():
            calls = any(isinstance(part, ast.Call) for part in ast.walk(node.test))
            return not calls and all(map(_harmless, [*node.body, *node.orelse]))
    return False


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""
