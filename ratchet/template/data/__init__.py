"""A team's data, as `ratchet init` reads it: the files, a sample, what its columns hold, and what a
model of them could predict.

    data = read_data(Path("drops"))
    plan = data.plan(label="price")        # or data.proposed.name, which is for the caller to say
    plan.target.reason                     # 'price' is a number, so this is a regression
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from ratchet.loop.problems import Kind
from ratchet.template.data import labels
from ratchet.template.data.columns import USABLE, Column, describe, named_id, numbers
from ratchet.template.data.errors import DataError
from ratchet.template.data.files import DataFiles, find_files, sample
from ratchet.template.data.labels import Candidate, LabelColumn
from ratchet.template.data.leaks import leak

__all__ = [
    "Candidate",
    "Column",
    "DataError",
    "DataFolder",
    "LabelColumn",
    "LearningPlan",
    "read_data",
]

LEAST_ROWS = 50


@dataclass(frozen=True, kw_only=True)
class DataFolder:
    """A folder of data."""

    files: DataFiles
    columns: tuple[Column, ...]
    rows: int
    """Of the sample."""
    candidates: tuple[Candidate, ...]
    """For the label."""
    sample: Mapping[str, pd.DataFrame] = field(repr=False, compare=False)
    """Partition → rows, every cell a text or missing."""

    @property
    def proposed(self) -> Candidate | None:
        """The label, where exactly one column is plausible. To be said, never to be taken
        silently."""
        return self.candidates[0] if len(self.candidates) == 1 else None

    @property
    def all_rows(self) -> pd.DataFrame:
        """The rows of all partitions."""
        return pd.concat(self.sample.values(), ignore_index=True)

    def plan(self, *, label: str, problem: Kind | None = None) -> LearningPlan:
        """What a model learns, and from what.

        Args:
            label: the column to predict.
            problem: None: it is guessed from the label's values.

        Raises:
            DataError: there is no such column, it does not go with the problem, or nothing is left
                to learn from.
        """
        column = next((column for column in self.columns if column.name == label), None)
        if column is None:
            raise labels.unknown(label, self.columns)
        rows = self.all_rows
        target = labels.target(column, rows[label], problem)
        labelled = self.rows - column.missing
        if labelled < LEAST_ROWS:
            raise DataError(
                f"{labelled} of {self.rows:,} rows have a label {label!r}; expected at least "
                f"{LEAST_ROWS}"
            )
        features, left_out = [], {}
        for other in self.columns:
            if other is column:
                continue
            why = other.note if other.kind not in USABLE else ""
            why = why or leak(other, rows[other.name], target, rows[label])
            if why:
                left_out[other.name] = why
            else:
                features.append(other)
        if not features:
            reasons = "; ".join(f"{name!r}: {why}" for name, why in left_out.items())
            raise DataError(
                f"no column is left to predict {label!r} from" + (f": {reasons}" if reasons else "")
            )
        return LearningPlan(data=self, target=target, features=tuple(features), left_out=left_out)


@dataclass(frozen=True, kw_only=True)
class LearningPlan:
    """What a model learns, and from what."""

    data: DataFolder
    target: LabelColumn
    features: tuple[Column, ...]
    left_out: Mapping[str, str]
    """Column → why a model does not see it."""

    @property
    def notes(self) -> list[str]:
        """What a reader has to know of the plan, as sentences."""
        target = self.target
        notes = [target.reason]
        if target.missing:
            notes.append(
                f"{target.missing:,} of {self.data.rows:,} rows have no {target.label!r}, and "
                "neither train nor judge a model"
            )
        notes += [f"{column.name!r}: {column.note}" for column in self.features if column.note]
        return notes + [f"{name!r} is left out: {why}" for name, why in self.left_out.items()]


def read_data(folder: Path) -> DataFolder:
    """Reads a sample of the CSV or Parquet files in and below a folder, or of one file.

    Raises:
        DataError: there are none, they cannot be read, or they hold too little.
    """
    files = find_files(folder)
    parts = sample(files)
    rows = pd.concat(parts.values(), ignore_index=True)
    _refuse_no_header(files, rows)
    if len(rows) < LEAST_ROWS:
        raise DataError(
            f"{folder} holds {len(rows)} rows; expected at least {LEAST_ROWS}, to train a model "
            "and to judge it"
        )
    columns = tuple(describe(str(name), rows[name]) for name in rows)
    return DataFolder(
        files=files,
        columns=columns,
        rows=len(rows),
        candidates=labels.candidates(columns),
        sample=parts,
    )


def _refuse_no_header(files: DataFiles, rows: pd.DataFrame) -> None:
    """Refuses a first line that holds values and no names."""
    names = [str(name) for name in rows.columns if not named_id(str(name))]
    values = numbers(pd.Series(names, dtype=object))
    figures = [name for name, value in zip(names, values, strict=True) if pd.notna(value)]
    if not figures or files.format != "csv":
        return
    fractions = [name for name in figures if not name.strip().isdigit()]
    words = [name for name in names if name not in figures]
    repeated = [name for name in words if (rows[name] == name).any()]
    if fractions or repeated or (not words and not _count(figures)):
        raise DataError(
            f"{files.root / files.paths[-1]}: the first line has no names of columns but values, "
            f"such as {', '.join(map(repr, (figures + repeated)[:3]))}; write a line with the "
            "names above it"
        )


def _count(names: list[str]) -> bool:
    """Whether names are whole numbers that follow each other, as pandas names columns."""
    return names == [str(int(names[0]) + i) for i in range(len(names))]
