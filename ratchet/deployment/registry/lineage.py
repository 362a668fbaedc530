"""Where a model version comes from: the run that registered it, its code, data and comparison.

SageMaker's own lineage goes by URI and not by content, so this goes by what the version says of
itself: MetadataProperties.GeneratedBy leads to the run, and its customer metadata holds the digests
of the code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ratchet.definition.resources import PROCESSING_JOB, TRAINING_JOB
from ratchet.deployment.registry import versions as registry
from ratchet.deployment.registry.versions import ModelVersion
from ratchet.deployment.runs import executions as runs
from ratchet.deployment.runs.executions import Run, RunState
from ratchet.deployment.runs.outputs import DATA, job_outputs
from ratchet.deployment.runs.reports import document, evaluation, findings
from ratchet.deployment.target.environment import Target
from ratchet.loop import names
from ratchet.loop.answers import says_missing
from ratchet.loop.evaluations import as_of_now
from ratchet.loop.notebook_jobs import code_uri, is_notebook_job
from ratchet.loop.packages import MANIFEST_KEY
from ratchet.loop.versions import number_of

CODE_INPUT = "code"
_OF_THE_PLATFORM = ("sagemaker_", "_")
"""Hyperparameters that begin so are the platform's; the rest are the model's."""


@dataclass(frozen=True, kw_only=True)
class StepCode:
    """The code that a step ran."""

    step: str
    digest: str
    uri: str


@dataclass(frozen=True, kw_only=True)
class Data:
    """What a run read."""

    manifest: str
    bucket: str = ""
    keys: tuple[str, ...] = ()
    """Empty when the manifest is gone."""


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """A version and everything that it was made of. Deleted parts are empty."""

    version: ModelVersion
    run: RunState | None = None
    code: tuple[StepCode, ...] = ()
    data: Data | None = None
    hyperparameters: Mapping[str, str] = field(default_factory=dict)
    training_image: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """The training job's own."""
    evaluation: Mapping[str, Any] = field(default_factory=dict)
    notebooks: Mapping[str, str] = field(default_factory=dict)
    """Step → URI of the archive with its executed notebook."""
    champion: ModelVersion | None = None
    """The version that it was compared with."""
    champion_number: int | None = None


def trace(target: Target, version: ModelVersion) -> Lineage:
    """Traces a version back to its run, code and data."""
    state = _run(target, version)
    jobs = dict(_jobs(target, state)) if state else {}
    notebooks = {step: job for step, job in jobs.items() if is_notebook_job(job)}
    trainings = [job for job in jobs.values() if "TrainingJobName" in job]
    # A notebook is the training only where nothing else is.
    training = min(trainings, key=is_notebook_job, default={})
    named = version.metadata.get("evaluation", "")
    scores = evaluation(findings(target, state).reports) if state else {}
    if not scores and named:
        report = document(target, named)
        scores = as_of_now(report) if report else {}
    champion_arn = version.metadata.get("champion", "")
    number = number_of(champion_arn)
    return Lineage(
        version=version,
        run=state,
        code=tuple(_code(version, jobs)),
        data=_data(target, version, state),
        hyperparameters={
            name: value.strip('"')
            for name, value in training.get("HyperParameters", {}).items()
            if not name.startswith(_OF_THE_PLATFORM)
        },
        training_image=training.get("AlgorithmSpecification", {}).get("TrainingImage", ""),
        metrics={
            metric["MetricName"]: metric["Value"]
            for metric in training.get("FinalMetricDataList", ())
        },
        evaluation=scores,
        notebooks={step: job_outputs(job)[DATA] for step, job in notebooks.items()},
        champion=registry.described_version(target, champion_arn) if number else None,
        champion_number=number,
    )


def _run(target: Target, version: ModelVersion) -> RunState | None:
    from botocore.exceptions import ClientError

    arn = version.run_arn
    if ":pipeline/" not in arn:
        return None
    name = arn.split(":pipeline/", 1)[1].split("/", 1)[0]
    sagemaker = target.client("sagemaker")
    try:
        now = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        run = Run(
            arn=arn,
            pipeline=name,
            name=now.get("PipelineExecutionDisplayName") or arn.rsplit("/", 1)[-1],
            status=now["PipelineExecutionStatus"],
            started=now["CreationTime"],
        )
        return runs.read(target, run)
    except ClientError as answer:
        if says_missing(answer):
            return None
        raise


def _jobs(target: Target, state: RunState) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Step → its job's description. A cached step names the job that once did the work."""
    from botocore.exceptions import ClientError

    sagemaker = target.client("sagemaker")
    for step in state.steps:
        if not step.job:
            continue
        job, name = step.job
        try:
            if job is TRAINING_JOB:
                yield step.name, sagemaker.describe_training_job(TrainingJobName=name)
            elif job is PROCESSING_JOB:
                yield step.name, sagemaker.describe_processing_job(ProcessingJobName=name)
        except ClientError as answer:
            if not says_missing(answer):
                raise


def _code(version: ModelVersion, jobs: Mapping[str, Mapping[str, Any]]) -> Iterator[StepCode]:
    for name, digest in version.metadata.items():
        if name.startswith("code-"):
            step = name.removeprefix("code-")
            yield StepCode(step=step, digest=digest, uri=_bundle_uri(jobs.get(step, {})))


def _bundle_uri(job: Mapping[str, Any]) -> str:
    submitted = str(job.get("HyperParameters", {}).get("sagemaker_submit_directory", ""))
    if submitted:
        return submitted.strip('"')
    if is_notebook_job(job):
        return code_uri(job)
    inputs = job.get("ProcessingInputs", ())
    return next(
        (str(i["S3Input"]["S3Uri"]) for i in inputs if i.get("InputName") == CODE_INPUT), ""
    )


def _data(target: Target, version: ModelVersion, state: RunState | None) -> Data | None:
    parameters = state.parameters if state else {}
    manifest = version.metadata.get(MANIFEST_KEY) or parameters.get(names.DATA_PARAMETER, "")
    if not manifest:
        return None
    content = document(target, manifest)
    if not isinstance(content, list) or not content or "prefix" not in content[0]:
        return Data(manifest=manifest)
    return Data(manifest=manifest, bucket=content[0]["prefix"], keys=tuple(content[1:]))
