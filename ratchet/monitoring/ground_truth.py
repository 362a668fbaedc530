"""Labels beside the answers that they are of: from a dataset that holds both, or labels that arrive
later, merged with the answers an endpoint gave.

    {"groundTruthData": {"data": "1", "encoding": "CSV"},
     "eventMetadata": {"eventId": "aaaa-bbbb-cccc"}, "eventVersion": "0"}

The label's eventId is the inferenceId of the captured record where the caller gave one, else the
record's own eventId:
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-merge.html
A record of several rows takes as many labels, on lines or separated by commas.

Labels and answers are texts here: what they mean depends on the problem.
"""

from __future__ import annotations

import csv
import difflib
import io
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ratchet.monitoring.capture import OUTPUT, CapturedRecords, side_rows
from ratchet.monitoring.columns import text_of
from ratchet.monitoring.datasets import TableDataset, UnreadableDatasetError, numbered

_SHOWN = 60
"""Characters of a value that cannot be used."""


@dataclass(frozen=True)
class AnswerColumns:
    """Where answers hold what, by name or position; "": nowhere."""

    prediction: str = ""
    probability: str = ""
    likeliest: bool = False
    """The likeliest class is the answer: from `probability` on there is a column for each."""

    @property
    def parts(self) -> dict[str, str]:
        """Setting → column."""
        parts = {
            "inference_attribute": self.prediction,
            "probability_attribute": self.probability,
        }
        return {setting: column for setting, column in parts.items() if column}


@dataclass(frozen=True)
class LabelledAnswers:
    """Row by row, as they were written."""

    labels: Sequence[str] = ()
    predictions: Sequence[str] | None = None
    probabilities: Sequence[str] | None = None
    of_classes: Sequence[Sequence[str]] | None = None
    """Column by column: the probability of each class."""
    unlabelled: int = 0
    """Captured records that have no label yet."""
    unmatched: int = 0
    """Labels of requests of which no captured record is there."""
    unreadable: int = 0
    """Lines that are no record."""
    refused_labels: Mapping[str, int] = field(default_factory=dict)
    """Of records that have another number of labels than of answers: how often each."""
    refused_answers: Mapping[str, int] = field(default_factory=dict)
    """Of labelled records that are no CSV or JSON."""


def merge(
    captured: CapturedRecords, truth: CapturedRecords, columns: AnswerColumns
) -> LabelledAnswers:
    """Label the captured answers. Of several labels of one id the last line's stands.

    Raises:
        UnreadableDatasetError: the answers have no such column.
    """
    unreadable = captured.unreadable + truth.unreadable
    truths = pd.Series(truth.field("groundTruthData", "data").to_pylist(), dtype=object)
    truths.index = pd.Index(truth.field("eventMetadata", "eventId").to_pylist())
    truths = truths[~truths.index.duplicated(keep="last")].dropna()
    ids = pd.Index(captured.ids.to_pylist())
    position = truths.index.get_indexer(ids)
    unmatched = int((~truths.index.isin(ids)).sum())
    if not len(captured):
        return LabelledAnswers(unmatched=unmatched, unreadable=unreadable)

    places = columns.parts.values()
    names = [place for place in places if not place.isdigit()]
    texts = {*names, *(f"_c{place}" for place in places)}  # 007 is the name of a class
    answers = side_rows(captured, OUTPUT, names, texts)
    rows = np.bincount(answers.record, minlength=len(captured))
    labels = _labels(truths.tolist(), position)
    count = pc.fill_null(pc.list_value_length(labels), 0).to_numpy(zero_copy_only=False)
    labelled = position >= 0
    agree = labelled & (count == rows) & (rows > 0)
    parts: dict[str, Any] = {}
    if answers.table.num_columns:
        table = answers.table.filter(pa.array(agree[answers.record]))
        parts = _parts(table.column_names, columns, lambda name: _texts(table.column(name)))
    return LabelledAnswers(
        labels=pc.list_flatten(labels.filter(pa.array(agree))).to_pylist(),
        **parts,
        unlabelled=int((~labelled).sum()),
        unmatched=unmatched,
        unreadable=unreadable,
        refused_labels=_mismatched(truths, position, count, rows, labelled & ~agree & (rows > 0)),
        refused_answers=_unread(captured, labelled & (rows == 0)),
    )


def beside_labels(dataset: TableDataset, *, label: str, columns: AnswerColumns) -> LabelledAnswers:
    """The columns of a dataset that holds labels and answers.

    Raises:
        UnreadableDatasetError: it has no such columns, or label and answer are one.
    """
    names = dataset.names
    label = resolved(names, label, "ground_truth_attribute")
    for setting, name in columns.parts.items():
        column = resolved(names, name, setting)
        if column == label:
            others = ", ".join(other for other in names if other != label) or "no other column"
            raise UnreadableDatasetError(
                f"{setting} is {name!r}, which is {column!r}, the label itself: it would be "
                f"compared with itself. Expected the model's answer; there is {others}"
            )
    answers = [name for name in names if name != label or not columns.likeliest]
    parts = _parts(answers, columns, lambda name: _texts(dataset.column(name)))
    return LabelledAnswers(
        labels=_texts(dataset.column(label)), **parts, unreadable=dataset.unreadable
    )


def _parts(
    names: list[str], columns: AnswerColumns, texts: Callable[[str], list[str]]
) -> dict[str, Any]:
    """What LabelledAnswers has of the answers."""
    parts: dict[str, Any] = {}
    if columns.prediction:
        parts["predictions"] = texts(resolved(names, columns.prediction, "inference_attribute"))
    if columns.probability:
        column = resolved(names, columns.probability, "probability_attribute")
        if columns.likeliest:
            parts["of_classes"] = [texts(name) for name in names[names.index(column) :]]
        else:
            parts["probabilities"] = texts(column)
    return parts


def read_texts(paths: Sequence[Path], *, header: bool) -> TableDataset:
    """CSV files with every cell as it is written: NA and 007 may be names of classes.

    Raises:
        UnreadableDatasetError: a file is no CSV.
    """
    tables = []
    for path in paths:
        if not path.stat().st_size:
            continue
        try:
            cells = pd.read_csv(
                path, dtype=str, keep_default_na=False, header=0 if header else None
            )
        except (ValueError, pd.errors.ParserError) as error:
            raise UnreadableDatasetError(f"{path} is not CSV: {error}") from None
        cells.columns = pd.Index(cells.columns if header else numbered(cells.shape[1]))
        tables.append(pa.Table.from_pandas(cells, preserve_index=False))
    if not tables:
        return TableDataset(pa.table({}))
    return TableDataset(pa.concat_tables(tables, promote_options="default"))


def resolved(names: Sequence[str], name: str, setting: str) -> str:
    """The column of this name, or at this position from 0."""
    if name in names:
        return name
    if name.isdigit() and int(name) < len(names):
        return names[int(name)]
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise UnreadableDatasetError(
        f"{setting} is {name!r}, and there is no such column; {hint}There are {', '.join(names)}"
    )


def _labels(truths: list[str], position: NDArray[np.int64]) -> pa.Array:
    """For each captured record the list of its labels; null where it has none."""
    texts = [str(text) for text in truths]
    split = pc.split_pattern_regex(
        pc.ascii_trim(pa.array(texts, pa.string()), ", \r\n"), r"\s*[,\n]\s*"
    )
    if any('"' in text for text in texts):  # quoted, for a comma may be in the name of a class
        split = pa.array(
            [
                _cells(text) if '"' in text else labels
                for text, labels in zip(texts, split.to_pylist(), strict=True)
            ],
            pa.list_(pa.string()),
        )
    return split.take(pa.array(position, mask=position < 0, type=pa.int64()))


def _cells(text: str) -> list[str]:
    return [cell for row in csv.reader(io.StringIO(text)) for cell in row]


def _texts(column: pa.ChunkedArray | pa.Array) -> list[str]:
    """What is missing is an empty text."""
    texts = text_of(column)
    return ["" if text is None else text for text in texts.to_pylist()]


def _mismatched(
    truths: pd.Series,
    position: NDArray[np.int64],
    labels: NDArray[np.int64],
    rows: NDArray[np.int64],
    which: NDArray[np.bool_],
) -> Mapping[str, int]:
    places = np.flatnonzero(which)
    return Counter(
        f"{truths.iloc[position[place]]!s:.{_SHOWN}} ({labels[place]} labels, {rows[place]} rows)"
        for place in places
    )


def _unread(captured: CapturedRecords, which: NDArray[np.bool_]) -> Mapping[str, int]:
    places = pa.array(np.flatnonzero(which))
    data = captured.field("captureData", OUTPUT, "data").take(places)
    return Counter((text or "")[:_SHOWN] for text in data.to_pylist())
