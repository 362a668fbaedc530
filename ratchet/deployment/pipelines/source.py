"""The pipelines of the source: which there are, and each of them as it would deploy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ratchet.deployment.errors import UnknownNameError, nearest
from ratchet.deployment.target import facts
from ratchet.deployment.target.environment import Target
from ratchet.loop.facts import TrainingFacts
from ratchet.settings.schema import Settings

if TYPE_CHECKING:
    from ratchet.authoring import Context
    from ratchet.pipelines.registry import CompiledPipeline, PipelineEntry


def entries(model: str, root: Path) -> dict[str, PipelineEntry]:
    """Every pipeline of a model by name. Raises DefinitionError for a name that cannot be."""
    from ratchet.pipelines.registry import pipelines

    return pipelines(root, model)


def entry(kind: str, model: str, root: Path) -> PipelineEntry:
    """The pipeline of this name.

    Raises:
        UnknownNameError: there is none.
    """
    listed = entries(model, root)
    if kind not in listed:
        raise UnknownNameError(
            f"no pipeline {kind!r}{nearest(kind, listed)} There are: {', '.join(listed)}"
        )
    return listed[kind]


def context(
    target: Target,
    deployed: TrainingFacts,
    listed: PipelineEntry,
    *,
    role_arn: str,
    root: Path | None = None,
) -> Context:
    """What compiles a pipeline for this deployment.

    Args:
        role_arn: of the deployed pipeline.
        root: of the source, where it is not the target's project.

    Raises:
        NotDeployedError: the stack of the pipeline is not there, or an earlier version wrote it.
    """
    from ratchet.authoring import Context, Functions

    return Context(
        settings=target.settings,
        role_arn=role_arn,
        artifacts_uri=f"s3://{deployed.artifacts_bucket}",
        data_uri=f"s3://{deployed.data_bucket}",
        output_key_arn=deployed.output_key_arn,
        code_uri=deployed.code_uri,
        account=target.account,
        functions=Functions(**facts.functions(target, deployed, stack=listed.stack)),
        source=root or target.root,
    )


def compile_without_cloud(kind: str, settings: Settings, *, root: Path) -> CompiledPipeline:
    """The pipeline with placeholders. Raises UnknownNameError, DefinitionError."""
    from ratchet.pipelines.placeholders import placeholder_context

    return entry(kind, settings.model_name, root).compile(placeholder_context(settings, root=root))


def check(
    settings: Settings,
    compiled: Sequence[CompiledPipeline] | None = None,
    *,
    root: Path,
) -> None:
    """Refuses settings that would fail a job, or change nothing, before anything is built: an
    instance type that SageMaker does not have, a table of a step that is not there, a
    hyperparameter that the script of a training does not take.

    Args:
        compiled: the pipelines that are about to run; without them every one of the model is.

    Raises:
        SettingsError: with the file and the key.
        DefinitionError: a pipeline's source has mistakes.
    """
    from ratchet.deployment.pipelines.asking import hyperparameters
    from ratchet.pipelines import instance_types, placeholders, step_settings

    instance_types.check(settings)
    if compiled is None:
        compiled = placeholders.compiled(settings, root=root)
    step_settings.check(
        settings, compiled, others=lambda: placeholders.compiled(settings, root=root)
    )
    hyperparameters.check(settings, compiled)


def definition(kind: str, settings: Settings, *, root: Path) -> str:
    """The definition's JSON with placeholders. Raises UnknownNameError, DefinitionError."""
    return compile_without_cloud(kind, settings, root=root).to_json()
