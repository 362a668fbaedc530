"""Options that commands share, and the opening of the environment that they name.

`-e`, `-m` and `--local` may stand anywhere on the line: before the command's name or after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from ratchet.cli import completion, consent
from ratchet.cli.acting_project import acting_project
from ratchet.cli.console import err
from ratchet.cli.place import where

if TYPE_CHECKING:
    from ratchet.deployment.target.environment import Target

ANYWHERE = {"environment": "--env", "model": "--model", "local": "--local"}
"""Parameters that a command takes from the words before its name."""


def _typed(ctx: Any, name: str) -> bool:
    source = ctx.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _anywhere(ctx: typer.Context, param: typer.CallbackParam, value: Any) -> Any:
    """The value of the command line, wherever on it the option stands."""
    name = str(param.name)
    before: Any = ctx.parent
    while before is not None and not _typed(before, name):
        before = before.parent
    if before is None:
        return value
    if _typed(ctx, name) and value != before.params[name]:
        raise typer.BadParameter(f"it is there twice: {before.params[name]!r} and {value!r}")
    return before.params[name]


class CommandGroup(TyperGroup):
    """Commands that take `-e`, `-m` and `--local` from before their name, or refuse them."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _flags_without_type(super().get_params(ctx))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            _flags_without_type(command.get_params(ctx))
        return command

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None and not isinstance(command, TyperGroup):
            taken = {option for param in command.params for option in param.opts}
            while ctx is not None:
                for param, option in ANYWHERE.items():
                    if _typed(ctx, param) and option not in taken:
                        raise typer.BadParameter(f"{name} has no such option", param_hint=option)
                ctx = ctx.parent
        return name, command, rest


def _flags_without_type(params: list[Any]) -> list[Any]:
    """The parameters; in the help, `<bool>` does not stand beside `--json`."""
    for param in params:
        if getattr(param, "is_flag", False) and param.metavar is None:
            param.metavar = ""
    return params


def place_option(*names: str, help_text: str, **more: Any) -> Any:
    """An option that says where a command goes, and may stand before the command's name."""
    return typer.Option(*names, help=help_text, callback=_anywhere, **more)


_ENV: Any = {
    "metavar": "NAME",
    "autocompletion": completion.environments,
    "help_text": "Environment: a file in config/.",
}
_MODEL = place_option(
    "--model",
    "-m",
    metavar="NAME",
    envvar="RATCHET_MODEL",
    autocompletion=completion.models,
    show_default=False,
    help_text="Model: a folder in config/. Needed where the project has several.",
)
_LOCAL = place_option(
    "--local/--no-local",
    show_default=False,
    help_text="Use the local cloud on this machine, or AWS; default: what the settings or "
    "RATCHET_LOCAL say.",
)
Environment = Annotated[str, place_option("--env", "-e", envvar="RATCHET_ENV", **_ENV)]
Model = Annotated[str | None, _MODEL]
Local = Annotated[bool | None, _LOCAL]


BeforeTheCommand = Annotated[str | None, place_option("--env", "-e", show_default=False, **_ENV)]
"""`Environment` of a group: without a default, which its commands have."""


def before_the_command(
    environment: BeforeTheCommand = None,
    model: Model = None,
    local: Local = None,
) -> None:
    """Takes the options of a group, which its commands read."""


Yes = Annotated[
    bool,
    typer.Option(
        "--yes", "-y", help="Do not ask, as before the first change of an environment on AWS."
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
    typer.Argument(
        metavar="RUN",
        help="An id, the beginning of one, a display name, or `latest`.",
        autocompletion=completion.runs,
    ),
]
VersionName = Annotated[
    str,
    typer.Argument(
        metavar="VERSION",
        help="A model version such as 3, or `latest`.",
        autocompletion=completion.versions,
    ),
]


PipelineName = Annotated[
    str,
    typer.Argument(
        metavar="PIPELINE", help="For example `training`.", autocompletion=completion.pipelines
    ),
]
AnyPipelineName = Annotated[
    str | None,
    typer.Argument(
        metavar="PIPELINE",
        help="For example `training`. Default: all.",
        autocompletion=completion.pipelines,
    ),
]


def connect(environment: str, local: bool | None, model: str | None = None) -> Target:
    """Opens the environment of a model, for reading, and prints where it is, dimly, to stderr."""
    from ratchet.deployment.target import environment as targets

    console = err()
    target = targets.open_target(
        project=acting_project(),
        environment=environment,
        model=model,
        local=local,
        starting=lambda: console.print("[dim]starting the local cloud …[/]"),
    )
    announce(target)
    return target


def connect_to_change(
    environment: str, local: bool | None, model: str | None = None, *, doing: str, yes: bool
) -> Target:
    """Opens the environment of a model for a command that changes it: the first time on AWS, a
    person agrees.

    Args:
        doing: what the command will do, as in `it will deploy the stacks`.
        yes: the person has agreed on the command line.
    """
    target = connect(environment, local, model)
    consent.ensure(target, doing, yes=yes)
    return target


def announce(target: Target) -> None:
    console = err()
    console.print(where(target, width=console.width), style="dim", markup=False, soft_wrap=True)


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
