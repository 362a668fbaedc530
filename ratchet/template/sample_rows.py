"""A few of a team's own rows, on which `ratchet check` tries its scripts."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ratchet.template.data import LearningPlan
from ratchet.template.data.columns import texts
from ratchet.template.files import Files

MOST_BYTES = 200_000
_MOST_ROWS = 1_500
_PARTITIONS = 2
"""The newest ones: one to train on, one to be judged by."""
_OF_EACH_CLASS = 10
_END = "\0\n"
"""Of a line; no cell has it."""


def sample_files(plan: LearningPlan, folder: str) -> Files:
    """Path → a CSV file of each of the newest partitions, with the label and what is learned from:
    no other column of a team's data gets into its repository."""
    names = list(plan.data.sample)[-_PARTITIONS:]
    files: Files = {}
    for name in names:
        rows = _chosen(plan, plan.data.sample[name], share=len(names))
        text = rows.to_csv(index=False, sep=plan.data.files.separator, lineterminator="\n")
        files["/".join(part for part in (folder, name, "rows.csv") if part)] = text.encode()
    return files


def _chosen(plan: LearningPlan, rows: pd.DataFrame, *, share: int) -> pd.DataFrame:
    """Rows of a partition, in their order: those of rare classes first, then by chance, which is a
    hash of their content."""
    label = plan.target.label
    rows = rows[[label, *(column.name for column in plan.features)]]
    rows = rows[texts(rows[label]).notna()]
    shuffled = rows.iloc[np.argsort(pd.util.hash_pandas_object(rows, index=False), kind="stable")]
    if plan.target.classes:
        rank = texts(shuffled[label]).groupby(texts(shuffled[label])).cumcount()
        shuffled = shuffled.iloc[np.argsort(rank.to_numpy() >= _OF_EACH_CLASS, kind="stable")]
    shuffled = shuffled.head(_MOST_ROWS // share)
    sizes = np.cumsum([len(line) for line in _lines(shuffled, plan.data.files.separator)])
    fitting = int(np.searchsorted(sizes, MOST_BYTES // share, side="right")) - 1
    return shuffled.head(max(0, fitting)).sort_index()


def _lines(rows: pd.DataFrame, separator: str) -> list[bytes]:
    """The header, then each row, as the file has them: a cell can hold a line break."""
    text = rows.to_csv(index=False, sep=separator, lineterminator=_END)
    return [f"{line}\n".encode() for line in text.split(_END)[:-1]]
