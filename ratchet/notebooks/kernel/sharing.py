"""Whether a change of one value in place shows in another: they are made of one object in part."""

from __future__ import annotations

import types
from typing import Any, Iterator

from .kinds import kind

_SCALARS = (str, bytes, int, float, complex, bool, type(None), range)
_LIMIT = 200_000
"""Objects of a value that are walked. What is made of more counts as sharing nothing."""


def shares(value: Any, other: Any) -> bool:
    """Whether two values have a list, dictionary, set, array or other changeable object in common.

    A function counts with its default arguments, a class with its attributes.
    """
    mine, theirs = list(_changeable(value)), list(_changeable(other))
    if {id(part) for part in mine} & {id(part) for part in theirs}:
        return True
    arrays = [part for part in theirs if kind(part) == "array"]
    return any(
        _one_memory(part, array) for part in mine if kind(part) == "array" for array in arrays
    )


def _one_memory(array: Any, other: Any) -> bool:
    import numpy

    return bool(numpy.may_share_memory(array, other))


def _changeable(value: Any) -> Iterator[Any]:
    """The parts of a value that can change in place."""
    waiting: list[Any] = [value]
    seen: set[int] = set()
    while waiting and len(seen) < _LIMIT:
        part = waiting.pop()
        if isinstance(part, _SCALARS) or id(part) in seen:
            continue
        seen.add(id(part))
        if not isinstance(part, (tuple, frozenset, types.FunctionType, type, types.ModuleType)):
            yield part
        waiting += _parts(part)


def _parts(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    if isinstance(value, (list, tuple, set, frozenset)):
        return list(value)
    if isinstance(value, types.FunctionType):
        return [*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()]
    if isinstance(value, type):
        names = {n: v for n, v in vars(value).items() if not n.startswith("__")}
        return [v for v in names.values() if isinstance(v, (dict, list, tuple, set))]
    what = kind(value)
    if what == "frame":
        return [value.iloc[:, place].values for place in range(value.shape[1])]
    if what in ("series", "index"):
        return [value.values]
    if what == "array":
        return list(value.ravel()) if value.dtype.kind == "O" else []
    return list(getattr(value, "__dict__", {}).values()) if what in ("model", "object") else []
