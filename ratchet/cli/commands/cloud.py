"""`ratchet cloud`: the local cloud."""

from __future__ import annotations

import os
import shlex
from collections import deque
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from ratchet.cli.acting_project import acting_project
from ratchet.cli.console import echo, echo_json, err, out
from ratchet.cli.options import CommandGroup, Environment, Json, Role, before_the_command
from ratchet.cli.shells import Shell
from ratchet.cli.views.wording import count, moment

if TYPE_CHECKING:
    from ratchet.deployment.target.local_clouds import LocalClouds
    from ratchet.local_cloud.control import CloudEndpoint

app = typer.Typer(
    cls=CommandGroup, help="The local cloud: AWS's APIs on this machine.", no_args_is_help=True
)
app.callback()(before_the_command)

Folder = Annotated[
    Path | None,
    typer.Option(
        "--folder",
        help="The cloud's folder, relative to the project. Default: the folder of RATCHET_LOCAL, "
        "or .ratchet/cloud.",
        show_default=False,
    ),
]


def _clouds() -> LocalClouds:
    from ratchet.deployment.target.local_clouds import LocalClouds
    from ratchet.project import current

    return LocalClouds(current().root)


def _folder(folder: Path | None) -> Path:
    if folder is not None:
        return folder if folder.is_absolute() else _clouds().folder(folder)
    named = _clouds().chosen(True, setting=True)
    assert named is not None, "--local always names a folder"
    return named


def _option(folder: Path | None) -> str:
    return "" if folder is None else f" --folder {shlex.quote(str(folder))}"


@app.command()
def up(
    environment: Environment = "dev",
    port: Annotated[
        int | None,
        typer.Option(help="The port to listen on; default: any free port.", min=1, max=65535),
    ] = None,
    folder: Folder = None,
) -> None:
    """Start the local cloud in the background, if it is not running.

    With --folder, a new local cloud is made in a new or an empty folder.

    With RATCHET_UNAUTHORISED=1, it does not enforce permissions.
    """
    from ratchet.local_cloud import control

    project, clouds, place = acting_project(), _clouds(), _folder(folder)
    model = project.models[0] if project.models else None  # a region is of all models
    region = project.settings(environment, model).region
    endpoint = control.up(place, region=region, port=port)
    out().print(
        f"The local cloud answers at [bold]{endpoint.url}[/] (account {endpoint.account}, "
        f"{endpoint.region}, process {endpoint.pid}{_unenforced(endpoint)})",
        soft_wrap=True,
    )
    console = err()
    if folder is not None and place != clouds.own:
        name = escape(shlex.quote(clouds.shown(place)))
        console.print(
            f"[dim]For ratchet:            export RATCHET_LOCAL={name}[/]", soft_wrap=True
        )
    console.print(
        f"[dim]For aws, boto3 and cdk: {escape(_eval(folder))}[/]",
        soft_wrap=True,
    )


@app.command()
def down(folder: Folder = None) -> None:
    """Stop the local cloud. Its content is back after the next `up`."""
    from ratchet.local_cloud import control

    was_up = control.down(_folder(folder))
    out().print(
        "The local cloud is down; its state stays" if was_up else "The local cloud was not up"
    )


@app.command()
def status(folder: Folder = None) -> None:
    """Show whether the local cloud runs, where, and whether it enforces permissions.

    The exit status is 1 if it does not run.
    """
    from ratchet.local_cloud import control

    place = _folder(folder)
    endpoint = control.status(place)
    if endpoint is None:
        out().print(f"The local cloud is down. State: {escape(str(place))}", soft_wrap=True)
        raise typer.Exit(1)
    since = moment(endpoint.started, datetime.now().astimezone())
    lines = [
        f"The local cloud is up at [bold]{endpoint.url}[/] since {since}",
        f"  account {endpoint.account} · {endpoint.region} · process {endpoint.pid}",
        f"  permissions {_permissions(endpoint)}",
        f"  state {escape(str(place))}",
        f"  log   {escape(str(control.log_file(place)))}",
    ]
    out().print("\n".join(lines), soft_wrap=True)


@app.command()
def env(
    shell: Annotated[
        Shell, typer.Option("--shell", help="The shell's syntax; sh also covers bash and zsh.")
    ] = Shell.sh,
    role: Role = None,
    as_json: Json = False,
    folder: Folder = None,
) -> None:
    """Print the variables for aws, boto3 and cdk: eval "$(ratchet cloud env)".

    They set the address, the region and the keys, and unset what would override
    them, such as AWS_PROFILE.

    With --role, or RATCHET_ROLE, they are the credentials of a session of that
    role, valid for an hour.

    With --json, a variable to unset is null.
    """
    from ratchet.deployment.target.acting import session_variables
    from ratchet.local_cloud import control

    endpoint = control.status(_folder(folder))
    if endpoint is None:
        err().print(
            f"[bold red]error[/] The local cloud is down. Start it: ratchet cloud up"
            f"{escape(_option(folder))}",
            soft_wrap=True,
        )
        raise typer.Exit(1)
    variables = session_variables(endpoint, role) if role else endpoint.environment()
    foreign = control.foreign_variables(os.environ)
    if as_json:
        echo_json({**dict.fromkeys(foreign), **variables})
        return
    lines = [shell.unset(name) for name in foreign]
    lines += [shell.export(name, value) for name, value in variables.items()]
    echo("\n".join(lines))


@app.command()
def logs(
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=1, help="How many lines, from the end.")
    ] = 50,
    folder: Folder = None,
) -> None:
    """Print the last lines of the local cloud's log."""
    from ratchet.local_cloud import control

    file = control.log_file(_folder(folder))
    if not file.exists():
        err().print(
            f"There is no log yet ({escape(str(file))}): the local cloud never ran", soft_wrap=True
        )
        raise typer.Exit(1)
    with file.open(errors="replace") as text:
        for line in deque(text, maxlen=lines):
            echo(line, newline=False)


@app.command()
def reset(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    folder: Folder = None,
) -> None:
    """Stop the local cloud and delete its content: stacks, data, runs, models, keys.

    Your own files in its folder stay. A folder without a local cloud is refused.
    """
    from ratchet.local_cloud import control
    from ratchet.local_cloud.folder import check
    from ratchet.local_cloud.layout import Layout

    place = _folder(folder)
    check(Layout(place))
    if not yes:
        typer.confirm(f"Delete the local cloud in {place}?", abort=True)
    left = control.reset(place)
    if left:
        out().print(
            f"Left in {escape(str(place))}, since it is not the local cloud's: "
            f"{escape(', '.join(left))}",
            soft_wrap=True,
        )
    out().print(f"The local cloud is empty. Next: {escape(_deploy(place))}", soft_wrap=True)


def _deploy(place: Path) -> str:
    from ratchet.deployment.target.environment import DEFAULT_ENVIRONMENT, ENVIRONMENT_VARIABLE
    from ratchet.deployment.target.local_clouds import LocalClouds
    from ratchet.project import NoProjectError, current

    try:
        project = current()
        environment = os.environ.get(ENVIRONMENT_VARIABLE, DEFAULT_ENVIRONMENT)
        local = project.settings(environment, project.models[0]).local
    except (NoProjectError, LookupError, ValueError):  # a cloud is reset without a project, too
        return "ratchet deploy"
    return LocalClouds(project.root).command("deploy", place, setting=local)


def _eval(folder: Path | None) -> str:
    return f'eval "$(ratchet cloud env{_option(folder)})"'


def _unenforced(endpoint: CloudEndpoint) -> str:
    return "" if endpoint.enforced else ", permissions not enforced"


def _permissions(endpoint: CloudEndpoint) -> str:
    """`enforced · 2 requests refused since the start`."""
    if not endpoint.enforced:
        return "[yellow]not enforced[/] (started with RATCHET_UNAUTHORISED=1)"
    from ratchet.local_cloud import control

    refusals = control.refusals(endpoint)
    if refusals is None:
        return "enforced"
    return f"enforced · {count(refusals, 'request')} refused since the start"
