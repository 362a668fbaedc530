"""Starts a run of the current source: compile, publish, choose the data, start."""

from __future__ import annotations

import getpass
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ratchet.deployment.errors import DeploymentError
from ratchet.deployment.pipelines import experiment, imported, parameters
from ratchet.deployment.pipelines import publishing as pipelines
from ratchet.deployment.pipelines.stand_ins import refuse_on_aws
from ratchet.deployment.runs import executions as runs
from ratchet.deployment.runs import snapshots
from ratchet.deployment.runs.executions import Run
from ratchet.deployment.target import facts
from ratchet.deployment.target.environment import Target
from ratchet.loop import names
from ratchet.loop.facts import TrainingFacts
from ratchet.node import PROJECT

_RETRIED = ("Failed", "Stopped")
_SOURCES = ("Succeeded", "Failed")  # of a run of selected steps
"""A pipeline that declares it, and gets no value for it, runs on the newest snapshot."""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The selected steps of a run, and the run that their inputs come from."""

    steps: tuple[str, ...]
    source: Run | None
    """None: there is no earlier run to take anything from."""


@dataclass(frozen=True, kw_only=True)
class Launched:
    run: Run
    published: pipelines.Published | None
    """None: started as deployed."""
    snapshot: snapshots.Snapshot | None
    """The snapshot that was chosen; None when the data was named, or the pipeline takes none."""
    selection: Selection | None = None
    experiment: str | None = None
    """The branch, when the run is an experiment because of it."""


def launch(
    target: Target,
    *,
    kind: str,
    values: Mapping[str, str],
    as_deployed: bool = False,
    stand_ins: Mapping[str, Any] | None = None,
    selection: Selection | None = None,
) -> Launched:
    """Brings the pipeline up to date with the source and starts it.

    Args:
        target: where.
        kind: a key of `pipeline_defs.PIPELINES`, or a folder of `pipelines/`.
        values: parameters by name, as typed.
        stand_ins: results of steps that shall not run, by step; the local cloud only.
        as_deployed: leave the deployed pipeline alone and start it as it is.
        selection: run these steps only, with the source run's parameters where none is given.

    Raises:
        DeploymentError: not deployed, protected, no such pipeline, a bad value, no data yet.
        DefinitionError: the pipeline's source has mistakes.
    """
    refuse_on_aws(target, stand_ins or {})
    deployed = facts.read(target)
    name = target.settings.pipeline_name(kind)
    published = None
    if not as_deployed:
        _refuse_protected(target, deployed, kind)
        context = facts.context(target, deployed, kind=kind)
        pipeline = imported.compile_kind(target, deployed, kind, context)
        declared = pipelines.declared_parameters(pipeline.to_json())
    else:
        declared = pipelines.declared_parameters(pipelines.deployed_definition(target, name))
    snapshot, tried = None, None
    source = selection.source if selection else None
    known = runs.parameters(target, source) if source else {}
    declared_names = {parameter["Name"] for parameter in declared}
    chosen = {name: value for name, value in known.items() if name in declared_names} | dict(values)
    is_declared = names.EXPERIMENT_PARAMETER in declared_names
    if is_declared and names.EXPERIMENT_PARAMETER not in chosen and not as_deployed:
        tried = experiment.of_checkout(PROJECT)
        chosen |= {names.EXPERIMENT_PARAMETER: tried} if tried else {}
    if names.DATA_PARAMETER not in chosen and names.DATA_PARAMETER in declared_names:
        intake = kind if kind == "evaluation" else "training"
        snapshot = snapshots.newest(target, deployed, intake=intake)
        chosen[names.DATA_PARAMETER] = snapshot.manifest
    checked = parameters.check(chosen, declared, pipeline=name)
    if not as_deployed:
        published = pipelines.publish(target, pipeline, name=name, context=context)
    now = datetime.now().astimezone()
    run = pipelines.start(
        target,
        name=name,
        parameters=checked,
        display_name=_display_name(snapshot, now),
        description=_description(snapshot, as_deployed=as_deployed),
        stand_ins=stand_ins,
        selection=_selective_config(selection),
    )
    return Launched(
        run=run, published=published, snapshot=snapshot, selection=selection, experiment=tried
    )


def selection(
    target: Target, *, kind: str, steps: Sequence[str], source: str | None
) -> Selection | None:
    """The selection of `--step` and `--from`; None without steps.

    Raises:
        DeploymentError: no such run, or one that is still going on.
    """
    if not steps:
        return None
    name = target.settings.pipeline_name(kind)
    if source is not None:
        found = runs.find(target, source)
        if found.pipeline != name:
            raise DeploymentError(
                f"{found.name} ({found.id}) is a run of {found.pipeline}; one of {name} is "
                f"expected. List them: {target.command(f'runs {kind}')}"
            )
        return Selection(steps=tuple(steps), source=found)
    ended = (run for run in runs.listed(target, pipeline=name) if run.status in _SOURCES)
    return Selection(steps=tuple(steps), source=next(ended, None))


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


def _selective_config(selection: Selection | None) -> dict[str, Any] | None:
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


def _display_name(snapshot: snapshots.Snapshot | None, now: datetime) -> str:
    """`2013-03-by-hand-081502`: which data, why, and a time that tells repeats apart."""
    data = f"{snapshot.label}-" if snapshot and snapshot.label else ""
    return f"{data}by-hand-{now:%H%M%S}"


def _description(snapshot: snapshots.Snapshot | None, *, as_deployed: bool) -> str:
    try:
        who = getpass.getuser()
    except (KeyError, OSError):  # a container without a name for its user
        who = "someone"
    data = f", on the data of {snapshot.run_name or snapshot.mark}" if snapshot else ""
    source = "the deployed pipeline" if as_deployed else "the pipeline from source"
    return f"Started by {who} with ratchet run: {source}{data}."
