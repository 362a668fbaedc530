"""Digests of live values and of the random generators: did something change in place?"""

from __future__ import annotations

import hashlib
import pickle
import random
import sys
from typing import Any

from .kinds import kind


def digest(value: Any) -> str | None:
    """A digest of the content (SHA-1, hexadecimal); None where there is no telling."""
    try:
        return hashlib.sha1(_content(value)).hexdigest()  # noqa: S324  it guards nothing
    except Exception:
        return None


def _content(value: Any) -> bytes:
    what = kind(value)
    if what in ("code", "plot", "iterator", "unpicklable"):
        raise TypeError(what)
    if what in ("frame", "series"):
        try:
            return _table(value)
        except Exception:  # a column of lists has no hash
            return pickle.dumps(value)
    if what == "array" and value.dtype.kind != "O":
        import numpy

        described = (str(value.dtype), value.shape)
        return repr(described).encode() + numpy.ascontiguousarray(value).tobytes()
    return pickle.dumps(value)


def _table(value: Any) -> bytes:
    import pandas

    axes = [value.columns, list(value.dtypes)] if value.ndim == 2 else [value.name, [value.dtype]]
    categories = [list(getattr(dtype, "categories", [])) for dtype in axes[1]]
    parts = [pickle.dumps(axes), pickle.dumps(list(value.index.names)), pickle.dumps(categories)]
    for position, dtype in enumerate(axes[1]):
        if str(dtype) == "object":  # the hashes below are the same for None and NaN
            column = value.iloc[:, position] if value.ndim == 2 else value
            parts.append(" ".join(type(item).__name__ for item in column).encode())
    hashes: Any = pandas.util.hash_pandas_object(value).values
    return b"".join([*parts, hashes.tobytes()])


def random_state() -> str:
    """A digest of the state of the two generators that seeds without a name set."""
    parts = [repr(random.getstate())]
    if "numpy" in sys.modules:
        import numpy

        state: Any = numpy.random.get_state()
        name, keys, *rest = state
        parts.append(f"{name} {keys.tolist()} {rest}")
    return hashlib.sha1("".join(parts).encode()).hexdigest()  # noqa: S324  it guards nothing


def seed(number: int) -> None:
    """Seeds those two generators."""
    random.seed(number)
    try:
        import numpy
    except ImportError:
        return
    numpy.random.seed(number)
