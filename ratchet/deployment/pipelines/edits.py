"""The pipelines in which edits run: each beside the deployed pipeline, which they leave alone.

One for each deployed pipeline, `<pipeline>-edits`, made by the first run of an edit. Every edit is
a version of it, and a run names its version, so two people who start at the same moment each run
their own. Why so: docs/decisions/0026-an-experiment-is-not-the-pipeline.md
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ratchet.deployment.errors import DeploymentError, NotDeployedError
from ratchet.deployment.pipelines.publishing import DeployedPipeline
from ratchet.deployment.registry import versions as registry
from ratchet.deployment.registry.versions import ModelVersion
from ratchet.deployment.target import facts
from ratchet.deployment.target.environment import Target
from ratchet.loop import names
from ratchet.loop.answers import says_missing
from ratchet.loop.packages import REJECTED
from ratchet.settings import tags
from ratchet.settings.schema import Settings

KEPT_DAYS = 30
"""After its last run. A cached result counts as long (the setting `cache_expire_after`), so
nothing that is reused goes with the pipeline."""
_RUNNING = frozenset({"Executing", "Stopping"})


@dataclass(frozen=True, kw_only=True)
class EditVersion:
    """A version of a pipeline in which edits run."""

    pipeline: str
    number: int
    first: bool
    """The pipeline was made for it, so nothing of it is cached."""


@dataclass(frozen=True, kw_only=True)
class EditPipeline:
    """A pipeline in which edits run."""

    name: str
    last_run: datetime
    """When its newest run started; when it was made, if it has none."""
    running: int
    orphan: bool
    """The pipeline whose edits they are is not deployed any more."""

    @property
    def edited(self) -> str:
        """The name of the deployed pipeline."""
        return names.edited_pipeline(self.name)

    @property
    def until(self) -> datetime:
        """When nothing of it is reused any more."""
        return self.last_run + timedelta(days=KEPT_DAYS)


# -- running an edit ---------------------------------------------------------------------------


def definition_of(definition: str, pipeline: str) -> str:
    """A definition as it runs beside the deployed pipeline.

    Steps write where the deployed pipeline's do, since the role of both may write there; their
    jobs' tag names the pipeline that ran them, so that costs tell the two apart.
    """
    return json.dumps(_rewritten(json.loads(definition), pipeline), separators=(",", ":"))


def _rewritten(value: Any, pipeline: str) -> Any:
    match value:
        case {"Get": "Execution.PipelineName"} if len(value) == 1:
            return pipeline
        case {"Key": tags.PIPELINE, "Value": str()} if len(value) == 2:
            return {"Key": tags.PIPELINE, "Value": names.edits_of(pipeline)}
        case dict():
            return {key: _rewritten(item, pipeline) for key, item in value.items()}
        case list():
            return [_rewritten(item, pipeline) for item in value]
    return value


def bring(target: Target, deployed: DeployedPipeline, definition: str) -> EditVersion:
    """The version of the pipeline of edits that holds this definition, made if need be.

    Args:
        deployed: the pipeline that it is an edit of. Its role runs the edit too.
        definition: of the source, as JSON.

    Raises:
        DeploymentError: the pipeline of edits is being deleted at this moment.
    """
    name, text = names.edits_of(deployed.name), definition_of(definition, deployed.name)
    newest, first = _newest_version(target, name), False
    if newest is None:
        first = _made(target, deployed, text)
        newest = _newest_version(target, name)
    if newest is None:
        raise DeploymentError(f"{name} is being deleted. Run the edit again in a minute")
    sagemaker = target.client("sagemaker")
    held = sagemaker.describe_pipeline(PipelineName=name, PipelineVersionId=newest)
    same = json.loads(held["PipelineDefinition"]) == json.loads(text)
    if not same or held["RoleArn"] != deployed.role_arn:
        newest = sagemaker.update_pipeline(
            PipelineName=name, PipelineDefinition=text, RoleArn=deployed.role_arn
        )["PipelineVersionId"]
    return EditVersion(pipeline=name, number=newest, first=first)


def _newest_version(target: Target, name: str) -> int | None:
    """None: there is no such pipeline."""
    from botocore.exceptions import ClientError

    try:
        answer = target.client("sagemaker").list_pipeline_versions(
            PipelineName=name, SortOrder="Descending", MaxResults=1
        )
    except ClientError as error:
        if says_missing(error):
            return None
        raise
    return int(answer["PipelineVersionSummaries"][0]["PipelineVersionId"])


def _made(target: Target, deployed: DeployedPipeline, text: str) -> bool:
    """Makes the pipeline; False: somebody else did at the same moment."""
    from botocore.exceptions import ClientError

    marks = {**target.settings.tags, **_marks(deployed.name)}
    try:
        target.client("sagemaker").create_pipeline(
            PipelineName=names.edits_of(deployed.name),
            PipelineDescription=f"Edits of {deployed.name}, started by ratchet run. Landed data "
            "does not run them.",
            PipelineDefinition=text,
            RoleArn=deployed.role_arn,
            ClientRequestToken=uuid.uuid4().hex,
            Tags=[{"Key": key, "Value": value} for key, value in marks.items()],
        )
    except ClientError as error:
        if "already exists" not in error.response["Error"].get("Message", ""):
            raise
        return False
    return True


def _marks(deployed: str) -> dict[str, str]:
    return {tags.PIPELINE: names.edits_of(deployed), tags.EDITS_OF: deployed}


# -- listing and removing ----------------------------------------------------------------------


def listed(target: Target) -> list[EditPipeline]:
    """The environment's pipelines in which edits run, by name."""
    sagemaker = target.client("sagemaker")
    prefix = f"{target.settings.prefix}-"
    pages = sagemaker.get_paginator("list_pipelines").paginate(
        PipelineNamePrefix=target.settings.prefix
    )
    summaries: Mapping[str, Mapping[str, Any]] = {
        summary["PipelineName"]: summary
        for page in pages
        for summary in page["PipelineSummaries"]
        if summary["PipelineName"].startswith(prefix)
    }
    return [
        EditPipeline(
            name=name,
            last_run=summary.get("LastExecutionTime") or summary["CreationTime"],
            running=_running(sagemaker, name),
            orphan=names.edited_pipeline(name) not in summaries,
        )
        for name, summary in sorted(summaries.items())
        if names.holds_edits(name)
    ]


def _running(sagemaker: Any, name: str) -> int:
    """How many of the newest 100 runs are in progress; an account runs 20 at once."""
    newest = sagemaker.list_pipeline_executions(
        PipelineName=name, SortBy="CreationTime", SortOrder="Descending", MaxResults=100
    )["PipelineExecutionSummaries"]
    return sum(summary["PipelineExecutionStatus"] in _RUNNING for summary in newest)


def why_needed(
    edits: EditPipeline, versions: Iterable[ModelVersion], *, now: datetime, all_: bool = False
) -> str:
    """Why a pipeline of edits is kept; "": nothing needs it. Pure.

    Args:
        versions: of the model, of which one may be from a run of it: SageMaker deletes the runs
            with their pipeline, and a version's lineage with them.
        all_: whoever asks wants it gone, whatever is lost, except for what runs.
    """
    if edits.running:
        return f"{edits.running} of its runs {'is' if edits.running == 1 else 'are'} in progress"
    if all_ or edits.orphan:
        return ""
    if now < edits.until:
        return f"last used {edits.last_run:%Y-%m-%d}, kept until {edits.until:%Y-%m-%d}"
    runs = f":pipeline/{edits.name}/execution/"
    made = [str(v.version) for v in versions if runs in v.run_arn and v.approval != REJECTED]
    if made:
        return f"version {', '.join(made)} came from it and is not rejected"
    return ""


def reviewed(target: Target, *, all_: bool = False) -> list[tuple[EditPipeline, str]]:
    """The environment's pipelines in which edits run, each with why it is needed."""
    pipelines = listed(target)
    now = datetime.now().astimezone()
    versions: Iterable[ModelVersion] = ()
    if any(not why_needed(each, (), now=now) for each in pipelines):
        versions = _versions(target)
    return [(each, why_needed(each, versions, now=now, all_=all_)) for each in pipelines]


def _versions(target: Target) -> Iterable[ModelVersion]:
    try:
        group = facts.read(target).model_package_group
    except NotDeployedError:  # the deployment is gone, and what is left are orphans
        return ()
    return registry.versions(target, group)


def remove(target: Target, edits: EditPipeline) -> bool:
    """Deletes the pipeline and the history of its runs; False: it is not this environment's, or a
    run has begun meanwhile."""
    from botocore.exceptions import ClientError

    sagemaker = target.client("sagemaker")
    described = sagemaker.describe_pipeline(PipelineName=edits.name)
    answer = sagemaker.list_tags(ResourceArn=described["PipelineArn"])
    held = {tag["Key"]: tag["Value"] for tag in answer["Tags"]}
    if not _belongs(held, target.settings, edits):
        return False
    try:
        sagemaker.delete_pipeline(PipelineName=edits.name, ClientRequestToken=uuid.uuid4().hex)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConflictException":
            raise
        return False
    return True


def _belongs(held: Mapping[str, str], settings: Settings, edits: EditPipeline) -> bool:
    """`shop-dev-eu-training-edits` may be of the environment `dev-eu`, whose tags say so."""
    whose = (tags.PROJECT, tags.MODEL, tags.ENVIRONMENT)
    return held.get(tags.EDITS_OF) == edits.edited and all(
        held.get(key) == settings.tags[key] for key in whose
    )
