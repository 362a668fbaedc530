"""`ratchet promote`: a step of a notebook becomes a script, a test, and a call."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from ratchet.cli.acting_project import acting_project
from ratchet.cli.console import echo_json, err, out
from ratchet.cli.options import Json, Model

if TYPE_CHECKING:
    from ratchet.notebooks.promotion import StepPromotion


def register(app: typer.Typer) -> None:
    app.command(short_help="Make a script of a notebook's marked step.")(promote)


def promote(
    notebook: Annotated[
        Path, typer.Argument(help="The notebook: .ipynb, or a script with `# %%`.")
    ],
    step: Annotated[str, typer.Option("--step", help="The name of the marked step.")],
    name: Annotated[
        str | None, typer.Option("--as", help="The script's name; default: the step's.")
    ] = None,
    kernel: Annotated[
        str, typer.Option("--kernel", help="The kernel that runs the notebook.")
    ] = "python3",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show everything, write nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Write without a question.")] = False,
    as_json: Json = False,
    model: Model = None,
) -> None:
    """Make a script of the cells that are marked `#| step: NAME`.

    It runs the notebook and records what the step takes and makes. The
    script goes to steps/MODEL, a test and the recorded data to tests/MODEL,
    and a call of the script takes the cells' place. First the script must
    make the same output as the cells did, and the notebook go on with the
    same values. What cannot be promoted is refused, with cell, line and
    reason. Undo is git.
    """
    from ratchet.notebooks import promotion as promotions
    from ratchet.notebooks.refusals import NotPromotableError

    project = acting_project()
    request = promotions.Request(
        notebook=notebook.absolute(),
        step=step,
        root=project.root,
        model=project.model(model),
        name=name,
        kernel=kernel,
    )
    console = err()
    try:
        with console.status("[dim]reading the notebook[/]") as status:
            promotion = promotions.promote(
                request, lambda text: status.update(f"[dim]{escape(text)}[/]")
            )
    except NotPromotableError as problem:
        if as_json:
            echo_json({"step": step, "refusals": [each.to_json() for each in problem.refusals]})
            raise typer.Exit(1) from None
        raise
    if not as_json:
        _show(promotion)
    written = not dry_run and (yes if as_json else _agreed(yes=yes))
    if written:
        from ratchet.notebooks.writing import write

        write(promotion)
    if as_json:
        echo_json(_document(promotion, written=written))
    elif written:
        _next(promotion)
    else:
        console.print("Nothing was written" + (" (--dry-run)." if dry_run else "."))


def _agreed(*, yes: bool) -> bool:
    from ratchet.deployment.errors import DeploymentError

    if yes:
        return True
    if not sys.stdin.isatty():
        raise DeploymentError(
            "nobody is here to agree, so nothing was written. If this is what you mean, add --yes; "
            "to see it only, --dry-run"
        )
    if not typer.confirm("Write this?", default=False, err=True):
        err().print("Nothing was written.")
        raise typer.Exit(1)
    return True


def _show(promotion: StepPromotion) -> None:
    console, request = out(), promotion.request
    shown = request.script.relative_to(request.root).as_posix()
    console.print(f"[bold]{escape(shown)}[/]  [dim]new[/]")
    for line in promotion.script.rstrip().split("\n"):
        console.print(f"[green]+ {escape(line)}[/]" if line else "[green]+[/]", soft_wrap=True)
    test = request.test.relative_to(request.root).as_posix()
    recorded = request.recorded.relative_to(request.root).as_posix()
    console.print(f"\n[bold]{escape(test)}[/]  [dim]new: its test[/]")
    console.print(f"[bold]{escape(recorded)}/[/]  [dim]new: the recorded data[/]")
    for path, content in promotion.recorded.items():
        console.print(f"  {len(content):>12,} bytes  {escape(path)}", soft_wrap=True)
    console.print(f"\n[bold]{escape(request.source)}[/]")
    for cell in promotion.plan.step_cells:
        console.print(f"[dim]cell {cell.index + 1}[/]")
        for line in cell.source.split("\n"):
            console.print(f"[red]- {escape(line)}[/]" if line else "[red]-[/]", soft_wrap=True)
    for line in promotion.call.split("\n"):
        console.print(f"[green]+ {escape(line)}[/]" if line else "[green]+[/]", soft_wrap=True)
    if promotion.remarks:
        console.print("\n[bold]Remarks[/]")
    for remark in promotion.remarks:
        console.print(f"  {escape(remark)}", soft_wrap=True)
    console.print("")


def _next(promotion: StepPromotion) -> None:
    request = promotion.request
    console = out()
    console.print("Written. The line for the pipeline:\n")
    console.print(escape(promotion.line), soft_wrap=True)
    folder = f"pipeline_defs/{request.model}"
    test = request.test.relative_to(request.root).as_posix()
    err().print(
        f"[dim]Next: paste it into a pipeline in {escape(folder)}; pytest {escape(test)}; "
        "commit, or undo with git[/]",
        soft_wrap=True,
    )


def _document(promotion: StepPromotion, *, written: bool) -> dict[str, Any]:
    request, layout = promotion.request, promotion.layout
    root = request.root
    return {
        "step": request.step,
        "notebook": request.source,
        "script": request.script.relative_to(root).as_posix(),
        "test": request.test.relative_to(root).as_posix(),
        "recorded": request.recorded.relative_to(root).as_posix(),
        "recorded_bytes": sum(map(len, promotion.recorded.values())),
        "inputs": {v.name: v.form for v in layout.inputs},
        "outputs": {v.name: v.form for v in layout.outputs},
        "reads": list(promotion.plan.reads),
        "writes": list(promotion.plan.writes),
        "parameters": sorted(layout.parameters),
        "call": promotion.call,
        "line": promotion.line,
        "seconds": promotion.record.seconds,
        "remarks": list(promotion.remarks),
        "written": written,
    }
