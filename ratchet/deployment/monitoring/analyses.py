"""Drift analyses: the newest one of either engine, and its results.

Both engines end in a processing job that wrote Model Monitor's files: a monitoring schedule's
execution, or the `analyze` step of a run of the monitoring pipeline.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ratchet.deployment.runs import executions as runs
from ratchet.deployment.runs.executions import Run, RunStep
from ratchet.deployment.runs.reports import document
from ratchet.deployment.target.environment import Target
from ratchet.loop import folders, names
from ratchet.loop.answers import says_missing
from ratchet.loop.facts import ServingFacts

ANALYZE_STEP = "analyze"
_LOOKED_AT = 20
"""Of the newest runs and executions: the first with an analysis is shown."""


@dataclass(frozen=True, kw_only=True)
class AnalysisViolation:
    feature: str
    check: str
    description: str


@dataclass(frozen=True, kw_only=True)
class Distance:
    """How far a feature has moved, and how far it may."""

    feature: str
    method: str
    distance: float
    threshold: float
    exceeds: bool


@dataclass(frozen=True, kw_only=True)
class AnalysisSource:
    """The location of an analysis."""

    job: str
    engine: str
    started: datetime
    status: str
    failure: str = ""


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """One comparison of captured traffic with a baseline."""

    source: AnalysisSource
    outcome: str
    """Completed, CompletedWithViolations, TooFewRows, Failed, or InProgress."""
    message: str
    ended: datetime | None = None
    report_uri: str = ""
    baseline_uri: str = ""
    violations: tuple[AnalysisViolation, ...] = ()
    distances: tuple[Distance, ...] = ()
    """Of every compared feature, the farthest first. Only our analyzer tells them."""
    rows: int | None = None
    statistics: Mapping[str, Any] = field(default_factory=dict)
    baseline: Mapping[str, Any] = field(default_factory=dict)

    @property
    def drifted(self) -> list[str]:
        """The features whose distribution moved too far, the farthest first."""
        named = [v.feature for v in self.violations if v.check == "baseline_drift_check"]
        order = {distance.feature: place for place, distance in enumerate(self.distances)}
        return sorted(named, key=lambda feature: order.get(feature, len(order)))


def sources(target: Target, serving: ServingFacts) -> list[AnalysisSource]:
    """The newest analyses of both engines, newest first, including those under way."""
    listed = [*_of_schedule(target, serving), *_of_pipeline(target, serving)]
    return sorted(listed, key=lambda source: source.started, reverse=True)


def _of_schedule(target: Target, serving: ServingFacts) -> Iterator[AnalysisSource]:
    from botocore.exceptions import ClientError

    if not serving.monitor_schedule:
        return
    try:
        answer = target.client("sagemaker").list_monitoring_executions(
            MonitoringScheduleName=serving.monitor_schedule,
            SortBy="CreationTime",
            SortOrder="Descending",
            MaxResults=_LOOKED_AT,
        )
    except ClientError as problem:
        if says_missing(problem):
            return
        raise
    for execution in answer["MonitoringExecutionSummaries"]:
        yield AnalysisSource(
            job=execution.get("ProcessingJobArn", "").rsplit("/", 1)[-1],
            engine=names.MODEL_MONITOR,
            started=execution["CreationTime"],
            status=execution["MonitoringExecutionStatus"],
            failure=execution.get("FailureReason", ""),
        )


def _of_pipeline(target: Target, serving: ServingFacts) -> Iterator[AnalysisSource]:
    sagemaker = target.client("sagemaker")
    if not serving.monitoring_pipeline:
        return
    for run in runs.listed(target, pipeline=serving.monitoring_pipeline, limit=_LOOKED_AT):
        steps = {step.name: step for step in runs.steps(sagemaker, run.arn)}
        step = steps.get(ANALYZE_STEP)
        if step and step.job:
            yield source_of(step, run)
            return


def source_of(step: RunStep, run: Run) -> AnalysisSource:
    """The analysis of a run of the monitoring pipeline."""
    return AnalysisSource(
        job=step.job[1] if step.job else "",
        engine=names.PIPELINE,
        started=step.started or run.started,
        status=step.status,
        failure=step.failure,
    )


def newest(target: Target, serving: ServingFacts) -> Analysis | None:
    """The newest analysis that has ended; if there is none, one under way; otherwise None."""
    started = [source for source in sources(target, serving) if source.job or source.failure]
    ended = [
        s for s in started if s.status not in ("Pending", "InProgress", "Starting", "Executing")
    ]
    chosen = next(iter(ended or started), None)
    return read(target, chosen) if chosen else None


def read(target: Target, source: AnalysisSource) -> Analysis:
    """The analysis with its reports."""
    if not source.job:
        return Analysis(source=source, outcome=source.status, message=source.failure)
    job = target.client("sagemaker").describe_processing_job(ProcessingJobName=source.job)
    outputs = job.get("ProcessingOutputConfig", {}).get("Outputs", ())
    report = next((o["S3Output"]["S3Uri"].rstrip("/") for o in outputs if "S3Output" in o), "")
    baseline = _baseline_uri(job)
    violations = document(target, f"{report}/{folders.CONSTRAINT_VIOLATIONS}") or {}
    details = document(target, f"{report}/{folders.ANALYSIS}") or {}
    message = str(details.get("message") or job.get("ExitMessage") or job.get("FailureReason", ""))
    return Analysis(
        source=source,
        outcome=_outcome(job, details, violations),
        message=message,
        ended=job.get("ProcessingEndTime"),
        report_uri=report,
        baseline_uri=baseline,
        violations=tuple(
            AnalysisViolation(
                feature=entry["feature_name"],
                check=entry["constraint_check_type"],
                description=entry["description"],
            )
            for entry in violations.get("violations", ())
        ),
        distances=tuple(
            Distance(
                feature=entry["feature_name"],
                method=entry["method"],
                distance=entry["distance"],
                threshold=entry["threshold"],
                exceeds=entry["exceeds"],
            )
            for entry in details.get("drift", ())
        ),
        rows=details.get("rows"),
        statistics=document(target, f"{report}/{folders.STATISTICS}") or {},
        baseline=(document(target, baseline) or {}) if baseline else {},
    )


def _outcome(
    job: Mapping[str, Any], details: Mapping[str, Any], violations: Mapping[str, Any]
) -> str:
    """The outcome that our analyzer reports; for Model Monitor's own container, derived from the
    violations."""
    status = str(job["ProcessingJobStatus"])
    if status != "Completed":
        return status
    if details.get("outcome"):
        return str(details["outcome"])
    return names.COMPLETED_WITH_VIOLATIONS if violations.get("violations") else names.COMPLETED


def _baseline_uri(job: Mapping[str, Any]) -> str:
    """The baseline's statistics.json among the job's inputs: the file itself, or its folder."""
    inputs = [(i["InputName"], i.get("S3Input", {})) for i in job.get("ProcessingInputs", ())]
    uris = {name: str(source.get("S3Uri", "")).rstrip("/") for name, source in inputs}
    files = [uri for uri in uris.values() if uri.endswith(f"/{folders.STATISTICS}")]
    in_folders = [
        f"{uri}/{folders.STATISTICS}" for name, uri in uris.items() if "baseline" in name and uri
    ]
    return next(iter([*files, *in_folders]), "")
