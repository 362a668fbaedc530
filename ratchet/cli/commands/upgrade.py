"""`ratchet upgrade`: the project's own files, brought up to date with this version."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.text import Text

from ratchet.cli.acting_project import acting_project
from ratchet.cli.console import out

if TYPE_CHECKING:
    from ratchet.template.upgrading import FileChange


def register(app: typer.Typer) -> None:
    app.command(short_help="Bring the project's files up to date with this version.")(upgrade)


def upgrade(
    write: Annotated[
        bool, typer.Option("--write", help="Change the files. Otherwise only show the changes.")
    ] = False,
) -> None:
    """Show what this version of Ratchet would change in the project's own files.

    With --write it changes them and keeps your edits. Where you and this version
    changed the same lines, both stand in the file between git's marks. The exit
    status is then 1. Undo is git.
    """
    from ratchet.template import projects, upgrading

    console = out()
    project = acting_project()
    plan = projects.upgrade(project)
    if not plan.changes:
        console.print(f"The project's files are those of version {plan.to_version}.")
        return
    for change in plan.changes:
        console.print(f"{escape(change.path)}  [dim]{change.outcome.value}[/]")
        if not write:
            console.print(_difference(change), soft_wrap=True)
    conflicts = [change.path for change in plan.changes if change.conflicts]
    if not write:
        console.print(
            f"\n{plan.from_version} → {plan.to_version}. To change the files: "
            "ratchet upgrade --write"
        )
        return
    upgrading.write(project.root, plan.changes)
    console.print(f"\nThe project is one of version {plan.to_version} now. Look: git diff")
    if conflicts:
        console.print(f"Resolve the marks in: {', '.join(map(escape, conflicts))}")
        raise typer.Exit(1)


def _difference(change: FileChange) -> Text:
    text = Text()
    if change.after is None:
        return text
    lines = difflib.unified_diff(
        (change.before or b"").decode(errors="replace").splitlines(),
        change.after.decode(errors="replace").splitlines(),
        lineterm="",
        n=1,
    )
    for line in list(lines)[2:]:
        style = {"+": "green", "-": "red", "@": "dim"}.get(line[:1], "")
        text.append(f"    {line}\n", style=style)
    return text
