"""`ratchet run`: the pipeline of the source, on the newest data, beside the deployed one if it is
an edit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from ratchet.cli.commands.runs import show_to_the_end
from ratchet.cli.console import err, out
from ratchet.cli.options import (
    Environment,
    Follow,
    Local,
    Model,
    PipelineName,
    Yes,
    connect,
    connect_to_change,
)

if TYPE_CHECKING:
    from ratchet.deployment.pipelines.launch import Launched
    from ratchet.deployment.target.environment import Target

_EDIT = "This is an edit: it runs beside the deployed pipeline, which landed data runs."


def register(app: typer.Typer) -> None:
    app.command(short_help="Run a pipeline as the source has it, beside the deployed one.")(run)


def run(
    pipeline: PipelineName,
    parameter: Annotated[
        list[str] | None,
        typer.Option("-p", "--parameter", metavar="Name=value", help="May be given repeatedly."),
    ] = None,
    follow: Follow = True,
    as_deployed: Annotated[
        bool,
        typer.Option("--as-deployed", help="Start the deployed pipeline; ignore the source."),
    ] = False,
    stand_in: Annotated[
        list[str] | None,
        typer.Option(
            "--stand-in",
            metavar="STEP=FILE",
            help="JSON with the result of a step that the local cloud cannot run: what its "
            "Describe operation would answer. May be given repeatedly.",
        ),
    ] = None,
    step: Annotated[
        list[str] | None,
        typer.Option(
            "--step",
            metavar="STEP",
            help="Run only this step; may be given repeatedly. Its inputs come from an earlier "
            "run.",
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="RUN", help="With --step: the earlier run; default: the newest."
        ),
    ] = None,
    here: Annotated[
        bool,
        typer.Option(
            "--here",
            help="With one --step: run its script in this process, on the inputs of an earlier "
            "run; nothing is uploaded. For debuggers: python -m pdb -m ratchet run …",
        ),
    ] = False,
    yes: Yes = False,
    environment: Environment = "dev",
    model: Model = None,
    local: Local = None,
) -> None:
    """Compile a pipeline from source, upload what changed and start it.

    After an edit of a step or of the pipeline, no `ratchet deploy` is needed:
    the edit runs as a pipeline of its own, <pipeline>-edits, beside the deployed
    one. Landed data runs what is deployed, until `ratchet deploy` changes that.
    Without -p InputManifest=s3://… the run takes the newest snapshot of the
    landed data. On a branch other than main, the run belongs to an experiment of
    that name, unless -p Experiment=… names another. The exit status is 1 if the
    run did not succeed; with --here it is the script's.
    """
    from ratchet.deployment.pipelines import launch, parameters, stand_ins

    values = parameters.parse(parameter or ())
    stand_in_results = stand_ins.parse(stand_in or ())
    if source and not step:
        raise typer.BadParameter(
            "it names the run that --step takes results from", param_hint="--from"
        )
    if here:
        if not step or len(step) > 1 or as_deployed or stand_in:
            raise typer.BadParameter(
                "it runs one step of the source: ratchet run training --step train --here",
                param_hint="--here",
            )
        target = connect(environment, local, model)
        raise typer.Exit(_run_here(target, pipeline, step[0], values, source))
    what = "start" if as_deployed else "update and start"
    doing = f"{what} the pipeline {pipeline}"
    target = connect_to_change(environment, local, model, doing=doing, yes=yes)
    launched = launch.launch(
        target,
        kind=pipeline,
        values=values,
        as_deployed=as_deployed,
        stand_ins=stand_in_results,
        steps=step or (),
        earlier=source,
    )
    _say(launched, as_deployed=as_deployed)
    if follow:
        show_to_the_end(target, launched.run)
    else:
        out().print(launched.run.id)
        err().print(f"[dim]{target.command(f'show {launched.run.id} --follow')}[/]", soft_wrap=True)


def _run_here(
    target: Target, pipeline: str, step: str, values: Mapping[str, str], earlier: str | None
) -> int:
    """The script's exit status."""
    from ratchet.deployment.pipelines import in_process
    from ratchet.deployment.pipelines.here import make_ready

    with err().status(f"[dim]fetching the inputs of {escape(step)}[/]"):
        ready = make_ready(target, kind=pipeline, step=step, values=values, earlier=earlier)
    err().print(
        f"[dim]inputs of {escape(ready.run.name)} ({ready.run.id}) · {escape(str(ready.script))} "
        f"{escape(' '.join(ready.arguments))}[/]",
        soft_wrap=True,
    )
    try:
        status = in_process.run(ready)
    finally:
        for name, folder in ready.outputs.items():
            if folder.is_dir() and any(folder.iterdir()):
                out().print(f"{escape(name)}  {escape(str(folder))}", soft_wrap=True)
    return status


def _say(launched: Launched, *, as_deployed: bool) -> None:
    changes = []
    if launched.edit is not None:
        err().print(_EDIT, soft_wrap=True)
        if launched.uploaded:
            changes.append(f"uploaded {', '.join(launched.uploaded)}")
        changes.append(
            f"the first run of {launched.edit.pipeline}, so no step is cached"
            if launched.edit.first
            else f"cached steps are those of earlier runs of {launched.edit.pipeline}"
        )
    elif not as_deployed:
        changes.append("the source is what is deployed")
    if launched.snapshot is not None:
        changes.append(f"data of {launched.snapshot.run_name or launched.snapshot.mark}")
    if launched.experiment:
        changes.append(f"experiment {launched.experiment}, as the branch")
    if (selection := launched.selection) is not None:
        source = selection.source
        other_steps = f"the others as in {source.name} ({source.id})" if source else "no others"
        changes.append(f"only {', '.join(selection.steps)}; {other_steps}")
    if changes:
        err().print(f"[dim]{escape(' · '.join(changes))}[/]", soft_wrap=True)
