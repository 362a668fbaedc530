"""Says how two values differ. What it cannot judge it calls a difference, never equal."""

from __future__ import annotations

import math
from typing import Any, Mapping

from .kinds import kind
from .numbers import RELATIVE, array_difference, sparse_difference
from .objects import object_difference
from .tables import frame_difference, index_difference, series_difference

DEPTH = 40
"""Levels of containers within containers that are compared."""


def difference(
    got: Any, want: Any, questions: Mapping[str, Any] | None = None, exact: bool = False
) -> str:
    """How `got` differs from `want`, in one line; empty when it does not.

    Args:
        questions: values that a model may be asked about: name → frame, array, …
        exact: floating-point numbers must be the same bits; else rounding is no difference.

    Two models are the same if their states are, or if at least one question gets an answer and all
    answers are the same.
    """
    return _Comparison(questions or {}).difference(got, want, exact)


class _Comparison:
    """One comparison: what models are asked, and how deep it is in containers."""

    def __init__(self, questions: Mapping[str, Any]) -> None:
        self.questions, self.depth = questions, 0

    def difference(self, got: Any, want: Any, exact: bool = False) -> str:
        if type(got) is not type(want):
            return f"{_described(got)} instead of {_described(want)}"
        self.depth += 1
        try:
            if self.depth > DEPTH:
                return "nested too deep to compare"
            return self._of_one_type(got, want, exact)
        finally:
            self.depth -= 1

    def _of_one_type(self, got: Any, want: Any, exact: bool) -> str:
        what = kind(want)
        if what in ("code", "plot", "iterator"):
            return f"a {what} cannot be compared"
        if what in _TABLES:
            return str(_TABLES[what](got, want, self.difference, exact))
        if what in ("array", "numpy scalar"):
            return self._array(got, want, exact)
        if what == "sparse":
            return sparse_difference(got, want, exact)
        if what == "scalar":
            return _scalar_difference(got, want, exact)
        if type(want) in (list, tuple, dict, set, frozenset):
            return self._container(got, want, exact)
        return object_difference(got, want, self.questions, self.difference, exact)

    def _array(self, got: Any, want: Any, exact: bool) -> str:
        if want.dtype.kind != "O" or got.dtype.kind != "O":
            return array_difference(got, want, exact)
        if got.shape != want.shape:
            return f"shape {got.shape} instead of {want.shape}"
        return self._items(list(got.ravel()), list(want.ravel()), exact)

    def _container(self, got: Any, want: Any, exact: bool) -> str:
        if len(got) != len(want):
            return f"{len(got)} items instead of {len(want)}"
        if isinstance(want, (set, frozenset)):
            return _set_difference(got, want)
        if not isinstance(want, dict):
            return self._items(got, want, exact)
        text = self._items(list(got), list(want), True)
        if text:
            return f"other keys, or in another order: {text}"
        for (_, mine), (key, theirs) in zip(got.items(), want.items()):
            text = self.difference(mine, theirs, exact)
            if text:
                return f"[{key!r}]: {text}"
        return ""

    def _items(self, got: Any, want: Any, exact: bool) -> str:
        for place, (mine, theirs) in enumerate(zip(got, want)):
            text = self.difference(mine, theirs, exact)
            if text:
                return f"[{place}]: {text}"
        return ""


_TABLES = {"frame": frame_difference, "series": series_difference, "index": index_difference}


def _described(value: Any) -> str:
    text = repr(value) if isinstance(value, (str, int, float, type(None))) else ""
    name = type(value).__name__
    return f"{text[:40]} ({name})" if text else f"a {name}"


def _scalar_difference(got: Any, want: Any, exact: bool) -> str:
    if isinstance(want, float):
        if math.isnan(want) and math.isnan(got):
            return ""
        same = got == want and math.copysign(1, got) == math.copysign(1, want)
        same = same or (not exact and math.isclose(got, want, rel_tol=RELATIVE[8]))
    else:
        same = got == want
    return "" if same else f"{got!r:.60} instead of {want!r:.60}"


def _set_difference(got: Any, want: Any) -> str:
    """NaN equals no NaN, so those are counted."""

    def parted(values: Any) -> Any:
        present = {(type(value), value) for value in values if value == value}
        return present, len(values) - len(present)

    return "" if parted(got) == parted(want) else "other members of the set"
