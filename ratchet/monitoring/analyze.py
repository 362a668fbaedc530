"""The step script: a baseline of a dataset, or a comparison of a dataset with its baseline.

It follows Model Monitor's container contract, so that one script serves a monitoring schedule, a
processing step of a pipeline and a laptop. What an argument does not say, the environment does:
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-contract-inputs.html

Without a baseline   writes statistics.json, constraints.json and baseline.json (their digest); of
                     model quality model_quality.json, too (see quality_baseline.py)
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
from dataclasses import replace
from pathlib import Path

if __package__ in (None, ""):  # run as a file: the root that holds `ratchet` is two folders up
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from ratchet.judging.answers import MOST_REFUSED, RefusedError
from ratchet.loop.problems import BINARY, MULTICLASS
from ratchet.monitoring import cloudwatch, quality_baseline
from ratchet.monitoring.baseline import Baseline, InvalidBaselineError
from ratchet.monitoring.comparison import DatasetComparison, compare
from ratchet.monitoring.constraints import InvalidConstraintsError, suggest
from ratchet.monitoring.datasets import UnreadableDatasetError
from ratchet.monitoring.ground_truth import AnswerColumns
from ratchet.monitoring.inputs import dataset_of, labelled
from ratchet.monitoring.job import (
    CAPTURE,
    MODEL_QUALITY,
    PROBLEM_TYPES,
    AnalysisRequest,
    InvalidSettingError,
    parse_arguments,
    read_job,
)
from ratchet.monitoring.model_quality import QualityComparison, compare_quality
from ratchet.monitoring.outputs import (
    ANALYSIS,
    CONSTRAINTS,
    STATISTICS,
    VIOLATIONS,
    sha256,
    tell_platform,
    text_of,
    write_metrics,
    write_reports,
)
from ratchet.monitoring.profiles import profile
from ratchet.monitoring.quality_metrics import Quality, quality_of
from ratchet.monitoring.quality_rows import ProblemFacts, QualityRows, understood

log = logging.getLogger("ratchet.monitoring")

_MISTAKES = (
    InvalidSettingError,
    InvalidBaselineError,
    InvalidConstraintsError,
    RefusedError,
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
    write_reports(job.output_path, documents, is_baseline=comparison is None, beside=coverage)
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
    """As data_quality_job, for a model's answers and their labels."""
    if job.baseline_constraints is None:
        return _quality_baseline(job)
    baseline = quality_baseline.load(
        job.baseline_constraints, job.baseline_statistics, problem=job.problem
    )
    rows = understood(
        labelled(job, _columns(job, baseline.facts)), _with_settings(baseline.facts, job)
    )
    quality = quality_of(rows)
    _log_coverage(rows)
    comparison = compare_quality(
        quality, baseline, coverage=rows.coverage, minimum_rows=job.minimum_rows
    )
    documents = {
        STATISTICS: quality.statistics(),
        CONSTRAINTS: quality_baseline.suggested(quality, minimum_rows=job.minimum_rows),
        VIOLATIONS: comparison.violations_document(),
        ANALYSIS: {
            **comparison.document(),
            "problem": quality.problem,
            "labels": rows.coverage.document(),
        },
    }
    write_reports(job.output_path, documents, is_baseline=False)
    _publish_quality(job, quality, comparison)
    return f"{comparison.outcome}: {comparison.message}"


def _quality_baseline(job: AnalysisRequest) -> str:
    if job.problem is None:
        raise InvalidSettingError(
            "problem_type is not set; a baseline of model quality needs "
            f"--problem-type {', '.join(PROBLEM_TYPES)}"
        )
    facts = _with_settings(
        ProblemFacts(problem=job.problem, positive=job.positive, stated=job.classes), job
    )
    rows = understood(labelled(job, _columns(job, facts)), facts)
    coverage = rows.coverage
    _log_coverage(rows)
    if coverage.refused > MOST_REFUSED * coverage.total:
        raise UnreadableDatasetError(f"{job.dataset_source}: {coverage.message()}")
    if not coverage.rows:
        raise UnreadableDatasetError(f"no labelled rows in {job.dataset_source}; expected some")
    quality = quality_of(rows)
    facts = replace(facts, seen=rows.answers.classes or rows.labels.classes)
    constraints = quality_baseline.suggested(quality, minimum_rows=job.minimum_rows)
    ours = quality_baseline.document(quality, facts, constraints)
    documents = {
        STATISTICS: quality.statistics(),
        CONSTRAINTS: constraints,
        quality_baseline.FILE: ours,
    }
    beside = {
        quality_baseline.DIGEST: sha256(text_of(ours)),
        "labels": coverage.document(),
    }
    write_reports(job.output_path, documents, is_baseline=True, beside=beside)
    _publish_quality(job, quality, None)
    few = ""
    if quality.rows < job.minimum_rows:
        few = f" That is fewer than {job.minimum_rows}: nothing will be compared with it."
    refused = f" {coverage.message()}." if coverage.refused else ""
    return f"Completed: model quality baseline of {quality.rows} predictions.{few}{refused}"


def _publish_quality(
    job: AnalysisRequest, quality: Quality, comparison: QualityComparison | None
) -> None:
    if not job.publish:
        return
    metrics = cloudwatch.model_quality_metrics(
        quality,
        comparison,
        endpoint=job.endpoint,
        schedule=job.schedule,
        timestamp=job.timestamp,
    )
    write_metrics(job.output_path, job.container, metrics)


def _log_coverage(rows: QualityRows) -> None:
    log.info("labels: %s", json.dumps(rows.coverage.document()))


def _columns(job: AnalysisRequest, facts: ProblemFacts) -> AnswerColumns:
    """Where answers are. An endpoint's answer is its first column, unless settings say more."""
    columns = job.columns
    if facts.problem == MULTICLASS and columns.probability and not columns.prediction:
        return replace(columns, likeliest=True)
    if columns.parts or CAPTURE not in job.dataset_format:
        return columns
    first = "0"
    if facts.problem == BINARY:
        return AnswerColumns(probability=first)
    return AnswerColumns(prediction=first)


def _with_settings(facts: ProblemFacts, job: AnalysisRequest) -> ProblemFacts:
    """What the job itself says goes before what the baseline says."""
    if job.positive and facts.problem != BINARY:
        raise InvalidSettingError(f"positive_class is of a binary problem, not {facts.problem}")
    if job.classes and facts.problem != MULTICLASS:
        raise InvalidSettingError(f"classes are of a multiclass problem, not {facts.problem}")
    if job.probability_threshold is None:
        return facts
    return replace(facts, threshold=job.probability_threshold)


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
