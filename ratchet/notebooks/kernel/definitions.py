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
    """Whether a constant has the value, a function or class the code and the state, that its cell
    gives it."""
    if kinds.kind(value) != "code":
        return not difference(fresh, value, exact=True)
    if isinstance(value, type):
        return isinstance(fresh, type) and _same_class(value, fresh)
    return _same_function(value, fresh)


def _same_function(value: Any, fresh: Any) -> bool:
    """By the code, and by the default arguments and attributes, which keep what calls put there."""
    if _code(value) != _code(fresh):
        return False
    return all(
        not difference(getattr(fresh, name, None), getattr(value, name, None), exact=True)
        for name in ("__defaults__", "__kwdefaults__")
    ) and not difference(_attributes(fresh), _attributes(value), exact=True)


def _attributes(function: Any) -> dict[str, Any]:
    """What code has put on a function: `f.calls = 0`."""
    attributes = getattr(function, "__dict__", None) or {}
    return {n: v for n, v in attributes.items() if n != "__wrapped__" and kinds.is_picklable(v)}


def _code(function: Any) -> Any:
    code = getattr(function, "__code__", None)
    return code and (code.co_code, code.co_names, [str(c) for c in code.co_consts if _is_text(c)])


def _is_text(constant: Any) -> bool:
    return isinstance(constant, (str, bytes, int, float, bool, tuple, type(None)))


_OF_EVERY_CLASS = {
    *("__dict__", "__weakref__", "__doc__", "__module__", "__annotations__", "__firstlineno__"),
    *("__static_attributes__", "__qualname__", "__annotate_func__", "__annotations_cache__"),
    *("__abstractmethods__", "_abc_impl", "__dataclass_fields__", "__dataclass_params__"),
}


def _same_class(value: type, fresh: type) -> bool:
    mine = {name: item for name, item in vars(value).items() if name not in _OF_EVERY_CLASS}
    other = {name: item for name, item in vars(fresh).items() if name not in _OF_EVERY_CLASS}
    return list(mine) == list(other) and all(_same_item(mine[name], other[name]) for name in mine)


def _same_item(value: Any, fresh: Any) -> bool:
    function = getattr(value, "__func__", value)
    if kinds.kind(function) == "code":
        return bool(_code(function) == _code(getattr(fresh, "__func__", fresh)))
    if isinstance(value, property):
        return bool(_code(value.fget) == _code(fresh.fget))
    return not kinds.is_picklable(value) or not difference(fresh, value, exact=True)
