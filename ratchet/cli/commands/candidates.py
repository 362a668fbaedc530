"""`ratchet candidates`: foundation models on a model's own rows, before anybody integrates one."""

from __future__ import annotations

import typer

from ratchet.cli.commands import candidates_down, candidates_list, candidates_show, candidates_try
from ratchet.cli.options import CommandGroup, before_the_command

app = typer.Typer(
    cls=CommandGroup,
    name="candidates",
    help="List foundation models, and try them on your rows.",
    no_args_is_help=True,
)
app.callback()(before_the_command)
for module in (candidates_list, candidates_show, candidates_try, candidates_down):
    module.register(app)
