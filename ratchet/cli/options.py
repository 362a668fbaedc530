"""Options that commands share, and the line that says which environment a command uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from ratchet.cli.console import err

if TYPE_CHECKING:
    from ratchet.deployment.target.environment import Target

Environment = Annotated[
    str,
    typer.Option(
        "--env", "-e", envvar="RATCHET_ENV", help="Environment: a file in config/.", metavar="NAME"
    ),
]
Local = Annotated[
    bool | None,
    typer.Option(
        "--local/--no-local",
        help="Use the local cloud on this machine, or AWS. RATCHET_LOCAL=1 (or a folder) makes "
        "the local cloud the default.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
Follow = Annotated[
    bool, typer.Option("--follow/--no-follow", help="Show the steps until the run has ended.")
]
Role = Annotated[
    str | None,
    typer.Option(
        "--role",
        envvar="RATCHET_ROLE",
        metavar="NAME",
        help="Use a session of this role (a name or an ARN) instead of the administrator's keys.",
        show_default=False,
    ),
]
RunName = Annotated[
    str,
    typer.Argument(metavar="RUN", help="An id, the beginning of one, a display name, or `latest`."),
]
VersionName = Annotated[
    str,
    typer.Argument(metavar="VERSION", help="A model version such as 3, or `latest`."),
]


def connect(environment: str, local: bool | None) -> Target:
    """Opens the environment and prints its account, region and endpoint, dimly, to stderr."""
    from ratchet.deployment.target import environment as targets

    console = err()
    target = targets.open_target(
        environment=environment,
        local=local,
        starting=lambda: console.print("[dim]starting the local cloud …[/]"),
    )
    announce(target)
    return target


def announce(target: Target) -> None:
    err().print(f"[dim]{escape(where(target))}[/]", soft_wrap=True)


def where(target: Target) -> str:
    """`dev on the local cloud · account 000000000000 · us-east-1 · http://127.0.0.1:4566`.

    On the local cloud with a role's session, `dev on the local cloud as NAME · …`.
    """
    place = "the local cloud" if target.local else "another endpoint" if target.endpoint else "AWS"
    if target.role:
        place += f" as {target.role}"
    if not target.enforced:
        place += ", permissions not enforced"
    parts: list[Any] = [
        f"{target.settings.environment} on {place}",
        f"account {target.account}",
        target.region,
        target.endpoint or f"sagemaker.{target.region}.amazonaws.com",
    ]
    return " · ".join(parts)


def name_nearest_option(problem: Any) -> None:
    """Add to Typer's error about an unknown option the one that was probably meant.

    Typer finds names with a typing error; it does not find `--env` for `--environment`.
    """
    if getattr(problem, "possibilities", None) is None or problem.ctx is None:
        return
    options = [name for param in problem.ctx.command.params for name in param.opts]
    wrong = problem.option_name
    begins = [
        name
        for name in options
        if name.startswith("--") and (wrong.startswith(name) or name.startswith(wrong))
    ]
    near = begins or problem.possibilities
    if near:
        problem.message += f". Did you mean {' or '.join(near)}?"
    problem.possibilities = None
