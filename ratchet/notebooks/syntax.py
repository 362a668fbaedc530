"""Syntax trees as text that is the same on every Python, whatever the layout of the source."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable

# `ctx` follows from the place, `kind` is the u of u"text", the others belong to type comments.
_WITHOUT_MEANING = {"ctx", "kind", "type_comment", "type_ignores"}


def canonical(node: object) -> str:
    """The tree as text, without places, layout, and fields that are empty or absent.

    `ast.dump` will not do: which empty fields it writes depends on the Python. Two trees have the
    same text only if they are the same code.
    """
    if isinstance(node, ast.AST):
        fields = (
            f"{name}={canonical(value)}"
            for name, value in _fields(node)
            if value is not None and value != [] and name not in _WITHOUT_MEANING
        )
        return f"{type(node).__name__}({','.join(fields)})"
    if isinstance(node, list):
        return f"[{','.join(map(canonical, node))}]"
    # `ascii`, because which letters `repr` shows as they are depends on the Python; `hex`, because
    # `repr` refuses integers of many digits.
    return hex(node) if type(node) is int else ascii(node)


def digest(parts: Iterable[str]) -> str:
    """16 hexadecimal digits of SHA-256 that name a list of texts."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _fields(node: ast.AST) -> Iterable[tuple[str, object]]:
    if isinstance(node, ast.JoinedStr):
        return [("values", _joined(node.values))]
    return ast.iter_fields(node)


def _joined(values: list[ast.expr]) -> list[ast.expr]:
    """The parts of an f-string, with the texts between values in one piece and none empty."""
    parts: list[ast.expr] = []
    for value in values:
        last = parts[-1] if parts else None
        match value, last:
            case ast.Constant(value=str(text)), ast.Constant(value=str(before)):
                parts[-1] = ast.Constant(before + text)
            case ast.Constant(value=""), _:
                pass
            case _:
                parts.append(value)
    return parts
