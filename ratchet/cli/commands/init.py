"""`ratchet init`: a project, or one more model in it."""

from __future__ import annotations

import re
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from ratchet.cli.console import err, out

if TYPE_CHECKING:
    from ratchet.loop.problems import Kind
    from ratchet.template.data import DataFolder, LearningPlan

_NAME = re.compile(r"[a-z][a-z0-9]{0,19}")


class ProblemKind(StrEnum):
    binary = "binary"
    multiclass = "multiclass"
    regression = "regression"


def register(app: typer.Typer) -> None:
    app.command(short_help="Write a project, or one more model into it.")(init)


def init(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Of the project; its folder is made here."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", "-m", metavar="NAME", help="Add this model to the project you are in."
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="FOLDER", help="CSV or Parquet files, as they will land."),
    ] = None,
    label: Annotated[
        str | None, typer.Option("--label", metavar="COLUMN", help="What the model predicts.")
    ] = None,
    problem: Annotated[
        ProblemKind | None,
        typer.Option("--problem", help="What kind of label it is; otherwise guessed from it."),
    ] = None,
) -> None:
    """Write a project with one model, or with --model one more model into this project.

    The scripts train on your data at once. What is not given is asked for on a
    terminal. No file that is there is overwritten.
    """
    from ratchet.cli.acting_project import acting_project
    from ratchet.settings import loading
    from ratchet.template import files, problem_files, writing
    from ratchet.template.data import read_data
    from ratchet.version import version

    if (name is None) == (model is None):
        raise typer.BadParameter(
            "say NAME for a new project, or --model NAME for one more model in this project",
            param_hint="NAME",
        )
    chosen = _checked(name or str(model))
    rows = read_data(data or _ask_for_folder())
    plan = rows.plan(label=label or _ask_for_label(rows), problem=_kind(problem))
    written = {**files.model_files(chosen), **problem_files.problem_files(plan, chosen)}
    if model is None:
        root = Path.cwd() / chosen
        written |= files.project_files(chosen, version=version())
    else:
        project = acting_project()
        root = project.root
        if chosen in project.models:
            raise writing.ExistingFilesError(
                f"{root} has a model {chosen!r} already; choose another name"
            )
        loading.project_name(project.config)
    writing.write(root, written)
    _say(plan)
    _say_next(chosen, root, data, is_new=model is None)


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        possible = re.sub(r"[^a-z0-9]", "", name.lower()).lstrip("0123456789")[:20] or "prices"
        raise typer.BadParameter(
            f"{name!r} names resources of SageMaker and a folder of Python modules; expected up "
            f"to 20 lower-case letters and digits, such as {possible!r}",
            param_hint="NAME",
        )
    return name


def _ask_for_folder() -> Path:
    return Path(_ask("Folder with your data (CSV or Parquet)", missing="--data FOLDER"))


def _ask_for_label(rows: DataFolder) -> str:
    proposed = rows.proposed
    if proposed is not None and proposed.by_name and not sys.stdin.isatty():
        said = f"The label is {proposed.name!r}: {proposed.reason}; another one: --label COLUMN"
        err().print(escape(said), soft_wrap=True)
        return proposed.name
    if proposed is not None:
        err().print(f"[dim]{escape(proposed.reason)}[/]", soft_wrap=True)
    columns = ", ".join(column.name for column in rows.columns)
    err().print(f"Columns: {escape(columns)}", soft_wrap=True)
    default = proposed.name if proposed is not None else None
    return _ask("Column that the model predicts", missing="--label COLUMN", default=default)


def _ask(question: str, *, missing: str, default: str | None = None) -> str:
    if not sys.stdin.isatty():
        raise typer.BadParameter(f"say it: {missing}", param_hint=missing.split()[0])
    return str(typer.prompt(question, default=default))


def _kind(problem: ProblemKind | None) -> Kind | None:
    return problem.value if problem is not None else None


def _say(plan: LearningPlan) -> None:
    console, target = out(), plan.target
    for note in plan.notes:
        console.print(f"[dim]{escape(note)}[/]", soft_wrap=True)
    console.print(
        f"A {target.problem} model of {escape(repr(target.label))} from "
        f"{len(plan.features)} columns."
    )


def _say_next(name: str, root: Path, data: Path | None, *, is_new: bool) -> None:
    console = out()
    more = "" if is_new else f" -m {name}"
    drop = data if data is not None else Path("DATA")
    console.print(f"Written: {escape(str(root))}\n\n[bold]Next[/]")
    if is_new:
        console.print(f"  cd {escape(name)}")
        drop = drop if drop.is_absolute() else Path("..") / drop
    for command, what in (
        (f"ratchet check{more}", "the scripts, on a sample of your rows"),
        (f"ratchet deploy{more}", "to the local cloud on this machine"),
        (f"ratchet land {drop}{more} --follow", "your data; a run starts by itself"),
        (f"ratchet approve 1{more}", "serves version 1"),
    ):
        console.print(f"  {escape(command):44} [dim]# {what}[/]", soft_wrap=True)
