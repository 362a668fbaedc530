"""`ratchet clean`: removes the pipelines of edits that nothing needs any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from ratchet.cli.console import err, out
from ratchet.cli.options import Environment, Local, Model, Yes, connect_to_change

if TYPE_CHECKING:
    from ratchet.deployment.pipelines.edits import EditPipeline
    from ratchet.deployment.target.environment import Target


def register(app: typer.Typer) -> None:
    app.command(short_help="Remove pipelines of edits that nothing needs any more.")(clean)


def clean(
    all_: Annotated[
        bool,
        typer.Option("--all", help="Also those that are still of use, unless a run is going on."),
    ] = False,
    yes: Yes = False,
    environment: Environment = "dev",
    model: Model = None,
    local: Local = None,
) -> None:
    """Remove the pipelines of edits that nothing needs any more.

    `ratchet run` of an edit makes <pipeline>-edits. It is needed while a run of
    it is going on, for 30 days after its last run, and as long as a version of
    the model that is not rejected came from it. SageMaker deletes the history of
    a pipeline's runs with it; their costs and files stay. `ratchet deploy` does
    the same without --all.
    """
    from ratchet.deployment.pipelines import edits

    doing = "remove pipelines of edits, with the history of their runs"
    target = connect_to_change(environment, local, model, doing=doing, yes=yes)
    reviewed = edits.reviewed(target, all_=all_)
    unneeded = [pipeline for pipeline, why in reviewed if not why]
    for pipeline, why in reviewed:
        if why:
            out().print(f"{pipeline.name} stays: {escape(why)}", soft_wrap=True)
    if not unneeded:
        if not reviewed:
            out().print("There is no pipeline of edits.")
        return
    if all_ and not yes:
        listed = ", ".join(pipeline.name for pipeline in unneeded)
        typer.confirm(f"Remove {listed}, with the history of their runs?", abort=True)
    _remove(target, unneeded)


def remove_unneeded(target: Target) -> None:
    """The same after a deployment; whoever deploys need not be allowed to."""
    from botocore.exceptions import ClientError

    from ratchet.deployment.errors import denied
    from ratchet.deployment.pipelines import edits

    try:
        _remove(target, [pipeline for pipeline, why in edits.reviewed(target) if not why])
    except ClientError as error:
        if not denied(error):
            raise


def _remove(target: Target, pipelines: list[EditPipeline]) -> None:
    from ratchet.deployment.pipelines import edits

    for pipeline in pipelines:
        if edits.remove(target, pipeline):
            out().print(f"Removed {pipeline.name}.", soft_wrap=True)
        else:
            err().print(
                f"{pipeline.name} stays: it is another environment's, or a run of it has begun.",
                soft_wrap=True,
            )
