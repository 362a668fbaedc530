"""`ratchet status`: what serves, what should serve, what is under way, and drift."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group

from ratchet.cli.console import echo_json, err, out
from ratchet.cli.options import Environment, Json, Local, Model, connect

if TYPE_CHECKING:
    from ratchet.deployment.standing import Standing
    from ratchet.deployment.target.environment import Target


def register(app: typer.Typer) -> None:
    app.command(short_help="Show what serves, what should, what is under way, and drift.")(status)


def status(
    follow: Annotated[
        bool,
        typer.Option(
            "--follow",
            "-f",
            help="Wait until the wanted version serves, or its deployment has failed.",
        ),
    ] = False,
    as_json: Json = False,
    environment: Environment = "dev",
    model: Model = None,
    local: Local = None,
) -> None:
    """Show what serves, what should serve, what is under way, drift, and why.

    With --follow, the exit status is 1 if the wanted version could not be
    deployed.
    """
    from ratchet.cli.views.status_view import as_document, document
    from ratchet.deployment import standing as standings

    target = connect(environment, local, model)
    standing = _settle(target) if follow else standings.look(target)
    now = datetime.now().astimezone()
    if as_json:
        echo_json(as_document(standing, now=now))
    else:
        console = out()
        for part in document(
            standing,
            now=now,
            width=console.width,
            command=target.command,
        ):
            console.print(part, soft_wrap=not isinstance(part, Group), crop=False)
    highest = standing.highest_approved
    if follow and highest is not None and standing.deployed != highest.version:
        raise typer.Exit(1)


def _settle(target: Target) -> Standing:
    """Reads the state again and again until nothing is under way; Ctrl-C ends it."""
    from ratchet.deployment import standing as standings

    console = err()
    before = ""
    with console.status("[dim]waiting until the wanted version serves[/]"):
        standing = standings.look(target)
        while not (standing.settled or _stuck(standing)):
            stack, live = standing.stack, standing.live
            parts = [f"stack {stack.status}"] if stack else []
            now = " · ".join([*parts, *([f"endpoint {live.status}"] if live else [])])
            if now != before:
                console.print(f"[dim]{datetime.now():%H:%M:%S} {now}[/]", soft_wrap=True)
                before = now
            time.sleep(1.0 if target.endpoint else 10.0)
            standing = standings.look(target)
    return standing


def _stuck(standing: Standing) -> bool:
    """Nothing is under way and nothing will follow: no version should serve, or none can."""
    busy = standing.stack is not None and standing.stack.busy
    return standing.serving is None or (standing.version_to_serve is None and not busy)
