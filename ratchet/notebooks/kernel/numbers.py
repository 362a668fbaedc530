"""Whether two arrays hold the same values, to a tolerance for floating point."""

from __future__ import annotations

from typing import Any

RELATIVE = {2: 1e-2, 4: 1e-4, 8: 1e-7}
"""Bytes of a floating-point number → the relative difference that is taken for rounding. Sums come
out in another order when columns lie differently in memory."""
SCALE = 1e-10
"""Times the largest value: the absolute difference that is taken for rounding."""


def array_difference(got: Any, want: Any, exact: bool = False) -> str:
    """Empty when two numpy arrays of the same type have one dtype, shape and values."""
    if got.dtype != want.dtype:
        return f"dtype {got.dtype} instead of {want.dtype}"
    if got.shape != want.shape:
        return f"shape {got.shape} instead of {want.shape}"
    if want.dtype.names:
        for name in want.dtype.names:
            difference = array_difference(got[name], want[name], exact)
            if difference:
                return f"field {name!r}: {difference}"
        return ""
    return values_difference(got, want, exact)


def values_difference(got: Any, want: Any, exact: bool = False) -> str:
    """As `array_difference`, for arrays of one dtype (no objects) and shape."""
    if want.dtype.kind in "fc":
        return _floats_difference(got, want, exact)
    if want.dtype.kind in "mM":  # NaT is no value that equals itself
        got, want = got.view("int64"), want.view("int64")
    unequal = got != want
    return _first(unequal, got, want) if unequal.any() else ""


def _floats_difference(got: Any, want: Any, exact: bool) -> str:
    import numpy

    missing = numpy.isnan(want)
    if (numpy.isnan(got) != missing).any():
        return f"NaN at other places: {_first(numpy.isnan(got) != missing, got, want)}"
    infinite = numpy.isinf(want)
    with numpy.errstate(all="ignore"):
        if exact:
            unequal = (got != want) | (numpy.signbit(got.real) != numpy.signbit(want.real))
        else:
            size = want.dtype.itemsize // (2 if want.dtype.kind == "c" else 1)
            finite = numpy.abs(want[numpy.isfinite(want)])
            largest = finite.max() if finite.size else 0
            near = (
                numpy.abs(got - want)
                <= RELATIVE.get(size, 1e-7) * numpy.abs(want) + SCALE * largest
            )
            unequal = numpy.where(infinite, got != want, ~near)
    unequal = unequal & ~missing
    return _first(unequal, got, want) if unequal.any() else ""


def _first(unequal: Any, got: Any, want: Any) -> str:
    """The first unequal pair, and how many there are."""
    import numpy

    if unequal.shape == ():
        return f"{got} instead of {want}"
    place = tuple(int(i) for i in numpy.argwhere(unequal)[0])
    at = place[0] if len(place) == 1 else place
    share = f"{unequal.sum()} of {unequal.size} values"
    return f"at {at} {got[place]} instead of {want[place]} ({share})"


def sparse_difference(got: Any, want: Any, exact: bool = False) -> str:
    """Empty when two sparse matrices of the same type have one format, dtype, shape and content."""
    if (got.format, got.dtype, got.shape) != (want.format, want.dtype, want.shape):
        parts = [(m.format, str(m.dtype), m.shape) for m in (got, want)]
        return "{} instead of {}".format(*tuple(parts))
    rows = []
    for matrix in (got, want):
        matrix = matrix.tocsr(copy=True)
        matrix.sum_duplicates()
        rows.append(matrix)
    for part in ("indptr", "indices", "data"):
        mine, theirs = getattr(rows[0], part), getattr(rows[1], part)
        if part != "data":
            mine, theirs = mine.astype("int64"), theirs.astype("int64")
        difference = array_difference(mine, theirs, exact)
        if difference:
            return f"{part}: {difference}"
    return ""
