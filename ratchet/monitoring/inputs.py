"""The rows that a job names, read in the format that it says."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from ratchet.monitoring.capture import (
    GROUND_TRUTH,
    OUTPUT,
    SIDES,
    captured_dataset,
    read_records,
)
from ratchet.monitoring.columns import STRING
from ratchet.monitoring.datasets import (
    ParquetDataset,
    TableDataset,
    files_below,
    read_csv,
    read_json,
    read_parquet,
)
from ratchet.monitoring.ground_truth import (
    AnswerColumns,
    LabelledAnswers,
    beside_labels,
    merge,
    read_texts,
)
from ratchet.monitoring.job import CAPTURE, AnalysisRequest, InvalidSettingError

log = logging.getLogger("ratchet.monitoring")


def dataset_of(job: AnalysisRequest, types: Mapping[str, str]) -> ParquetDataset | TableDataset:
    """The rows; `types` are those of the baseline's features, in its order."""
    paths = files_below(job.dataset_source)
    names, texts = list(types), [name for name, kind in types.items() if kind == STRING]
    if (form := job.dataset_format.get("csv")) is not None:
        return read_csv(paths, header=_flag(form.get("header", True)), texts=texts)
    if (form := job.dataset_format.get("json")) is not None:
        lines = _flag(form.get("lines", form.get("line", True)))
        return read_json(paths, lines=lines, names=names)
    if "parquet" in job.dataset_format:
        return read_parquet(paths)
    sides = job.dataset_format[CAPTURE].get("captureIndexNames", list(SIDES))
    return captured_dataset(
        paths, sides=sides, names=names, texts=texts, start=job.start_time, end=job.end_time
    )


def labelled(job: AnalysisRequest, columns: AnswerColumns) -> LabelledAnswers:
    """Labels and answers of a dataset that holds both, or of captured answers and ground truth."""
    if CAPTURE in job.dataset_format:
        if job.ground_truth_source is None:
            message = "model quality of captured answers needs --ground-truth-source"
            raise InvalidSettingError(message)
        records = read_records(files_below(job.dataset_source), sides=[OUTPUT])
        truth = read_records(
            files_below(job.ground_truth_source), sides=[GROUND_TRUTH], metadata=["eventId"]
        )
        return merge(records.between(job.start_time, job.end_time), truth, columns)
    if (form := job.dataset_format.get("csv")) is not None:
        header = _flag(form.get("header", True))
        dataset = read_texts(files_below(job.dataset_source), header=header)
    else:
        whole = dataset_of(job, {})
        dataset = TableDataset(pa.table({n: whole.column(n) for n in whole.names}))
    return beside_labels(dataset, label=job.ground_truth_attribute, columns=columns)


def _flag(value: Any) -> bool:
    return str(value).lower() == "true"
