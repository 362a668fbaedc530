"""`ratchet pull`: what a step of a run has left, in a folder of this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from ratchet.cli.console import byte_progress, echo_json, err, out
from ratchet.cli.options import Environment, Json, Local, Model, RunName, connect
from ratchet.cli.views.wording import count, size

if TYPE_CHECKING:
    from ratchet.deployment.runs.executions import RunState
    from ratchet.deployment.runs.fetching import FetchedOutput, Placed
    from ratchet.deployment.runs.outputs import FilledOutput
    from ratchet.deployment.target.environment import Target

_SHOWN, _NAMED = 20, 5


def register(app: typer.Typer) -> None:
    app.command(short_help="Copy what a step of a run has left to a folder.")(pull)


def pull(
    run: RunName,
    what: Annotated[
        str,
        typer.Argument(
            metavar="STEP[/OUTPUT]",
            help="A step, such as `prepare`, or one of its outputs: `prepare/train`.",
            show_default=False,
        ),
    ],
    to: Annotated[
        Path,
        typer.Option("--to", metavar="FOLDER", help="Where to; it may be new.", show_default=False),
    ],
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files of the folder that differ.")
    ] = False,
    as_json: Json = False,
    environment: Environment = "dev",
    model: Model = None,
    local: Local = None,
) -> None:
    """Copy a step's outputs, or one of them, to a folder of this machine.

    All outputs of a step become folders of their names; the files of a single
    one stand in FOLDER itself. A file that is there with another content is not
    replaced without --overwrite: then nothing is copied. What was fetched stays
    in .ratchet/outputs, and is not fetched again.
    """
    from ratchet.deployment.runs import executions, outputs

    target = connect(environment, local, model)
    state = executions.read(target, executions.find(target, run))
    step, _, output = what.partition("/")
    chosen = outputs.chosen(target, state, step, output or None)
    fetched = _fetched(target, chosen)
    folders = [to if output else to / each.output.name for each in chosen]
    _refuse_conflicts(list(zip(fetched, folders, strict=True)), overwrite=overwrite)
    placed = _place(list(zip(fetched, folders, strict=True)))
    if as_json:
        echo_json(_data(state, chosen, folders, placed))
        return
    _report(chosen, folders, placed)
    if all(verdict == "unchanged" for verdicts in placed for verdict in verdicts.values()):
        err().print("[dim]Everything was there already.[/]")


def _fetched(target: Target, chosen: Sequence[FilledOutput]) -> list[FetchedOutput]:
    from ratchet.deployment.runs import fetching

    with byte_progress("fetching") as progress:
        task = progress.add_task("fetching", total=sum(each.size for each in chosen))
        return [
            fetching.fetch(
                target.client("s3"),
                each.files,
                target.root / fetching.FOLDER,
                progress=lambda amount: progress.advance(task, amount),
            )
            for each in chosen
        ]


def _refuse_conflicts(outputs: Sequence[tuple[FetchedOutput, Path]], *, overwrite: bool) -> None:
    """Raises:
    DeploymentError: something is in the way, before anything is copied.
    """
    from ratchet.deployment.errors import DeploymentError
    from ratchet.deployment.runs import fetching

    fixed = [path for each, folder in outputs for path in fetching.blocking(each, folder)]
    if fixed:
        raise DeploymentError(
            f"nothing was copied: {_listed(fixed)} in the way. Name another folder: --to FOLDER"
        )
    differing = [path for each, folder in outputs for path in fetching.differing(each, folder)]
    if differing and not overwrite:
        raise DeploymentError(
            f"nothing was copied: {_listed(differing)} would be replaced by another content. Name "
            "another folder with --to, or replace with --overwrite"
        )


def _listed(paths: Sequence[Path]) -> str:
    return ", ".join(map(str, paths[:_NAMED])) + (
        f" and {len(paths) - _NAMED:,} more" if len(paths) > _NAMED else ""
    )


def _place(outputs: Sequence[tuple[FetchedOutput, Path]]) -> list[dict[str, Placed]]:
    from ratchet.deployment.runs import fetching

    return [fetching.place(each, folder) for each, folder in outputs]


def _data(
    state: RunState,
    chosen: Sequence[FilledOutput],
    folders: Sequence[Path],
    placed: Sequence[Mapping[str, Placed]],
) -> dict[str, Any]:
    return {
        "run": state.run.id,
        "outputs": [
            {
                "step": each.output.step,
                "output": each.output.name,
                "uri": each.output.uri,
                "folder": str(folder),
                "files": [
                    {"path": file.path, "bytes": file.size, "verdict": verdicts[file.path]}
                    for file in each.files
                ],
            }
            for each, folder, verdicts in zip(chosen, folders, placed, strict=True)
        ],
    }


def _report(
    chosen: Sequence[FilledOutput],
    folders: Sequence[Path],
    placed: Sequence[Mapping[str, Placed]],
) -> None:
    lines = [
        (verdicts[file.path], folder / file.path, file.size)
        for each, folder, verdicts in zip(chosen, folders, placed, strict=True)
        for file in each.files
    ]
    console = out()
    for verdict, path, amount in lines[:_SHOWN]:
        console.print(f"{verdict:9} {escape(str(path))}  [dim]{size(amount)}[/]", soft_wrap=True)
    if len(lines) > _SHOWN:
        console.print(f"… and {len(lines) - _SHOWN:,} more")
    total = sum(amount for _, _, amount in lines)
    console.print(f"{count(len(lines), 'file')}, {size(total)}")
