"""Starts a run of the current source: compile, publish, choose the data, start."""

from __future__ import annotations

import getpass
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ratchet.deployment.errors import DeploymentError
from ratchet.deployment.pipelines import experiment, parameters, publishing, source
from ratchet.deployment.pipelines.stand_ins import refuse_on_aws
from ratchet.deployment.runs import executions as runs
from ratchet.deployment.runs import snapshots
from ratchet.deployment.runs.executions import Run
from ratchet.deployment.target import facts
from ratchet.deployment.target.environment import Target
from ratchet.loop import names
from ratchet.loop.facts import TrainingFacts

if TYPE_CHECKING:
    from ratchet.authoring import Context
    from ratchet.pipelines.registry import CompiledPipeline

_RETRIED = ("Failed", "Stopped")
_SOURCES = ("Succeeded", "Failed")  # of a run of selected steps


@dataclass(frozen=True, kw_only=True)
class StepSelection:
    """The selected steps of a run, and the run that their inputs come from."""

    steps: tuple[str, ...]
    source: Run | None
    """None: there is no earlier run to take anything from."""


@dataclass(frozen=True, kw_only=True)
class Launched:
    run: Run
    published: publishing.Published | None
    """None: started as deployed."""
    snapshot: snapshots.LandedSnapshot | None
    """The snapshot that was chosen; None when the data was named, or the pipeline takes none."""
    selection: StepSelection | None = None
    experiment: str | None = None
    """The branch, when the run is an experiment because of it."""


def launch(
    target: Target,
    *,
    kind: str,
    values: Mapping[str, str],
    as_deployed: bool = False,
    stand_ins: Mapping[str, Any] | None = None,
    selection: StepSelection | None = None,
) -> Launched:
    """Brings the pipeline up to date with the source and starts it.

    Args:
        target: where.
        kind: its name in PIPELINES of its model, or its folder in `pipelines/<model>/`.
        values: parameters by name, as typed.
        stand_ins: results of steps that shall not run, by step; the local cloud only.
        as_deployed: leave the deployed pipeline alone and start it as it is.
        selection: run these steps only, with the source run's parameters where none is given.

    Raises:
        DeploymentError: not deployed, protected, no such pipeline, a bad value, no data yet.
        DefinitionError: the pipeline's source has mistakes.
    """
    refuse_on_aws(target, stand_ins or {})
    name = target.settings.pipeline_name(kind)
    deployed = facts.read(target)
    prepared = None if as_deployed else _from_source(target, deployed, kind)
    if prepared:
        definition = prepared.pipeline.to_json()
    else:
        definition = publishing.deployed_pipeline(target, name).definition
    declared = publishing.declared_parameters(definition)
    chosen = _earlier_parameters(target, selection, declared) | dict(values)
    branch = None if as_deployed else _branch(target, declared, chosen)
    chosen |= {names.EXPERIMENT_PARAMETER: branch} if branch else {}
    snapshot = _snapshot(target, deployed, kind, declared, chosen)
    chosen |= {names.DATA_PARAMETER: snapshot.manifest} if snapshot else {}
    checked = parameters.check(chosen, declared, pipeline=name)
    published = prepared.publish(target) if prepared else None
    run = publishing.start(
        target,
        name=name,
        parameters=checked,
        display_name=_display_name(snapshot, datetime.now().astimezone()),
        description=_description(snapshot, as_deployed=as_deployed),
        stand_ins=stand_ins,
        selection=_selective_config(selection),
    )
    return Launched(
        run=run, published=published, snapshot=snapshot, selection=selection, experiment=branch
    )


@dataclass(frozen=True, kw_only=True)
class _Prepared:
    """A pipeline of the source, compiled for the place that it is deployed to."""

    deployed: publishing.DeployedPipeline
    pipeline: CompiledPipeline
    context: Context

    def publish(self, target: Target) -> publishing.Published:
        return publishing.publish(
            target, self.pipeline, deployed=self.deployed, context=self.context
        )


def _from_source(target: Target, facts_of_training: TrainingFacts, kind: str) -> _Prepared:
    listed = source.entry(kind, target.settings.model_name, target.root)
    _refuse_protected(target, facts_of_training, kind)
    deployed = publishing.deployed_pipeline(target, target.settings.pipeline_name(kind))
    context = source.context(target, facts_of_training, listed, role_arn=deployed.role_arn)
    return _Prepared(deployed=deployed, pipeline=listed.compile(context), context=context)


def _earlier_parameters(
    target: Target, selection: StepSelection | None, declared: Sequence[Mapping[str, Any]]
) -> dict[str, str]:
    """The parameters of the run that a selection takes results of, where they are still there."""
    if selection is None or selection.source is None:
        return {}
    earlier = runs.parameters(target, selection.source)
    return {name: value for name, value in earlier.items() if name in _names(declared)}


def _branch(
    target: Target, declared: Sequence[Mapping[str, Any]], chosen: Mapping[str, str]
) -> str | None:
    """The experiment of the checkout, where nobody chose another."""
    name = names.EXPERIMENT_PARAMETER
    if name not in _names(declared) or name in chosen:
        return None
    return experiment.of_checkout(target.root)


def _snapshot(
    target: Target,
    deployed: TrainingFacts,
    kind: str,
    declared: Sequence[Mapping[str, Any]],
    chosen: Mapping[str, str],
) -> snapshots.LandedSnapshot | None:
    """The newest data for a pipeline that takes data and is given none."""
    name = names.DATA_PARAMETER
    if name not in _names(declared) or name in chosen:
        return None
    intake = kind if kind == "evaluation" else "training"
    return snapshots.newest(target, deployed, intake=intake)


def _names(declared: Sequence[Mapping[str, Any]]) -> set[str]:
    return {parameter["Name"] for parameter in declared}


def selection(
    target: Target, *, kind: str, steps: Sequence[str], earlier: str | None
) -> StepSelection | None:
    """The selection of `--step` and `--from`; None without steps.

    Raises:
        DeploymentError: no such run, or one that is still going on.
    """
    if not steps:
        return None
    name = target.settings.pipeline_name(kind)
    if earlier is not None:
        run = runs.find(target, earlier)
        if run.pipeline != name:
            raise DeploymentError(
                f"{run.name} ({run.id}) is a run of {run.pipeline}; one of {name} is "
                f"expected. List them: {target.command(f'runs {kind}')}"
            )
        return StepSelection(steps=tuple(steps), source=run)
    ended = (run for run in runs.listed(target, pipeline=name) if run.status in _SOURCES)
    return StepSelection(steps=tuple(steps), source=next(ended, None))


def retry(target: Target, run: Run) -> Run:
    """Continues a run that failed or was stopped.

    Raises:
        DeploymentError: it did neither.
    """
    if run.status not in _RETRIED:
        following = "show" if run.finished else "stop"
        raise DeploymentError(
            f"{run.name} ({run.id}) is {run.status}; only a run that is Failed or Stopped can be "
            f"retried. Next: {target.command(f'{following} {run.id}')}"
        )
    target.client("sagemaker").retry_pipeline_execution(
        PipelineExecutionArn=run.arn, ClientRequestToken=uuid.uuid4().hex
    )
    return replace(run, status="Executing", failure="")


def _selective_config(selection: StepSelection | None) -> dict[str, Any] | None:
    if selection is None:
        return None
    config: dict[str, Any] = {"SelectedSteps": [{"StepName": name} for name in selection.steps]}
    if selection.source is not None:
        config["SourcePipelineExecutionArn"] = selection.source.arn
    return config


def _refuse_protected(target: Target, deployed: TrainingFacts, kind: str) -> None:
    """Refuses to change a protected pipeline on AWS: only a deployment may. The local cloud has
    no such limit."""
    if target.local or not (target.settings.protected or deployed.protected):
        return
    raise DeploymentError(
        f"{target.settings.environment} is protected: only a deployment changes its pipelines.\n"
        f"  deploy the source:         {target.command('deploy')}\n"
        f"  start what is deployed:    {target.command(f'run {kind} --as-deployed')}"
    )


def _display_name(snapshot: snapshots.LandedSnapshot | None, now: datetime) -> str:
    """`2013-03-by-hand-081502`: which data, why, and a time that tells repeats apart."""
    data = f"{snapshot.label}-" if snapshot and snapshot.label else ""
    return f"{data}by-hand-{now:%H%M%S}"


def _description(snapshot: snapshots.LandedSnapshot | None, *, as_deployed: bool) -> str:
    try:
        who = getpass.getuser()
    except (KeyError, OSError):  # a container without a name for its user
        who = "someone"
    data = f", on the data of {snapshot.run_name or snapshot.mark}" if snapshot else ""
    source = "the deployed pipeline" if as_deployed else "the pipeline from source"
    return f"Started by {who} with ratchet run: {source}{data}."
