"""Whether two pandas objects are the same: columns, index, order, dtypes, missing values."""

from __future__ import annotations

from typing import Any, Callable

from .numbers import values_difference

Items = Callable[[Any, Any, bool], str]
"""Compares two Python objects, for what stands in a column of objects."""


def frame_difference(got: Any, want: Any, items: Items, exact: bool = False) -> str:
    """Empty when two frames are the same."""
    if list(got.columns) != list(want.columns) and not _has_missing(want.columns):
        return f"columns {_few(got.columns)} instead of {_few(want.columns)}"
    difference = index_difference(got.columns, want.columns, items, exact)
    if difference:
        return f"columns: {difference}"
    difference = index_difference(got.index, want.index, items, exact)
    if difference:
        return f"index: {difference}"
    for position, name in enumerate(want.columns):
        mine, theirs = got.iloc[:, position], want.iloc[:, position]
        difference = _values(mine, theirs, items, exact)
        if difference:
            return f"column {name!r}: {difference}"
    return ""


def series_difference(got: Any, want: Any, items: Items, exact: bool = False) -> str:
    """Empty when two series are the same, their names too."""
    if items(got.name, want.name, True):
        return f"name {got.name!r} instead of {want.name!r}"
    difference = index_difference(got.index, want.index, items, exact)
    return f"index: {difference}" if difference else _values(got, want, items, exact)


def index_difference(got: Any, want: Any, items: Items, exact: bool = False) -> str:
    """Empty when two indexes are the same: type, names, frequency and values in their order."""
    if type(got) is not type(want):
        return f"a {type(got).__name__} instead of a {type(want).__name__}"
    if len(got) != len(want):
        return f"{len(got)} entries instead of {len(want)}"
    if items(list(got.names), list(want.names), True):
        return f"names {list(got.names)} instead of {list(want.names)}"
    if getattr(got, "freq", None) != getattr(want, "freq", None):
        return f"frequency {got.freq} instead of {want.freq}"
    if type(want).__name__ == "MultiIndex":
        for level in range(want.nlevels):
            mine, theirs = got.get_level_values(level), want.get_level_values(level)
            difference = _values(mine, theirs, items, exact)
            if difference:
                return f"level {level}: {difference}"
        return ""
    return _values(got, want, items, exact)


def _values(got: Any, want: Any, items: Items, exact: bool) -> str:
    """Of two series or indexes of one length: dtype and values."""
    import numpy

    if str(got.dtype) != str(want.dtype) or type(got.dtype) is not type(want.dtype):
        return f"dtype {got.dtype} instead of {want.dtype}"
    if hasattr(want.dtype, "categories") and hasattr(want.dtype, "ordered"):
        return _categories(got, want, items, exact)
    if got.dtype != want.dtype:
        return f"dtype {got.dtype!r} instead of {want.dtype!r}"
    if isinstance(want.dtype, numpy.dtype):
        if want.dtype.kind == "O":
            return _objects(got, want, items, exact)
        return values_difference(got.values, want.values, exact)
    missing = numpy.asarray(want.isna())
    if (numpy.asarray(got.isna()) != missing).any():
        return "missing values at other places"
    present = ~missing
    # Time zones, nullable numbers, texts, periods: what is there, one by one.
    return _objects(got[present], want[present], items, exact)


def _categories(got: Any, want: Any, items: Items, exact: bool) -> str:
    if got.dtype.ordered != want.dtype.ordered:
        return f"ordered={got.dtype.ordered} instead of {want.dtype.ordered}"
    mine, theirs = got.dtype.categories, want.dtype.categories
    difference = index_difference(mine, theirs, items, exact)
    if difference:
        return f"categories: {difference}"
    return values_difference(_codes(got), _codes(want), exact)


def _codes(column: Any) -> Any:
    codes = getattr(column, "cat", column).codes
    return getattr(codes, "values", codes)


def _objects(got: Any, want: Any, items: Items, exact: bool) -> str:
    for place, (mine, theirs) in enumerate(zip(got.astype(object), want.astype(object))):
        if mine is theirs or (type(mine) is str and type(theirs) is str and mine == theirs):
            continue
        difference = items(mine, theirs, exact)
        if difference:
            return f"at {place} {difference}"
    return ""


def _has_missing(index: Any) -> bool:
    return type(index).__name__ != "MultiIndex" and bool(index.isna().any())


def _few(names: Any) -> str:
    texts = [str(name) for name in names]
    return "[{}]".format(", ".join(texts if len(texts) <= 8 else [*texts[:8], "…"]))
