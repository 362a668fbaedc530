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

import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

if __package__ in (None, ""):  # run as a file: the root that holds `ratchet` is two folders up
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from ratchet.monitoring import cloudwatch, model_quality
from ratchet.monitoring.baseline import Baseline, InvalidBaselineError, read_document
from ratchet.monitoring.comparison import DatasetComparison, compare
from ratchet.monitoring.constraints import InvalidConstraintsError, suggest
from ratchet.monitoring.datasets import UnreadableDatasetError
from ratchet.monitoring.inputs import dataset_of, labelled
from ratchet.monitoring.job import (
    MODEL_QUALITY,
    AnalysisRequest,
    InvalidSettingError,
    parse_arguments,
    read_job,
)
from ratchet.monitoring.outputs import (
    ANALYSIS,
    CONSTRAINTS,
    STATISTICS,
    VIOLATIONS,
    tell_platform,
    write_metrics,
    write_reports,
)
from ratchet.monitoring.profiles import profile

log = logging.getLogger("ratchet.monitoring")

_MISTAKES = (
    InvalidSettingError,
    InvalidBaselineError,
    InvalidConstraintsError,
    UnreadableDatasetError,
)


def main(arguments: Sequence[str] | None = None) -> int:
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
    settings = parse_arguments(arguments)
    try:
        job = read_job(settings, os.environ)
        run = model_quality_job if job.analysis_type == MODEL_QUALITY else data_quality_job
        outcome, status = run(job), 0
    except _MISTAKES as error:
        outcome, status = f"Failed: {error}", 1
    log.info(outcome)
    tell_platform(settings["container"], "message", outcome)
    return status


def data_quality_job(job: AnalysisRequest) -> str:
    """Run the job and return its outcome: "Completed: …", "CompletedWithViolations: …", …"""
    baseline = _baseline(job)
    types = baseline.types if baseline else {}
    dataset = dataset_of(job, types)
    current = profile(dataset, expected=types, exclude=job.exclude)
    log.info("%s rows, %s features", current.rows, len(current.features))
    coverage = {
        "unreadable": dataset.unreadable,
        "unreadable_values": {f.name: f.mistyped for f in current.features if f.mistyped},
    }
    if any(coverage.values()):
        log.info("could not be read and left out: %s", json.dumps(coverage))
    documents = {
        STATISTICS: current.statistics(),
        CONSTRAINTS: suggest(
            current, threshold=job.comparison_threshold, domain_threshold=job.domain_threshold
        ),
    }
    comparison: DatasetComparison | None = None
    if baseline is not None:
        expected = baseline.without(job.exclude)
        comparison = compare(current, expected, minimum_rows=job.minimum_rows)
        documents[VIOLATIONS] = comparison.violations_document()
        documents[ANALYSIS] = {**comparison.document(), **coverage}
    elif not current.rows:
        raise UnreadableDatasetError(f"no rows in {job.dataset_source}; a baseline needs some")
    write_reports(job.output_path, documents, is_baseline=comparison is None, coverage=coverage)
    if job.publish:
        write_metrics(
            job.output_path,
            job.container,
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


def model_quality_job(job: AnalysisRequest) -> str:
    """As data_quality_job, for a classifier's answers and their labels."""
    labels, scores = labelled(job)
    quality = model_quality.binary_quality(labels, scores, threshold=job.probability_threshold)
    documents = {
        STATISTICS: quality.statistics(),
        CONSTRAINTS: model_quality.suggest_quality(quality),
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
        documents[VIOLATIONS] = comparison.violations_document()
        documents[ANALYSIS] = comparison.document()
    elif not quality.rows:
        raise UnreadableDatasetError(f"no labelled rows in {job.dataset_source}; expected some")
    write_reports(job.output_path, documents, is_baseline=comparison is None)
    if job.publish:
        write_metrics(
            job.output_path,
            job.container,
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


def _baseline(job: AnalysisRequest) -> Baseline | None:
    if job.baseline_statistics is None and job.baseline_constraints is None:
        return None
    if job.baseline_statistics is None or job.baseline_constraints is None:
        present, lacking = "baseline_statistics", "baseline_constraints"
        if job.baseline_statistics is None:
            present, lacking = lacking, present
        raise InvalidSettingError(f"{present} is set and {lacking} is not; a comparison needs both")
    return Baseline.load(statistics=job.baseline_statistics, constraints=job.baseline_constraints)


if __name__ == "__main__":
    sys.exit(main())
