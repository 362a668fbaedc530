"""The results of a run: the JSON reports of its steps, and the model that it registered."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from ratchet.deployment.registry.versions import ModelVersion, described_version
from ratchet.deployment.runs.executions import Run, RunState, read
from ratchet.deployment.runs.gate import Gate, Reports, gates
from ratchet.deployment.runs.outputs import DATA, job_outputs, of_step
from ratchet.deployment.target.environment import Target
from ratchet.loop import names
from ratchet.loop.evaluations import as_of_now
from ratchet.loop.notebook_jobs import is_notebook_job

CHAMPION_STEP = "champion"
"""The step that says which versions there are."""


@dataclass(frozen=True, kw_only=True)
class Findings:
    reports: Reports
    gates: tuple[Gate, ...]
    models: tuple[ModelVersion, ...]
    notebooks: Mapping[str, str] = field(default_factory=dict)
    """Step → URI of the archive with its executed notebook."""


def findings(target: Target, state: RunState) -> Findings:
    """Reads the reports, decides what the gates saw, and describes the registered models."""
    reports = _reports(target, state)
    return Findings(
        reports=reports,
        gates=tuple(gates(state, reports)),
        models=tuple(_models(target, state)),
        notebooks=dict(_notebooks(target, state)),
    )


def outcome_of(target: Target, run: Run) -> RunState:
    """The run's state; of one that made no new model with the version that its candidate is."""
    state = read(target, run)
    return with_copy(state, _reports(target, state)) if state.no_new_model else state


def with_copy(state: RunState, reports: Reports) -> RunState:
    if not state.no_new_model:
        return state
    candidate = evaluation(reports).get("candidate") or {}
    outputs = step.metadata.outputs if (step := state.step(CHAMPION_STEP)) else {}
    versions = {
        names.THE_CHAMPION: outputs.get("version"),
        names.REGISTERED: outputs.get("newest_version"),
    }
    version = versions.get(str(candidate.get("status")))
    return replace(state, copy_of="" if version in (None, names.NONE) else str(version))


def evaluation(reports: Reports) -> Mapping[str, Any]:
    """The report that compares a candidate with the champion; empty when there is none."""
    comparing = (
        report
        for report in reports.values()
        if isinstance(report, Mapping) and {"candidate", "champion"} <= report.keys()
    )
    return next(map(as_of_now, comparing), {})


def _reports(target: Target, state: RunState) -> dict[tuple[str, str], Any]:
    reports: dict[tuple[str, str], Any] = {}
    for planned in state.plan:
        step = state.step(planned.name)
        if not planned.reports or step is None or step.status != "Succeeded" or not step.job:
            continue
        job = target.client("sagemaker").describe_processing_job(ProcessingJobName=step.job[1])
        uris = job_outputs(job)
        for report in planned.reports:
            if report.output in uris:
                content = document(target, f"{uris[report.output].rstrip('/')}/{report.path}")
                if content is not None:
                    reports[planned.name, report.name] = content
    return reports


def _notebooks(target: Target, state: RunState) -> Iterator[tuple[str, str]]:
    """Of the steps that ran a notebook to its end, or to the cell that failed."""
    for planned in state.plan:
        step = state.step(planned.name)
        if is_notebook_job(planned.arguments) and step is not None and step.ended:
            uris = {output.name: output.uri for output in of_step(target, step)}
            if DATA in uris:
                yield planned.name, uris[DATA]


def document(target: Target, uri: str) -> Any:
    """The document at an S3 URI; None when a lifecycle rule has removed it, or it is no JSON."""
    s3 = target.client("s3")
    parts = urlsplit(uri)
    try:
        body = s3.get_object(Bucket=parts.netloc, Key=parts.path.lstrip("/"))["Body"].read()
        return json.loads(body)
    except (s3.exceptions.NoSuchKey, ValueError):
        return None


def _models(target: Target, state: RunState) -> Iterator[ModelVersion]:
    """The versions that the run registered and that are still there."""
    for step in state.steps:
        arn = step.metadata.model_package_arn
        if arn and (version := described_version(target, arn)):
            yield version
