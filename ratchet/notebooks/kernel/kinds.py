"""Which kind of thing a live object is: what it can be stored as and compared by depends on it."""

from __future__ import annotations

import pickle
import pickletools
import types
from typing import Any

PLOT_PACKAGES = ("matplotlib", "seaborn", "plotly", "bokeh", "altair")
PLAIN_ITEMS = 10000
PLAIN_DEPTH = 6


def kind(value: Any) -> str:
    """The kind of a value.

    Returns:
        scalar (None, bool, int, float, str), numpy scalar, plain (lists and dicts as JSON has
        them), frame, series, index, array (of numpy, exactly), sparse (of scipy), model (it can
        predict or transform), code (functions, classes, modules), plot, iterator (reading uses it
        up), object (anything else that can be pickled) or unpicklable.
    """
    found = _package_kind(value) or _python_kind(value)
    if found:
        return found
    if not is_picklable(value):
        return "unpicklable"
    return "model" if _is_model(value) else "object"


def _is_model(value: Any) -> bool:
    if type(value).__module__.split(".")[0] == "pandas":  # groups of rows can transform, too
        return False
    return any(callable(getattr(value, name, None)) for name in ("predict", "transform"))


def _package_kind(value: Any) -> str:
    package = type(value).__module__.split(".")[0]
    if package == "pandas":
        return _pandas_kind(value)
    if package == "numpy":
        return _numpy_kind(value)
    if package == "scipy" and hasattr(value, "tocsr") and hasattr(value, "nnz"):
        return "sparse"
    return "plot" if package in PLOT_PACKAGES else ""


def _pandas_kind(value: Any) -> str:
    import pandas

    if type(value) is pandas.DataFrame:
        return "frame"
    if type(value) is pandas.Series:
        return "series"
    return "index" if isinstance(value, pandas.Index) else ""


def _numpy_kind(value: Any) -> str:
    import numpy

    if isinstance(value, numpy.generic):
        return "numpy scalar"
    if type(value) is numpy.ndarray:
        return "array"
    return "code" if isinstance(value, numpy.ufunc) else ""


def _python_kind(value: Any) -> str:
    if value is None or type(value) in (bool, int, float, str):
        return "scalar"
    if isinstance(value, (type, types.ModuleType)) or _is_function(value):
        return "code"
    if hasattr(type(value), "__next__"):
        return "iterator"
    if type(value) in (list, dict) and is_plain(value):
        return "plain"
    return ""


def _is_function(value: Any) -> bool:
    functions = (types.FunctionType, types.BuiltinFunctionType, types.MethodType)
    return isinstance(value, functions)


def is_plain(value: Any, depth: int = 0) -> bool:
    """Whether JSON gives the value back exactly: lists, dicts with texts as keys, and scalars."""
    if value is None or type(value) in (bool, int, float, str):
        return True
    if depth == PLAIN_DEPTH or type(value) not in (list, dict) or len(value) > PLAIN_ITEMS:
        return False
    if type(value) is dict and not all(type(key) is str for key in value):
        return False
    items = value.values() if type(value) is dict else value
    return all(is_plain(item, depth + 1) for item in items)


def is_picklable(value: Any) -> bool:
    try:
        pickle.dumps(value)
    except Exception:
        return False
    return True


def notebook_names(value: Any) -> list[str]:
    """Functions and classes of the notebook itself that a pickle of the value refers to by name.

    Whoever loads such a pickle needs them in its own `__main__`. A pickle says a global name either
    with its module in one instruction or as the last two texts before STACK_GLOBAL, which may come
    out of the memo (https://docs.python.org/3/library/pickletools.html).
    """
    names = set()
    memo: dict[int, str] = {}
    texts: list[str] = []
    for code, argument, _ in pickletools.genops(pickle.dumps(value)):
        if code.name == "GLOBAL" and str(argument).startswith("__main__ "):
            names.add(str(argument).split(" ", 1)[1])
        elif code.name == "STACK_GLOBAL" and texts[-2:-1] == ["__main__"]:
            names.add(texts[-1])
        elif code.name == "MEMOIZE":
            memo[len(memo)] = texts[-1] if texts else ""
        elif code.name in ("BINGET", "LONG_BINGET"):
            texts.append(memo.get(int(str(argument)), ""))
        elif isinstance(argument, str):
            texts.append(argument)
        else:
            texts.append("")
    return sorted(names)
