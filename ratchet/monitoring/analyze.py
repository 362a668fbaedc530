"""The step script: a baseline of a dataset, or a comparison of a dataset with its baseline.

It follows Model Monitor's container contract, so that one script serves a monitoring schedule, a
processing step of a pipeline and a laptop. What an argument does not say, the environment does:
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-contract-inputs.html

Without a baseline   writes statistics.json, constraints.json and baseline.json (their digest)
With a baseline      writes statistics.json, constraints.json, constraint_violations.json,
                     analysis.json (outcome, distances) and, when metrics are to be published,
                     cloudwatch_metrics.jsonl; and the outcome to /opt/ml/output/message
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

if __package__ in (None, ""):  # run as a file: the root that holds `ratchet` is two folders up
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from ratchet.monitoring import cloudwatch, model_quality
from ratchet.monitoring.capture import (
    GROUND_TRUTH,
    OUTPUT,
    SIDES,
    captured_dataset,
    read_records,
)
from ratchet.monitoring.comparison import (
    Baseline,
    Comparison,
    InvalidBaselineError,
    compare,
    read_document,
)
from ratchet.monitoring.constraints import InvalidConstraintsError, suggest
from ratchet.monitoring.datasets import (
    ParquetDataset,
    TableDataset,
    UnreadableDatasetError,
    files_below,
    read_csv,
    read_json,
    read_parquet,
)
from ratchet.monitoring.ground_truth import column_of, labels_of, merge
from ratchet.monitoring.job import (
    CAPTURE,
    MODEL_QUALITY,
    InvalidSettingError,
    Job,
    parse_arguments,
    read_job,
)
from ratchet.monitoring.profiles import STRING, profile
from ratchet.monitoring.sketch import Floats

log = logging.getLogger("ratchet.monitoring")

_MISTAKES = (
    InvalidSettingError,
    InvalidBaselineError,
    InvalidConstraintsError,
    UnreadableDatasetError,
)


def main(arguments: Sequence[str] | None = None) -> int:
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
    given = parse_arguments(arguments)
    try:
        job = read_job(given, os.environ)
        run = model_quality_job if job.analysis_type == MODEL_QUALITY else data_quality_job
        outcome, status = run(job), 0
    except _MISTAKES as error:
        outcome, status = f"Failed: {error}", 1
    log.info(outcome)
    _tell_platform(given["container"], "message", outcome)
    return status


def data_quality_job(job: Job) -> str:
    """Run the job and return its outcome: "Completed: …", "CompletedWithViolations: …", …"""
    baseline = _baseline(job)
    types = baseline.types if baseline else {}
    dataset = _dataset(job, types)
    current = profile(dataset, expected=types, exclude=job.exclude)
    log.info("%s rows, %s features", current.rows, len(current.features))
    coverage = {
        "unreadable": dataset.unreadable,
        "unreadable_values": {f.name: f.mistyped for f in current.features if f.mistyped},
    }
    if any(coverage.values()):
        log.info("could not be read and left out: %s", json.dumps(coverage))
    documents = {
        "statistics.json": current.statistics(),
        "constraints.json": suggest(
            current, threshold=job.comparison_threshold, domain_threshold=job.domain_threshold
        ),
    }
    comparison: Comparison | None = None
    if baseline is not None:
        expected = baseline.without(job.exclude)
        comparison = compare(current, expected, minimum_rows=job.minimum_rows)
        documents["constraint_violations.json"] = comparison.violations_document()
        documents["analysis.json"] = {**comparison.document(), **coverage}
    elif not current.rows:
        raise UnreadableDatasetError(f"no rows in {job.dataset_source}; a baseline needs some")
    _write(job, documents, is_baseline=comparison is None, coverage=coverage)
    if job.publish:
        _publish(
            job,
            cloudwatch.data_quality_metrics(
                current,
                comparison,
                baseline,
                endpoint=job.endpoint,
                schedule=job.schedule,
                timestamp=job.timestamp,
            ),
        )
    if comparison is None:
        return f"Completed: baseline of {current.rows} rows, {len(current.features)} features."
    return f"{comparison.outcome}: {comparison.message}"


def model_quality_job(job: Job) -> str:
    """As data_quality_job, for a classifier's answers and their labels."""
    labels, scores = _labelled(job)
    quality = model_quality.binary_quality(labels, scores, threshold=job.probability_threshold)
    documents = {
        "statistics.json": quality.statistics(),
        "constraints.json": model_quality.suggest_quality(quality),
    }
    comparison: model_quality.QualityComparison | None = None
    if job.baseline_constraints is not None:
        constraints = read_document(job.baseline_constraints, model_quality.CONSTRAINTS)
        statistics = None
        if job.baseline_statistics is not None:
            statistics = read_document(job.baseline_statistics, model_quality.METRICS)
        comparison = model_quality.compare_quality(
            quality, constraints, statistics=statistics, minimum_rows=job.minimum_rows
        )
        documents["constraint_violations.json"] = comparison.violations_document()
        documents["analysis.json"] = comparison.document()
    elif not quality.rows:
        raise UnreadableDatasetError(f"no labelled rows in {job.dataset_source}; expected some")
    _write(job, documents, is_baseline=comparison is None)
    if job.publish:
        _publish(
            job,
            cloudwatch.model_quality_metrics(
                quality,
                comparison,
                endpoint=job.endpoint,
                schedule=job.schedule,
                timestamp=job.timestamp,
            ),
        )
    if comparison is None:
        return f"Completed: model quality baseline of {quality.rows} predictions."
    return f"{comparison.outcome}: {comparison.message}"


def _baseline(job: Job) -> Baseline | None:
    if job.baseline_statistics is None and job.baseline_constraints is None:
        return None
    if job.baseline_statistics is None or job.baseline_constraints is None:
        given, lacking = "baseline_statistics", "baseline_constraints"
        if job.baseline_statistics is None:
            given, lacking = lacking, given
        raise InvalidSettingError(f"{given} is set and {lacking} is not; a comparison needs both")
    return Baseline.load(statistics=job.baseline_statistics, constraints=job.baseline_constraints)


def _dataset(job: Job, types: Mapping[str, str]) -> ParquetDataset | TableDataset:
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


def _labelled(job: Job) -> tuple[NDArray[np.bool_], Floats]:
    """Labels and scores of a dataset that holds both, or of captured answers and ground truth."""
    if CAPTURE in job.dataset_format:
        if job.ground_truth_source is None:
            message = "model quality of captured answers needs --ground-truth-source"
            raise InvalidSettingError(message)
        records = read_records(files_below(job.dataset_source), sides=[OUTPUT])
        truth = read_records(
            files_below(job.ground_truth_source), sides=[GROUND_TRUTH], metadata=["eventId"]
        )
        merged = merge(
            records.between(job.start_time, job.end_time),
            truth,
            probability=job.probability_attribute,
        )
        log.info("%s records have no label, %s no use", merged.unlabelled, merged.unreadable)
        return merged.labels, merged.scores
    dataset = _dataset(job, {})
    table = pa.table({name: dataset.column(name) for name in dataset.names})
    labels, known = labels_of(table, job.ground_truth_attribute)
    scores = column_of(table, job.probability_attribute)
    known &= np.isfinite(scores)
    return labels[known], scores[known]


def _flag(value: Any) -> bool:
    return str(value).lower() == "true"


def _write(
    job: Job,
    documents: Mapping[str, Any],
    *,
    is_baseline: bool,
    coverage: Mapping[str, Any] | None = None,
) -> None:
    texts = {name: json.dumps(document, allow_nan=False) for name, document in documents.items()}
    if is_baseline:  # `cat statistics.json constraints.json | sha256sum` gives the same digest
        digest = hashlib.sha256("".join(texts.values()).encode()).hexdigest()
        texts["baseline.json"] = json.dumps({"digest": digest, **(coverage or {})})
    for name, text in texts.items():
        _write_text(job.output_path / name, text)


def _publish(job: Job, metrics: Sequence[Mapping[str, Any]]) -> None:
    """One metric a line: for the platform, which reads its folder when the job of a schedule ends,
    and beside the reports, for whoever publishes them after a step of a pipeline."""
    lines = "".join(f"{json.dumps(metric, allow_nan=False)}\n" for metric in metrics)
    _write_text(job.output_path / "cloudwatch_metrics.jsonl", lines)
    _tell_platform(job.container, "metrics/cloudwatch/cloudwatch_metrics.jsonl", lines)


def _tell_platform(container: Path, name: str, text: str) -> None:
    """A file below /opt/ml/output; on a machine that has no such folder nobody would read it."""
    if container.is_dir():
        _write_text(container / "output" / name, text)


def _write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
