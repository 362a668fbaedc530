"""Names in the texts that pandas works out: `rows.query("delay > @limit")`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

AT = re.compile(r"@\s*([A-Za-z_]\w*)")


def names_in_query(call: ast.Call) -> list[str]:
    """`limit` of `rows.query("delay > @limit")`; the same of `eval`."""
    is_query = isinstance(call.func, ast.Attribute) and call.func.attr in ("query", "eval")
    return [n for text in texts(call.args) for n in AT.findall(text)] if is_query else []


def texts(nodes: Sequence[ast.AST]) -> Iterator[str]:
    """The texts that stand in some nodes."""
    for part in (part for node in nodes for part in ast.walk(node)):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value
