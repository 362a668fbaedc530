"""`ratchet cloud`: the AWS on this machine."""

from __future__ import annotations

from collections import deque
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from ratchet.cli.console import echo, err, out
from ratchet.cli.options import Environment
from ratchet.cli.wording import moment

app = typer.Typer(help="The local cloud: AWS's APIs on this machine.", no_args_is_help=True)


def _folder() -> Path:
    from ratchet.deployment.target import cloud_folder

    folder = cloud_folder(True)
    assert folder is not None, "--local always names a folder"
    return folder


@app.command()
def up(
    environment: Environment = "dev",
    port: Annotated[
        int | None, typer.Option(help="Listen here; any free port when not given.")
    ] = None,
) -> None:
    """Start it in the background, if it is not running."""
    from config.settings import load
    from ratchet.local_cloud import control

    endpoint = control.up(_folder(), region=load(environment).region, port=port)
    out().print(
        f"The local cloud answers at [bold]{endpoint.url}[/] (account {endpoint.account}, "
        f"{endpoint.region}, process {endpoint.pid})",
        soft_wrap=True,
    )
    console = err()
    console.print("[dim]For other programs (aws, boto3, cdk):[/]")
    for name, value in endpoint.environment().items():
        console.print(f"[dim]  export {name}={escape(value)}[/]", soft_wrap=True)


@app.command()
def down() -> None:
    """Stop it. What is in it stays, and is there again after the next `up`."""
    from ratchet.local_cloud import control

    was_up = control.status(_folder()) is not None
    control.down(_folder())
    out().print(
        "The local cloud is down; its state stays" if was_up else "The local cloud was not up"
    )


@app.command()
def status() -> None:
    """Say whether it runs, and where. Exit status 1 when it does not."""
    from ratchet.local_cloud import control

    endpoint = control.status(_folder())
    if endpoint is None:
        out().print(f"The local cloud is down. State: {_folder()}", soft_wrap=True)
        raise typer.Exit(1)
    since = moment(endpoint.started, datetime.now().astimezone())
    out().print(
        f"The local cloud is up at [bold]{endpoint.url}[/] since {since}\n"
        f"  account {endpoint.account} · {endpoint.region} · process {endpoint.pid}\n"
        f"  state {_folder()}\n"
        f"  log   {control.log_file(_folder())}",
        soft_wrap=True,
    )


@app.command()
def logs(
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=1, help="How many, from the end.")
    ] = 50,
) -> None:
    """The last lines of its log."""
    from ratchet.local_cloud import control

    file = control.log_file(_folder())
    if not file.exists():
        err().print(f"There is no log yet ({file}): the local cloud never ran", soft_wrap=True)
        raise typer.Exit(1)
    with file.open(errors="replace") as text:
        for line in deque(text, maxlen=lines):
            echo(line, newline=False)


@app.command()
def reset(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Stop it and delete everything in it: stacks, data, runs, models."""
    from ratchet.local_cloud import control

    folder = _folder()
    if not yes:
        typer.confirm(f"Delete everything in {folder}?", abort=True)
    control.reset(folder)
    out().print("The local cloud is empty. Next: ratchet deploy --local", soft_wrap=True)
