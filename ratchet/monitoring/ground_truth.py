"""Labels that arrive later, merged with the answers an endpoint gave.

    {"groundTruthData": {"data": "1", "encoding": "CSV"},
     "eventMetadata": {"eventId": "aaaa-bbbb-cccc"}, "eventVersion": "0"}

The label's eventId is the inferenceId of the captured record where the caller gave one, else the
record's own eventId:
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-merge.html
A record of several rows takes as many labels, on lines or separated by commas.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ratchet.monitoring.capture import OUTPUT, CapturedRecords, side_rows
from ratchet.monitoring.columns import Floats
from ratchet.monitoring.datasets import UnreadableDatasetError

_POSITIVE = ["1", "1.0", "true", "True", "TRUE"]
_NEGATIVE = ["0", "0.0", "false", "False", "FALSE"]


@dataclass(frozen=True)
class Labelled:
    """Scores with their labels, and how many captured records have no label yet."""

    labels: NDArray[np.bool_]
    scores: Floats
    unlabelled: int
    unreadable: int


def merge(captured: CapturedRecords, truth: CapturedRecords, *, probability: str = "0") -> Labelled:
    """Label the captured answers. `probability` is the score's column, by name or by position.

    Of several labels of one id the last line's stands. Raises UnreadableDatasetError when the
    answers have no such column.
    """
    answers = side_rows(captured, OUTPUT)
    if not answers.table.num_columns:
        unlabelled = len(captured)
        return Labelled(np.empty(0, np.bool_), np.empty(0), unlabelled, captured.unreadable)
    scores = column_of(answers.table, probability)
    rows = np.bincount(answers.record, minlength=len(captured))

    truths = pd.Series(truth.field("groundTruthData", "data").to_pylist(), dtype=object)
    truths.index = pd.Index(truth.field("eventMetadata", "eventId").to_pylist())
    truths = truths[~truths.index.duplicated(keep="last")].dropna()
    position = truths.index.get_indexer(pd.Index(captured.ids.to_pylist()))

    texts = pa.array(truths.tolist(), pa.string()).take(
        pa.array(position, mask=position < 0, type=pa.int64())
    )
    labels = pc.split_pattern_regex(pc.ascii_trim(texts, ", \r\n"), r"\s*[,\n]\s*")
    count = pc.fill_null(pc.list_value_length(labels), 0).to_numpy(zero_copy_only=False)
    agree = (count == rows) & (rows > 0)
    chosen = pc.list_flatten(labels.filter(pa.array(agree)))
    positive = pc.is_in(chosen, value_set=pa.array(_POSITIVE)).to_numpy(zero_copy_only=False)
    negative = pc.is_in(chosen, value_set=pa.array(_NEGATIVE)).to_numpy(zero_copy_only=False)
    values = scores[agree[answers.record]]
    readable = (positive | negative) & np.isfinite(values)
    return Labelled(
        labels=positive[readable],
        scores=values[readable],
        unlabelled=int((position < 0).sum()),
        unreadable=captured.unreadable
        + truth.unreadable
        + answers.unreadable
        + int((~readable).sum())
        + int((~agree & (position >= 0)).sum()),
    )


def column_of(table: pa.Table, name: str) -> Floats:
    """A column as doubles, by name or by position; what is not a number becomes NaN."""
    names = table.column_names
    if name not in names and name.isdigit() and int(name) < len(names):
        name = names[int(name)]
    if name not in names:
        message = f"no column {name!r} to take the probability from; there are {', '.join(names)}"
        raise UnreadableDatasetError(message)
    return np.asarray(pd.to_numeric(table[name].to_pandas(), errors="coerce"), dtype=np.float64)


def labels_of(table: pa.Table, name: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """A column of labels: which are positive, and which are labels at all."""
    if name not in table.column_names:
        message = f"no column {name!r} to take labels from; there are {table.column_names}"
        raise UnreadableDatasetError(message)
    texts = pd.Series(table[name].to_pandas()).astype(str)
    positive = texts.isin(_POSITIVE).to_numpy()
    return positive, positive | texts.isin(_NEGATIVE).to_numpy()
