"""Columns that tell the label of a row, which no request can."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ratchet.loop.problems import BINARY, REGRESSION
from ratchet.template.data.columns import Column, numbers, texts
from ratchet.template.data.labels import LabelColumn

_COPY = 0.999999
"""From this correlation on, a number is the label in another unit."""
_ROWS_A_VALUE = 10
"""So many rows for each value, on average, make it no chance that each value has one label."""


def leak(column: Column, values: pd.Series, target: LabelColumn, labels: pd.Series) -> str:
    """Why a column cannot be learned from; "" where it says no more than it may.

    Args:
        values: of the column, as text.
        labels: of the same rows, as text.
    """
    both = pd.DataFrame({"value": texts(values), "label": texts(labels)}).dropna()
    if both.empty:
        return ""
    if (both["value"] == both["label"]).all():
        return f"it is a copy of the label {target.label!r}"
    if target.problem == REGRESSION:
        return _of_number(column, both, target)
    if column.kind == "number" and column.distinct > len(target.classes):
        return _splits(both, target)
    if column.distinct * _ROWS_A_VALUE > len(both):
        return ""
    if both.groupby("value")["label"].nunique().max() == 1:
        return f"it alone tells the label {target.label!r} of every row"
    return ""


def _of_number(column: Column, both: pd.DataFrame, target: LabelColumn) -> str:
    if column.kind != "number":
        return ""
    value, label = numbers(both["value"]).to_numpy(), numbers(both["label"]).to_numpy()
    if np.std(value) == 0 or np.std(label) == 0:
        return ""
    if abs(np.corrcoef(value, label)[0, 1]) >= _COPY:
        return f"it is the label {target.label!r} in another unit"
    return ""


def _splits(both: pd.DataFrame, target: LabelColumn) -> str:
    """Of two classes: whether one number lies between them."""
    if target.problem != BINARY:
        return ""
    value = numbers(both["value"])
    ends = value.groupby(both["label"]).agg(["min", "max"]).sort_values("min")
    if len(ends) == 2 and ends["max"].iloc[0] < ends["min"].iloc[1]:
        return f"it alone tells the label {target.label!r} of every row: one number divides them"
    return ""
