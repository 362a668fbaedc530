"""The program `ratchet`."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from typing import Annotated, Any, NoReturn

import typer
from rich.markup import escape
from typer.exceptions import TyperException

from ratchet.cli.commands import (
    candidates,
    check,
    clean,
    cloud,
    costs,
    deploy,
    diff,
    graph,
    import_pipeline,
    init,
    land,
    lineage,
    logs,
    models,
    monitor,
    notebook,
    permissions,
    predict,
    promote,
    pull,
    remove,
    run,
    runs,
    settings,
    status,
    upgrade,
)
from ratchet.cli.console import err, out
from ratchet.cli.options import (
    BeforeTheCommand,
    CommandGroup,
    Local,
    Model,
    name_nearest_option,
)

DEBUG_VARIABLE = "RATCHET_DEBUG"


class Commands(CommandGroup):
    """Prints an error as a message; RATCHET_DEBUG=1 shows the trace instead."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except TyperException as problem:
            name_nearest_option(problem)
            raise
        except (typer.Exit, typer.Abort):
            raise
        except Exception as problem:
            message = None if os.environ.get(DEBUG_VARIABLE) else explanation(problem)
            if message is None:
                raise
            fail(message, status=_status(problem))


def explanation(problem: Exception) -> str | None:
    """The message of an error that a user can correct; None for a bug."""
    from ratchet.authoring import BundleError, DefinitionError
    from ratchet.deployment.errors import DeploymentError, explain
    from ratchet.local_cloud.layout import LocalCloudError
    from ratchet.node import NodeMissingError
    from ratchet.runner.errors import RunnerError
    from ratchet.settings.schema import SettingsError
    from ratchet.template.data import DataError
    from ratchet.template.upgrading import MergeError
    from ratchet.template.writing import ExistingFilesError

    ours = (
        DeploymentError,
        SettingsError,
        DefinitionError,
        BundleError,
        NodeMissingError,
        LocalCloudError,
        RunnerError,
        DataError,
        ExistingFilesError,
        MergeError,
    )
    if isinstance(problem, ours):
        return str(problem)
    if isinstance(problem, OSError) and problem.errno == errno.ENOSPC:
        return f"{problem.filename or 'stdout'} takes no more: {problem.strerror}"
    return explain(problem)


def _status(problem: Exception) -> int:
    """2 for a command line that is wrong in itself, as Typer's own errors; 1 for a refusal."""
    from ratchet.deployment.errors import UsageError

    return 2 if isinstance(problem, UsageError) else 1


def fail(message: str, *, status: int = 1) -> NoReturn:
    err().print(f"[bold red]error[/] {escape(message)}", soft_wrap=True)
    raise typer.Exit(status)


app = typer.Typer(
    cls=Commands,
    name="ratchet",
    help="A SageMaker model loop: land data, train, compare, approve, serve, watch for drift.",
    epilog="An environment is on AWS, or on the local cloud: its settings, or --local, say which.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(wanted: bool) -> None:
    if wanted:
        from ratchet.version import version

        out().print(f"ratchet {version()}")
        raise typer.Exit


@app.callback()
def options(
    environment: BeforeTheCommand = None,
    model: Model = None,
    local: Local = None,
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_version, help="Print the version."),
    ] = False,
) -> None:
    """Options of the program itself."""


app.add_typer(cloud.app, name="cloud")
for module in (
    deploy,
    import_pipeline,
    land,
    run,
    runs,
    logs,
    pull,
    models,
    status,
    settings,
    clean,
    permissions,
    predict,
    promote,
    lineage,
    graph,
    diff,
    check,
    init,
    remove,
    upgrade,
):
    module.register(app)
app.add_typer(costs.app, name="costs")
app.add_typer(monitor.app, name="monitor")
app.add_typer(candidates.app, name="candidates")
app.add_typer(notebook.app, name="notebook")


def main() -> None:
    _prepare_output()
    try:
        app()
    finally:
        _end_output()


def _prepare_output() -> None:
    """Makes stdout and stderr take every text, whatever the locale, and wherever they go."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started this process
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _end_output() -> None:
    """Writes out what stdout still holds, and says why it cannot: the disk is full.

    A reader that has gone, as in `ratchet runs | head`, is no failure worth a word.
    """
    try:
        sys.stdout.flush()
    except OSError as problem:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if problem.errno == errno.EPIPE:
            sys.exit(1)
        err().print(f"[bold red]error[/] stdout takes no more: {problem.strerror}", soft_wrap=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
