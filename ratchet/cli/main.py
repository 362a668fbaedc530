"""The program `ratchet`."""

from __future__ import annotations

import os
from typing import Any, NoReturn

import typer
from rich.markup import escape
from typer.core import TyperGroup
from typer.exceptions import TyperException

from ratchet.cli.commands import (
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
    permissions,
    predict,
    run,
    runs,
    status,
    upgrade,
)
from ratchet.cli.console import err
from ratchet.cli.options import name_nearest_option

DEBUG_VARIABLE = "RATCHET_DEBUG"


class Commands(TyperGroup):
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
            fail(message)


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
    return explain(problem)


def fail(message: str) -> NoReturn:
    err().print(f"[bold red]error[/] {escape(message)}", soft_wrap=True)
    raise typer.Exit(1)


app = typer.Typer(
    cls=Commands,
    name="ratchet",
    help="A SageMaker model loop: land data, train, compare, approve, serve, watch for drift.",
    epilog="Commands go to AWS, or with --local (or RATCHET_LOCAL=1) to a cloud on this machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
app.add_typer(cloud.app, name="cloud")
for module in (
    deploy,
    import_pipeline,
    land,
    run,
    runs,
    logs,
    models,
    status,
    clean,
    permissions,
    predict,
    lineage,
    graph,
    diff,
    check,
    init,
    upgrade,
):
    module.register(app)
app.add_typer(costs.app, name="costs")
app.add_typer(monitor.app, name="monitor")


def main() -> None:
    app()


if __name__ == "__main__":
    main()
