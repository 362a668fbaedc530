"""What runs that was not deployed: found by `status`, `runs` and `diff`, put right by `deploy`."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from ratchet.deployment.errors import NotDeployedError, denied
from ratchet.deployment.pipelines import publishing, source, templates
from ratchet.deployment.pipelines.publishing import DeployedPipeline
from ratchet.deployment.pipelines.templates import StackDefinition
from ratchet.deployment.target import facts
from ratchet.deployment.target.environment import Target
from ratchet.loop.facts import EvaluationFacts, PipelinesFacts, ServingFacts, TrainingFacts

STACKS = (TrainingFacts.fact, EvaluationFacts.fact, ServingFacts.fact, PipelinesFacts.fact)
"""Those with pipelines, by the names of their SSM parameters."""


@dataclass(frozen=True, kw_only=True)
class ChangedPipeline:
    """A pipeline that does not run the definition that it was deployed with."""

    deployed: DeployedPipeline
    definition: StackDefinition
    """That of its stack."""

    @property
    def name(self) -> str:
        return self.deployed.name

    @property
    def since(self) -> datetime | None:
        return self.deployed.changed


def changed(target: Target) -> list[ChangedPipeline]:
    """The environment's pipelines that run something else than their stacks deployed."""
    definitions = templates.read(target, STACKS)
    target.client("sagemaker")  # made here once: making clients is not safe in threads
    with ThreadPoolExecutor(max_workers=8) as pool:
        compared = pool.map(lambda item: _changed(target, *item), definitions.items())
    return [pipeline for pipeline in compared if pipeline]


def changed_names(target: Target) -> list[str] | None:
    """Their names; None: whoever asks may not read the templates."""
    from botocore.exceptions import ClientError

    try:
        return [pipeline.name for pipeline in changed(target)]
    except ClientError as error:
        if not denied(error):
            raise
        return None


def sentence(name: str, command: Callable[[str], str]) -> str:
    """What a person has to know of a pipeline that runs something else."""
    return (
        f"{name} does not run what was deployed, and landed data runs it so. To put the deployed "
        f"definition back: {command('deploy')}"
    )


def _changed(target: Target, name: str, definition: StackDefinition) -> ChangedPipeline | None:
    try:
        deployed = publishing.deployed_pipeline(target, name)
    except NotDeployedError:  # its stack is being made, or somebody deleted it
        return None
    if definition.is_of(deployed.definition):
        return None
    return ChangedPipeline(deployed=deployed, definition=definition)


def repair(target: Target, pipeline: ChangedPipeline) -> bool:
    """Gives a pipeline the definition of its stack again.

    Returns:
        Whether it could: a value that CloudFormation put in may stand in no place that the
        pipeline and the source still share with the stack's definition.
    """
    definition = _deployed_definition(target, pipeline)
    if definition is None:
        return False
    target.client("sagemaker").update_pipeline(
        PipelineName=pipeline.name, PipelineDefinition=definition
    )
    return True


def _deployed_definition(target: Target, pipeline: ChangedPipeline) -> str | None:
    text = pipeline.definition.resolved(pipeline.deployed.definition)
    if text is None and (compiled := _of_source(target, pipeline.deployed)):
        text = pipeline.definition.resolved(compiled, pipeline.deployed.definition)
    return text


def _of_source(target: Target, deployed: DeployedPipeline) -> str | None:
    """What the source makes of the pipeline; None if it has none such, or one with mistakes."""
    from ratchet.authoring import BundleError, DefinitionError

    try:
        entries = source.entries(target.settings.model_name, target.root)
        kind = deployed.name.removeprefix(f"{target.settings.prefix}-")
        if kind not in entries:
            return None
        training = facts.read(target)
        context = source.context(target, training, entries[kind], role_arn=deployed.role_arn)
        return entries[kind].compile(context).to_json()
    except (NotDeployedError, DefinitionError, BundleError):
        return None
