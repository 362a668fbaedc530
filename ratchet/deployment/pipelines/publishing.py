"""Deployed pipelines: what runs, the code that a source's definition names, and starting a run."""

from __future__ import annotations

import json
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ratchet.deployment import objects
from ratchet.deployment.errors import NotDeployedError
from ratchet.deployment.pipelines.stand_ins import hand_over
from ratchet.deployment.runs.executions import Run
from ratchet.deployment.target.environment import Target

if TYPE_CHECKING:
    from ratchet.authoring import Context
    from ratchet.pipelines.registry import CompiledPipeline


@dataclass(frozen=True, kw_only=True)
class DeployedPipeline:
    name: str
    role_arn: str
    definition: str
    """JSON."""
    changed: datetime | None = None

    def runs(self, definition: str) -> bool:
        """Whether this definition, as JSON, is what it runs."""
        return bool(json.loads(self.definition) == json.loads(definition))


def deployed_pipeline(target: Target, name: str) -> DeployedPipeline:
    """The pipeline of this full name as it is deployed.

    Raises:
        NotDeployedError: it is not.
    """
    sagemaker = target.client("sagemaker")
    try:
        answer = sagemaker.describe_pipeline(PipelineName=name)
    except sagemaker.exceptions.ResourceNotFound:
        raise NotDeployedError(
            f"pipeline {name} is not deployed yet: run `{target.command('deploy')}`"
        ) from None
    return DeployedPipeline(
        name=name,
        role_arn=str(answer["RoleArn"]),
        definition=str(answer["PipelineDefinition"]),
        changed=answer.get("LastModifiedTime"),
    )


def upload(target: Target, pipeline: CompiledPipeline, context: Context) -> tuple[str, ...]:
    """Uploads the code that is not there yet, before anything names it.

    Returns:
        The names of the bundles and files that were sent.
    """
    uploads = tuple(_uploads(pipeline, context))
    target.client("s3")  # made here once: making clients is not safe in threads, using them is
    with ThreadPoolExecutor(max_workers=8) as pool:
        sent = pool.map(lambda upload: _upload(target, upload), uploads)
        return tuple(u.name for u, was_sent in zip(uploads, sent, strict=True) if was_sent)


@dataclass(frozen=True, kw_only=True)
class _Upload:
    name: str
    uri: str
    write: Callable[[Path], object]


def _uploads(pipeline: CompiledPipeline, context: Context) -> Iterator[_Upload]:
    from ratchet.imported import ImportedPipeline

    if isinstance(pipeline, ImportedPipeline):
        for file in pipeline.code:
            uri = f"{context.code_uri}/{file.key}"
            yield _Upload(name=file.name, uri=uri, write=file.write)
        return
    for bundle in pipeline.bundles:
        uri = context.bundle_uri(bundle)
        if bundle.is_folder:
            for file in bundle.code_files:
                yield _Upload(name=file.name, uri=f"{uri}{file.path}", write=file.write)
        else:
            yield _Upload(name=bundle.name, uri=uri, write=bundle.write_tar_gz)


def _upload(target: Target, upload: _Upload) -> bool:
    s3 = target.client("s3")
    bucket, _, key = upload.uri.removeprefix("s3://").partition("/")
    if objects.describe(s3, bucket, key) is not None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "code"
        upload.write(file)
        s3.upload_file(str(file), bucket, key)
    return True


def start(
    target: Target,
    *,
    name: str,
    parameters: Mapping[str, str],
    display_name: str,
    description: str,
    version: int | None = None,
    stand_ins: Mapping[str, Any] | None = None,
    selection: Mapping[str, Any] | None = None,
) -> Run:
    """Starts a run and returns it as it was at that moment.

    `version`: of the pipeline; None: its newest.
    """
    token = uuid.uuid4().hex  # boto3's retries of this one call share it
    if stand_ins:
        hand_over(target, token=token, stand_ins=stand_ins)
    sagemaker = target.client("sagemaker")
    arn = sagemaker.start_pipeline_execution(
        PipelineName=name,
        PipelineExecutionDisplayName=display_name,
        PipelineExecutionDescription=description,
        PipelineParameters=[{"Name": n, "Value": v} for n, v in parameters.items()],
        ClientRequestToken=token,
        **({"SelectiveExecutionConfig": selection} if selection else {}),
        **({"PipelineVersionId": version} if version is not None else {}),
    )["PipelineExecutionArn"]
    now = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
    return Run(
        arn=arn,
        pipeline=name,
        name=display_name,
        status=now["PipelineExecutionStatus"],
        started=now["CreationTime"],
        description=description,
    )


def declared_parameters(definition: str) -> list[dict[str, Any]]:
    """The parameters that a definition declares."""
    return list(json.loads(definition).get("Parameters", ()))
