"""What a value is made of that a file or a script must have, too."""

from __future__ import annotations

from typing import Any

from . import kinds
from .difference import difference


def unstorable(value: Any) -> str:
    """Why a value cannot be stored in a file; "" when it can."""
    what = kinds.kind(value)
    if what == "iterator":
        return f"a {type(value).__name__}, which is used up as it is read: make it a list"
    if what == "code":
        return "a function, class or module, which no file holds: define it with a plain `def`"
    if what in ("unpicklable", "plot"):
        return (
            f"a {type(value).__name__}, which no file holds: make it within the step that uses it"
        )
    names = [] if what in ("scalar", "numpy scalar", "plain") else kinds.notebook_names(value)
    if names:
        text = ", ".join(f"`{name}`" for name in names)
        return f"which holds {text} of the notebook: move that to a module in steps/"
    return ""


def same_definition(value: Any, fresh: Any) -> bool:
    """Whether a constant has the value, a function or class the code, that its cell gives it."""
    if kinds.kind(value) != "code":
        return not difference(fresh, value, exact=True)
    if isinstance(value, type):
        return isinstance(fresh, type) and _methods(value) == _methods(fresh)
    return bool(_code(value) == _code(fresh))


def _code(function: Any) -> Any:
    code = getattr(function, "__code__", None)
    return code and (code.co_code, code.co_names, [str(c) for c in code.co_consts if _is_text(c)])


def _is_text(constant: Any) -> bool:
    return isinstance(constant, (str, bytes, int, float, bool, tuple, type(None)))


def _methods(cls: type) -> Any:
    return {name: _code(value) for name, value in vars(cls).items() if callable(value)}
