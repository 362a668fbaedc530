"""Whether two files that a step wrote hold the same."""

from __future__ import annotations

import json
import pickle
from typing import Any, Mapping

from .difference import difference


def file_difference(got: str, want: str, questions: Mapping[str, Any] | None = None) -> str:
    """Empty when two files hold the same bytes, or the same values in a format that is known."""
    with open(got, "rb") as mine, open(want, "rb") as theirs:
        data, expected = mine.read(), theirs.read()
    if data == expected:
        return ""
    try:
        return difference(_read(got, data), _read(want, expected), questions)
    except Exception:
        return f"{len(data)} bytes, other than the {len(expected)} bytes expected"


def _read(path: str, data: bytes) -> Any:
    """The value in a file, by its suffix."""
    suffix = path.lower().rsplit(".", 1)[-1]
    if suffix == "json":
        return json.loads(data.decode())
    if suffix in ("parquet", "pq"):
        import pandas

        return pandas.read_parquet(path)
    if suffix in ("pkl", "pickle", "bin"):
        return pickle.loads(data)  # noqa: S301  the step wrote it a moment ago
    if suffix == "joblib":
        import joblib  # type: ignore[import-untyped]

        return joblib.load(path)
    if suffix == "npy":
        import numpy

        return numpy.load(path)
    if suffix == "csv":
        import pandas

        return pandas.read_csv(path)
    raise ValueError(suffix)
