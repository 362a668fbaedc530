"""`ratchet land`: data into the data bucket."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from ratchet.cli.console import byte_progress, err, out
from ratchet.cli.options import Environment, Local, Model, Yes, connect_to_change
from ratchet.cli.views.wording import count, size

if TYPE_CHECKING:
    from ratchet.deployment.runs.executions import Run
    from ratchet.deployment.runs.landing import Landed
    from ratchet.deployment.target.environment import Target
    from ratchet.settings.intake import Intake

SHOWN = 20
_LOOK_SECONDS = 1.0
_START_SECONDS = 120
"""For events, queues and functions, beside the time that data settles."""


class LandingPipeline(StrEnum):
    """The pipeline that the data is for."""

    training = "training"
    evaluation = "evaluation"


def register(app: typer.Typer) -> None:
    app.command(short_help="Upload data below the data prefix; a run starts automatically.")(land)


def land(
    sources: Annotated[
        list[Path],
        typer.Argument(metavar="FILE…|FOLDER…", help="What to upload.", show_default=False),
    ],
    to: Annotated[
        str, typer.Option("--to", metavar="FOLDER", help="A folder below the data prefix.")
    ] = "",
    pipeline: Annotated[
        LandingPipeline,
        typer.Option("--for", help="Data to train on, or labelled data to evaluate on."),
    ] = LandingPipeline.training,
    again: Annotated[
        bool, typer.Option("--again", help="Also send files that are already there.")
    ] = False,
    follow: Annotated[
        bool,
        typer.Option("--follow", "-f", help="Wait for the run that it starts, and for its end."),
    ] = False,
    yes: Yes = False,
    environment: Environment = "dev",
    model: Model = None,
    local: Local = None,
) -> None:
    """Upload data below the data prefix; a run starts once nothing more lands.

    A folder keeps its name and its files: `ratchet land 2013-01` writes
    raw/2013-01/… Files that are already there with the same content are not sent
    again. With --for evaluation, they go below the prefix of labelled data, and
    the champion is evaluated on them.
    """
    from ratchet.deployment.runs import executions, landing
    from ratchet.deployment.target import facts

    doing = "upload data, and a run starts on it"
    target = connect_to_change(environment, local, model, doing=doing, yes=yes)
    deployed = facts.read(target)
    intake = target.settings.intake(pipeline.value)
    # The deployed facts name the prefix that the deployed trigger of training watches.
    prefix = deployed.data_prefix if pipeline is LandingPipeline.training else intake.prefix
    parcels = landing.parcels(sources, prefix=prefix, below=to)
    name = target.settings.pipeline_name(pipeline.value)
    before = {run.id for run in executions.listed(target, pipeline=name, limit=1)}
    with byte_progress("landing") as progress:
        task = progress.add_task("landing", total=sum(parcel.size for parcel in parcels))
        landed = landing.land(
            target.client("s3"),
            bucket=deployed.data_bucket,
            parcels=parcels,
            again=again,
            sent=lambda amount: progress.advance(task, amount),
        )
    _report(landed, bucket=deployed.data_bucket)
    if follow:
        _follow(target, name, before, intake, landed=any(i.verdict != "unchanged" for i in landed))
    elif again or any(item.verdict != "unchanged" for item in landed):
        follows = (
            f"A run starts once nothing has landed for {intake.settle_seconds} s. See it: "
            f"{target.command('runs')}"
            if intake.enabled
            else f"The trigger is off here. Start a run: {target.command(f'run {pipeline.value}')}"
        )
        err().print(f"[dim]{follows}[/]", soft_wrap=True)


def _follow(
    target: Target, pipeline: str, before: set[str], intake: Intake, *, landed: bool
) -> None:
    """Follows the run that starts on what has landed.

    Raises:
        DeploymentError: none starts, with what to look at.
    """
    from ratchet.cli.commands.runs import show_to_the_end
    from ratchet.deployment.errors import DeploymentError

    if not landed:
        out().print("Nothing is new, so no run starts.")
        return
    if not intake.enabled:
        command = target.command(f"run {intake.kind}")
        raise DeploymentError(f"The trigger is off here, so no run starts by itself: {command}")
    waiting = f"[dim]a run starts once nothing has landed for {intake.settle_seconds} s[/]"
    with err().status(waiting):
        run = _started(target, pipeline, before, intake)
    show_to_the_end(target, run)


def _started(target: Target, pipeline: str, before: set[str], intake: Intake) -> Run:
    from ratchet.deployment.errors import DeploymentError
    from ratchet.deployment.runs import executions

    seconds = intake.settle_seconds + intake.max_wait_seconds + _START_SECONDS
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for run in executions.listed(target, pipeline=pipeline, limit=1):
            if run.id not in before:
                return run
        time.sleep(_LOOK_SECONDS)
    raise DeploymentError(
        f"No run of {pipeline} started within {seconds} s. What stands in its way: "
        f"{target.command('status')}"
    )


def _report(landed: Sequence[Landed], *, bucket: str) -> None:
    console = out()
    sent = [item for item in landed if item.verdict != "unchanged"]
    for item in sent[:SHOWN]:
        console.print(
            f"{item.verdict:8} s3://{bucket}/{escape(item.parcel.key)}  "
            f"[dim]{size(item.parcel.size)}[/]",
            soft_wrap=True,
        )
    if len(sent) > SHOWN:
        console.print(f"… and {len(sent) - SHOWN:,} more")
    kinds = Counter(item.verdict for item in landed)
    total = sum(item.parcel.size for item in landed)
    console.print(
        f"{count(len(landed), 'file')}, {size(total)}: {kinds['new']:,} new, "
        f"{kinds['changed']:,} changed, {kinds['unchanged']:,} already there"
    )
