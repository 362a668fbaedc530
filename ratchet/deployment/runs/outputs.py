"""The outputs of a run's steps: their names, where they are in S3, and their files.

The description of a step's job says where its outputs are. A step that took its result from an
earlier run names the job that once did the work, so its outputs are that job's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from ratchet.definition.resources import PROCESSING_JOB, TRAINING_JOB, TRANSFORM_JOB
from ratchet.deployment.errors import DeploymentError, UnknownNameError, nearest
from ratchet.deployment.runs.executions import RunState, RunStep
from ratchet.deployment.target.environment import Target
from ratchet.loop.answers import says_missing

MODEL, DATA, ANSWERS = "model", "data", "answers"
"""Outputs of training and transform jobs, which SageMaker gives no names: the model, what the
script left in /opt/ml/output/data, and the answers of a batch transform."""


@dataclass(frozen=True, kw_only=True)
class StepOutput:
    """One output of a step."""

    step: str
    name: str
    uri: str
    """`s3://…`: a file, or what the keys of its files begin with."""


@dataclass(frozen=True, kw_only=True)
class OutputFile:
    """One file of an output."""

    bucket: str
    key: str
    path: str
    """Below the output, with slashes."""
    size: int
    """Bytes."""
    etag: str
    """Of S3: another content has another."""

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True, kw_only=True)
class FilledOutput:
    """An output that has files."""

    output: StepOutput
    files: tuple[OutputFile, ...]
    """Sorted by path."""

    @property
    def size(self) -> int:
        """Bytes of all the files."""
        return sum(file.size for file in self.files)


def outputs(target: Target, state: RunState) -> list[StepOutput]:
    """The outputs of every step that the run has reached, in the order of its plan."""
    steps = (state.step(planned.name) for planned in state.plan)
    return [output for step in steps if step for output in of_step(target, step)]


def named(
    target: Target, state: RunState, step: str, output: str | None = None
) -> list[StepOutput]:
    """One output of a step, or all of them.

    Raises:
        UnknownNameError: the run has no such step, or the step no such output.
        DeploymentError: the run has not reached the step, or the step has no outputs.
    """
    run = f"run {state.run.id}"
    names = [planned.name for planned in state.plan]
    if step not in names:
        raise UnknownNameError(
            f"{run} has no step {step!r}{nearest(step, names)} It has: {', '.join(names)}"
        )
    reached = state.step(step)
    if reached is None:
        raise DeploymentError(
            f"{run} has not reached the step {step}, so there is no output of it: "
            f"{target.command(f'show {state.run.id}')}"
        )
    every = of_step(target, reached)
    if not every:
        having = list(dict.fromkeys(each.step for each in outputs(target, state)))
        raise DeploymentError(
            f"the step {step} of {run} has no outputs in S3. Steps that have: "
            f"{', '.join(having) or 'none'}"
        )
    if output is None:
        return every
    chosen = [each for each in every if each.name == output]
    if not chosen:
        listed = [each.name for each in every]
        raise UnknownNameError(
            f"the step {step} of {run} has no output {output!r}{nearest(output, listed)} "
            f"It has: {', '.join(listed)}"
        )
    return chosen


def of_step(target: Target, step: RunStep) -> list[StepOutput]:
    """The outputs of a step that the run has reached; none of one whose job leaves no files."""
    uris = job_outputs(job_of(target, step))
    return [StepOutput(step=step.name, name=name, uri=uri) for name, uri in uris.items()]


def job_of(target: Target, step: RunStep) -> Mapping[str, Any]:
    """What Describe answers of the step's job; empty when it leaves no files, or is gone."""
    from botocore.exceptions import ClientError

    kind, name = step.job or (None, "")
    if kind not in (PROCESSING_JOB, TRAINING_JOB, TRANSFORM_JOB):
        return {}
    sagemaker = target.client("sagemaker")
    describe = {
        PROCESSING_JOB: lambda: sagemaker.describe_processing_job(ProcessingJobName=name),
        TRAINING_JOB: lambda: sagemaker.describe_training_job(TrainingJobName=name),
        TRANSFORM_JOB: lambda: sagemaker.describe_transform_job(TransformJobName=name),
    }
    try:
        answer: Mapping[str, Any] = describe[kind]()
    except ClientError as problem:
        if says_missing(problem):
            return {}
        raise
    return answer


def job_outputs(job: Mapping[str, Any]) -> dict[str, str]:
    """Output → S3 URI, of what DescribeProcessingJob, DescribeTrainingJob or DescribeTransformJob
    answers."""
    uris = {
        output["OutputName"]: output["S3Output"]["S3Uri"]
        for output in job.get("ProcessingOutputConfig", {}).get("Outputs", ())
        if "S3Output" in output
    }
    if model := job.get("ModelArtifacts", {}).get("S3ModelArtifacts"):
        folder, _, name = model.rstrip("/").rpartition("/")
        packed = name.endswith(".tar.gz")
        uris |= {MODEL: model, DATA: f"{folder}/{'output.tar.gz' if packed else 'data'}"}
    if answers := job.get("TransformOutput", {}).get("S3OutputPath"):
        uris[ANSWERS] = answers
    return uris


def files(target: Target, output: StepOutput) -> list[OutputFile]:
    """The files of an output, sorted by path; none when it left none, or they were removed.

    Raises:
        DeploymentError: a key cannot be the path of a file.
    """
    parts = urlsplit(output.uri)
    bucket, prefix = parts.netloc, parts.path.strip("/")
    pages = (
        target.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    )
    listed = (item for page in pages for item in page.get("Contents", ()))
    return sorted(_files(listed, bucket, prefix), key=lambda file: file.path)


def _files(listed: Iterator[Mapping[str, Any]], bucket: str, prefix: str) -> Iterator[OutputFile]:
    for item in listed:
        key = item["Key"]
        if key == prefix:
            path = key.rpartition("/")[2]
        elif key.startswith(f"{prefix}/") or not prefix:
            path = key.removeprefix(prefix).lstrip("/")
        else:  # of another output, whose name begins as this one's
            continue
        if not path or path.endswith("/"):  # what the console makes to show a folder
            continue
        if ".." in PurePosixPath(path).parts:
            raise DeploymentError(f"s3://{bucket}/{key} leads out of its folder: it has `..` in it")
        yield OutputFile(
            bucket=bucket, key=key, path=path, size=item["Size"], etag=item["ETag"].strip('"')
        )


def filled(target: Target, listed: Sequence[StepOutput]) -> list[FilledOutput]:
    """Those of these outputs that hold any file."""
    every = (FilledOutput(output=output, files=tuple(files(target, output))) for output in listed)
    return [output for output in every if output.files]


def chosen(
    target: Target, state: RunState, step: str, output: str | None = None
) -> list[FilledOutput]:
    """One output of a step with its files, or all that have any.

    Raises:
        UnknownNameError: the run has no such step, or the step no such output.
        DeploymentError: there is nothing in it.
    """
    listed = named(target, state, step, output)
    full = filled(target, listed)
    if not full:
        uris = " and ".join(each.uri for each in listed)
        raise DeploymentError(
            f"the step {step} of run {state.run.id} left nothing in {uris}, or it was removed "
            f"since. What the step wrote: {target.command(f'logs {state.run.id} {step}')}"
        )
    return full


def digest(listed: Sequence[OutputFile]) -> str:
    """Names the content of an output: SHA-256 of its files' paths, sizes and ETags. The same
    content in another place has the same, where S3's ETag is the digest of the content."""
    lines = (f"{file.path}\t{file.size}\t{file.etag}\n" for file in listed)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
