"""`ratchet notebook`: how stable the steps of a notebook are, and runs of a notebook."""

from __future__ import annotations

import typer

from ratchet.cli.commands import notebook_run, notebook_status
from ratchet.cli.options import CommandGroup, before_the_command

app = typer.Typer(
    cls=CommandGroup,
    name="notebook",
    help="Notebooks: which steps are stable, and runs on the loop's data.",
    no_args_is_help=True,
)
app.callback()(before_the_command)
app.command("status", short_help="Show which steps are stable enough for a pipeline.")(
    notebook_status.status
)
notebook_run.register(app)
