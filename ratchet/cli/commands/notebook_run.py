"""`ratchet notebook run`: a notebook on this machine, on the loop's newest data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from ratchet.cli.console import echo, echo_json, err, out
from ratchet.cli.options import Environment, Json, Local, Model, connect

if TYPE_CHECKING:
    from collections.abc import Callable

    from ratchet.notebooks.executed_copy import NotebookRun
    from ratchet.notebooks.landed_data import LandedData
    from ratchet.runner.notebook_driver import CellProgress


def register(app: typer.Typer) -> None:
    app.command(short_help="Run a notebook here, on the newest landed data.")(run)


def run(
    notebook: Annotated[
        Path, typer.Argument(metavar="NOTEBOOK", help="An .ipynb, or a script with `# %%` cells.")
    ],
    parameter: Annotated[
        list[str] | None,
        typer.Option("-p", "--parameter", metavar="name=value", help="May be given repeatedly."),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="FILE", help="Write the executed notebook here too."),
    ] = None,
    kernel: Annotated[
        str,
        typer.Option("--kernel", metavar="NAME", help="A Jupyter kernel; python3 is this Python."),
    ] = "python3",
    as_json: Json = False,
    environment: Environment = "dev",
    model: Model = None,
    local: Local = None,
) -> None:
    """Run a notebook on this machine, on the newest landed data.

    The cell tagged `parameters` says what the notebook takes, in which types. It
    gets three by itself, if it has them: `data`, the folder with the landed
    files, which are fetched once; `manifest`, the URI of their list; and
    `environment`. In a pipeline (`p.notebook`) every parameter arrives as a text.
    ratchet.connect() in the notebook leads to the same environment.

    The executed notebook is kept in .ratchet/notebooks/, with the date and the
    digests of data and code, also when a cell fails: then the exit status is 1.
    """
    from ratchet.notebooks import parameters, running

    values = parameters.split(parameter or ())
    document = running.load(notebook)  # before a cloud is started for it
    target = connect(environment, local, model)
    prepared = running.prepare(target, document, values, fetching=_fetching)
    _say_parameters(prepared.parameters)
    try:
        result = running.run(
            target, prepared, progress=_progress(quiet=as_json), kernel=kernel, to=to
        )
    except KeyboardInterrupt:
        err().print("\nInterrupted; its kernel has ended.")
        raise typer.Exit(130) from None
    if as_json:
        echo_json(_plain(result))
    else:
        _say(result, target.root)
    if not result.ok:
        raise typer.Exit(1)


def _fetching(data: LandedData) -> Callable[[int], None]:
    err().print(f"[dim]data {escape(data.label)} {data.digest[:12]}[/]", soft_wrap=True)
    return lambda size: None


def _say_parameters(parameters: Any) -> None:
    for name, value in parameters.items():
        err().print(f"[dim]{escape(name)} = {escape(repr(value))}[/]", soft_wrap=True)


def _progress(*, quiet: bool) -> CellProgress:
    from ratchet.runner.notebook_driver import CellProgress

    def cell(number: int, of: int, code: str) -> None:
        err().print(f"[cyan]{number}/{of}[/] [dim]{escape(code)}[/]", soft_wrap=True)

    def text(stream: str, text: str) -> None:
        if stream == "stdout" and not quiet:
            echo(text, newline=False)
        else:
            err().out(text, end="")

    return CellProgress(cell=cell, text=text)


def _say(result: NotebookRun, root: Path) -> None:
    executed = result.executed.relative_to(root)
    if result.failure is None:
        took = f"{result.seconds:.1f} s"
        out().print(f"[green]✓[/] {escape(result.notebook)} [dim]in {took}[/]", soft_wrap=True)
    else:
        place = f"cell {result.failure.cell}" if result.failure.cell else "the parameters"
        line = f"[red]✗[/] {escape(result.notebook)}, {place}: {escape(result.failure.error)}"
        out().print(line, soft_wrap=True)
    out().print(f"  [dim]executed[/] {escape(str(executed))}", soft_wrap=True)
    if result.data:
        label = f"{escape(result.data_label)} " if result.data_label else ""
        out().print(f"  [dim]data[/]     {label}{result.data[:12]}", soft_wrap=True)
    out().print(f"  [dim]code[/]     {result.code}", soft_wrap=True)


def _plain(result: NotebookRun) -> Any:
    from ratchet.views.plain import as_json

    return {**as_json(result), "ok": result.ok}
