"""Starts a run of the current source: compile, choose the data, start.

A source that is what is deployed starts the deployed pipeline. An edit runs beside it.
"""

from __future__ import annotations

import getpass
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ratchet.deployment.errors import DeploymentError
from ratchet.deployment.pipelines import edits, experiment, parameters, publishing, source
from ratchet.deployment.pipelines.edits import EditVersion
from ratchet.deployment.pipelines.publishing import DeployedPipeline
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
    edit: EditVersion | None
    """What the run runs; None: what is deployed."""
    uploaded: tuple[str, ...]
    """The names of the edit's bundles and files that were not there yet."""
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
    steps: Sequence[str] = (),
    earlier: str | None = None,
) -> Launched:
    """Starts the pipeline of the source: the deployed one, if that is what the source is.

    Args:
        target: where.
        kind: its name in PIPELINES of its model, or its folder in `pipelines/<model>/`.
        values: parameters by name, as typed.
        stand_ins: results of steps that shall not run, by step; the local cloud only.
        as_deployed: ignore the source.
        steps: run these only, with the parameters of an earlier run where none is given.
        earlier: that run; by default the newest that ended.

    Raises:
        DeploymentError: not deployed, no such pipeline, a bad value, no data yet, an edit of a
            protected environment, or an earlier run that steps cannot take results of.
        DefinitionError: the pipeline's source has mistakes.
    """
    refuse_on_aws(target, stand_ins or {})
    deployed_facts = facts.read(target)
    if as_deployed:
        deployed = publishing.deployed_pipeline(target, target.settings.pipeline_name(kind))
        edit = None
    else:
        deployed, edit = _of_source(target, deployed_facts, kind)
    name = names.edits_of(deployed.name) if edit else deployed.name
    selection = _selection(target, name=name, kind=kind, steps=steps, earlier=earlier)
    declared = publishing.declared_parameters(edit.definition if edit else deployed.definition)
    chosen = _earlier_parameters(target, selection, declared) | dict(values)
    branch = None if as_deployed else _branch(target, declared, chosen)
    chosen |= {names.EXPERIMENT_PARAMETER: branch} if branch else {}
    snapshot = _snapshot(target, deployed_facts, kind, declared, chosen)
    chosen |= {names.DATA_PARAMETER: snapshot.manifest} if snapshot else {}
    checked = parameters.check(chosen, declared, pipeline=deployed.name)
    uploaded = publishing.upload(target, edit.pipeline, edit.context) if edit else ()
    version = edits.bring(target, deployed, edit.definition) if edit else None
    run = _started(
        target,
        name=name,
        kind=kind,
        parameters=checked,
        display_name=_display_name(snapshot, datetime.now().astimezone()),
        description=_description(snapshot, edit=edit is not None),
        version=version.number if version else None,
        stand_ins=stand_ins,
        selection=selection,
    )
    return Launched(
        run=run,
        edit=version,
        uploaded=uploaded,
        snapshot=snapshot,
        selection=selection,
        experiment=branch,
    )


@dataclass(frozen=True, kw_only=True)
class _Edit:
    """A pipeline of the source that is not what is deployed."""

    definition: str
    """JSON."""
    pipeline: CompiledPipeline
    context: Context


def _of_source(
    target: Target, deployed_facts: TrainingFacts, kind: str
) -> tuple[DeployedPipeline, _Edit | None]:
    """The deployed pipeline, and the source's where it is another."""
    listed = source.entry(kind, target.settings.model_name, target.root)
    deployed = publishing.deployed_pipeline(target, target.settings.pipeline_name(kind))
    context = source.context(target, deployed_facts, listed, role_arn=deployed.role_arn)
    pipeline = listed.compile(context)
    source.check(target.settings, [pipeline], root=target.root)
    definition = pipeline.to_json()
    if deployed.runs(definition):
        return deployed, None
    _refuse_protected(target, deployed_facts, kind)
    return deployed, _Edit(definition=definition, pipeline=pipeline, context=context)


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


def _selection(
    target: Target, *, name: str, kind: str, steps: Sequence[str], earlier: str | None
) -> StepSelection | None:
    """The selection of `--step` and `--from`; None without steps.

    Raises:
        DeploymentError: no such run, or one of another pipeline: SageMaker takes results of "a
            reference execution of the current pipeline" alone (API reference,
            SelectiveExecutionConfig).
    """
    if not steps:
        return None
    if earlier is not None:
        run = runs.find(target, earlier)
        if run.pipeline != name:
            raise DeploymentError(_other_pipeline(target, run, name=name, kind=kind))
        return StepSelection(steps=tuple(steps), source=run)
    ended = (run for run in _runs_of(target, name) if run.status in _SOURCES)
    return StepSelection(steps=tuple(steps), source=next(ended, None))


def _started(
    target: Target, *, kind: str, selection: StepSelection | None, name: str, **arguments: Any
) -> Run:
    from botocore.exceptions import ClientError

    try:
        return publishing.start(
            target, name=name, selection=_selective_config(selection), **arguments
        )
    except ClientError as error:
        if not names.holds_edits(name) or selection is None or selection.source is not None:
            raise
        raise DeploymentError(
            f"{error.response['Error'].get('Message', error)} No run of {name} has ended yet, and "
            "SageMaker takes results from a run of the same pipeline only. Run the whole edit "
            f"once: {target.command(f'run {kind}')}"
        ) from None


def _runs_of(target: Target, name: str) -> Sequence[Run]:
    """None of a pipeline of edits that is not made yet."""
    if names.holds_edits(name) and name not in runs.pipelines(target):
        return ()
    return runs.listed(target, pipeline=name)


def _other_pipeline(target: Target, run: Run, *, name: str, kind: str) -> str:
    if run.pipeline not in (names.edited_pipeline(name), names.edits_of(name)):
        way_out = f"List them: {target.command(f'runs {kind}')}"
    elif names.holds_edits(name):
        way_out = (
            "This source is an edit, and SageMaker takes results from a run of the same pipeline "
            f"only. Run the whole edit once: {target.command(f'run {kind}')}"
        )
    else:
        way_out = (
            "This source is what is deployed, and SageMaker takes results from a run of the same "
            f"pipeline only. Leave --from out for the newest: {target.command(f'runs {kind}')}"
        )
    return f"{run.name} ({run.id}) is a run of {run.pipeline}; one of {name} is expected. {way_out}"


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
    """Refuses to run an edit where only what is deployed may run, which is on AWS alone."""
    if target.local or not (target.settings.protected or deployed.protected):
        return
    raise DeploymentError(
        f"{target.settings.environment} is protected, so an edit does not run there: the source "
        f"of {kind} is not what is deployed.\n"
        f"  deploy the source:         {target.command('deploy')}\n"
        f"  start what is deployed:    {target.command(f'run {kind} --as-deployed')}"
    )


def _display_name(snapshot: snapshots.LandedSnapshot | None, now: datetime) -> str:
    """`2013-03-by-hand-081502`: which data, why, and a time that tells repeats apart."""
    data = f"{snapshot.label}-" if snapshot and snapshot.label else ""
    return f"{data}by-hand-{now:%H%M%S}"


def _description(snapshot: snapshots.LandedSnapshot | None, *, edit: bool) -> str:
    try:
        who = getpass.getuser()
    except (KeyError, OSError):  # a container without a name for its user
        who = "someone"
    data = f", on the data of {snapshot.run_name or snapshot.mark}" if snapshot else ""
    what = "an edit, beside the deployed pipeline" if edit else "the deployed pipeline"
    return f"Started by {who} with ratchet run: {what}{data}."
