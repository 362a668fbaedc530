"""Imported pipelines: bringing one into the repository, and compiling it for a run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ratchet.deployment.errors import DeploymentError, NotDeployedError
from ratchet.deployment.pipelines import publishing as pipelines
from ratchet.deployment.target.environment import Target
from ratchet.loop.facts import TrainingFacts
from ratchet.node import PROJECT

if TYPE_CHECKING:
    from pipeline_defs.authoring import Context, Pipeline
    from pipeline_defs.imported import Carried, ImportedPipeline
    from pipeline_defs.imported.code import CodeSource

_MONITORING = "monitoring"


def compile_kind(
    target: Target, deployed: TrainingFacts, kind: str, context: Context, *, root: Path = PROJECT
) -> Pipeline | ImportedPipeline:
    """A pipeline of the source, or an imported one, as it stands in the repository.

    Raises:
        UnknownNameError: there is no such pipeline.
        NotDeployedError: it was imported and not deployed since.
        DefinitionError: with every problem in it.
    """
    from pipeline_defs import PIPELINES
    from pipeline_defs.imported import ImportedPipeline, Placement, names, read

    taken_in = names(root)
    if pipelines.known(kind, [*PIPELINES, *taken_in]) in PIPELINES:
        return pipelines.compile_pipeline(kind, context)
    placement = Placement(
        settings=target.settings,
        role_arn=_role(target, kind),
        artifacts_uri=context.artifacts_uri,
        data_uri=f"s3://{deployed.data_bucket}",
        code_uri=context.code_uri,
        account=target.account,
        output_key_arn=context.output_key_arn,
    )
    return ImportedPipeline(read(root, kind), placement)


def bring_in(
    file: Path,
    *,
    name: str | None,
    code: Iterable[CodeSource],
    buckets: Mapping[str, str],
    arns: Mapping[str, str],
    images: Mapping[str, str],
) -> Carried:
    """The definition in a file, carried over and not yet written.

    Raises:
        DeploymentError: no such file, not JSON, or a name that is taken.
        ImportRefusedError: the definition cannot be imported; with every problem.
    """
    from pipeline_defs import PIPELINES
    from pipeline_defs.imported import Maps, carry

    chosen = name or _name(file)
    if chosen in (*PIPELINES, _MONITORING):
        raise DeploymentError(
            f"{chosen!r} is the name of one of the loop's own pipelines; choose another: "
            f"ratchet import {file} --name {chosen}-imported"
        )
    given = tuple(code)
    maps = Maps(buckets=buckets, arns=arns, images=images)
    return carry(_read(file), name=chosen, code=given, maps=maps)


def _role(target: Target, kind: str) -> str:
    sagemaker = target.client("sagemaker")
    name = target.settings.pipeline_name(kind)
    try:
        return str(sagemaker.describe_pipeline(PipelineName=name)["RoleArn"])
    except sagemaker.exceptions.ResourceNotFound:
        raise NotDeployedError(
            f"pipeline {name} is not deployed yet: run `{target.command('deploy')}`"
        ) from None


def _name(file: Path) -> str:
    """`house-prices` for `house_prices.json`, and for `house-prices/definition.json`."""
    stem = file.absolute().parent.name if file.stem == "definition" else file.stem
    return stem.replace("_", "-")


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DeploymentError(
            f"{file} is not there; expected the JSON that the SDK's `pipeline.definition()` "
            "returned. Write it with: open('pipeline.json', 'w').write(pipeline.definition())"
        ) from None
    except (OSError, ValueError) as problem:
        raise DeploymentError(
            f"{file} is not JSON ({problem}); expected what `pipeline.definition()` returned"
        ) from problem
