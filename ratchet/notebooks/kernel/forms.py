"""How a value is stored in a file: readable where that gives it back exactly, else as a pickle.

A form is one way to write and to read. The script of a step reads and writes the same forms
(ratchet/notebooks/script_files.py says how, as text).
"""

from __future__ import annotations

import json
import os
import pickle
import tempfile
from typing import Any

from .difference import difference
from .kinds import kind

SUFFIXES = {
    "json": ".json",
    "parquet": ".parquet",
    "parquet with NaN": ".parquet",
    "series": ".parquet",
    "npy": ".npy",
    "numpy scalar": ".npy",
    "npz": ".npz",
    "pickle": ".pkl",
}
"""Form → the suffix of its file. Parquet gives back None for a missing text; a frame that had NaN
there is of the form `parquet with NaN`."""

_CANDIDATES = {
    "scalar": ["json"],
    "plain": ["json"],
    "frame": ["parquet", "parquet with NaN"],
    "series": ["series"],
    "array": ["npy"],
    "numpy scalar": ["numpy scalar"],
    "sparse": ["npz"],
}


def form(value: Any) -> str:
    """The first form that gives the value back exactly.

    Returns:
        "" when even a pickle does not.
    """
    for candidate in [*_CANDIDATES.get(kind(value), []), "pickle"]:
        if comes_back(value, candidate):
            return candidate
    return ""


def comes_back(value: Any, how: str) -> bool:
    """Whether a file of the form `how` gives the value back exactly."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "value")
        try:
            save(value, path, how)
            return not difference(load(path, how), value, exact=True)
        except Exception:  # the package that writes or reads it refuses
            return False


def save(value: Any, path: str, how: str) -> None:
    """Writes the value to the file `path`, without a suffix of its own, in the form `how`."""
    if how == "series":
        value.to_frame().to_parquet(path)
    elif how.startswith("parquet"):
        value.to_parquet(path)
    elif how == "json":
        with open(path, "w") as text:
            json.dump(value, text)
    else:
        with open(path, "wb") as data:
            _write(value, data, how)


def _write(value: Any, data: Any, how: str) -> None:
    if how in ("npy", "numpy scalar"):
        import numpy

        numpy.save(data, value, allow_pickle=False)
    elif how == "npz":
        import scipy.sparse

        scipy.sparse.save_npz(data, value)
    else:
        pickle.dump(value, data)


def load(path: str, how: str) -> Any:
    """The value in a file of the form `how`."""
    if how == "series" or how.startswith("parquet"):
        return _read_parquet(path, how)
    if how == "json":
        with open(path) as text:
            return json.load(text)
    with open(path, "rb") as data:
        if how == "pickle":
            return pickle.load(data)  # noqa: S301  the kernel wrote it a moment ago, or git has it
        return _read_numbers(data, how)


def _read_parquet(path: str, how: str) -> Any:
    import pandas

    frame = pandas.read_parquet(path)
    if how == "series":
        return frame.iloc[:, 0]
    return frame if how == "parquet" else frame.fillna(float("nan"))


def _read_numbers(data: Any, how: str) -> Any:
    if how == "npz":
        import scipy.sparse

        return scipy.sparse.load_npz(data)
    import numpy

    values = numpy.load(data, allow_pickle=False)
    return values[()] if how == "numpy scalar" else values
