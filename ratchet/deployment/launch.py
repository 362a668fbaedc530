"""Starts a run of the source as it is now: compile, publish, choose the data, start."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ratchet.deployment import facts, parameters, pipelines, snapshots
from ratchet.deployment.errors import DeploymentError
from ratchet.deployment.runs import Run
from ratchet.deployment.stand_ins import refuse_on_aws
from ratchet.deployment.target import Target

DATA_PARAMETER = "InputManifest"
"""A pipeline that declares it, and gets no value for it, runs on the newest snapshot."""


@dataclass(frozen=True, kw_only=True)
class Launched:
    run: Run
    published: pipelines.Published | None
    """None: started as deployed."""
    snapshot: snapshots.Snapshot | None
    """The snapshot that was chosen; None when the data was named, or the pipeline takes none."""


def launch(
    target: Target,
    *,
    kind: str,
    values: Mapping[str, str],
    as_deployed: bool = False,
    stand_ins: Mapping[str, Any] | None = None,
) -> Launched:
    """Brings the pipeline up to date with the source and starts it.

    Args:
        target: where.
        kind: a key of `pipeline_defs.PIPELINES`.
        values: parameters by name, as typed.
        stand_ins: results of steps that shall not run, by step; the local cloud only.
        as_deployed: leave the deployed pipeline alone and start it as it is.

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
        context = facts.context(target, deployed)
        pipeline = pipelines.compile_pipeline(kind, context)
        declared = pipelines.declared_parameters(pipeline.to_json())
    else:
        declared = pipelines.declared_parameters(pipelines.deployed_definition(target, name))
    snapshot = None
    chosen = dict(values)
    if DATA_PARAMETER not in values and any(p["Name"] == DATA_PARAMETER for p in declared):
        snapshot = snapshots.newest(target, deployed)
        chosen[DATA_PARAMETER] = snapshot.manifest
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
    )
    return Launched(run=run, published=published, snapshot=snapshot)


def _refuse_protected(target: Target, deployed: facts.Deployed, kind: str) -> None:
    """On AWS a protected pipeline changes by deployment only. The local cloud harms nobody."""
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
