"""`ratchet import`: a pipeline that was written with the SageMaker SDK, brought under CDK."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from ratchet.cli.acting_project import acting_project
from ratchet.cli.console import echo_json, err, out
from ratchet.cli.options import Json, Model

if TYPE_CHECKING:
    from ratchet.imported import Carried


def register(app: typer.Typer) -> None:
    app.command("import", short_help="Import a pipeline written with the SageMaker SDK.")(
        import_pipeline
    )


def _repeated(flag: str, metavar: str, text: str) -> Any:
    return typer.Option(flag, metavar=metavar, help=f"{text} May be given repeatedly.")


def import_pipeline(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="What `pipeline.definition()` returned.")
    ],
    name: Annotated[
        str | None,
        typer.Option(
            "--name", help="The pipeline's name for `ratchet run`; default: the file's name."
        ),
    ] = None,
    code: Annotated[
        list[str] | None,
        _repeated(
            "--code",
            "STEP|URI=PATH",
            "The file or folder that the SDK uploaded: for a step, one of its inputs (STEP/INPUT), "
            "a URI, or a URI's folder and a copy of it.",
        ),
    ] = None,
    bucket_map: Annotated[
        list[str] | None,
        _repeated(
            "--bucket-map",
            "s3://OLD=PLACE",
            "Where the data is in this deployment: s3://…, or data/… or artifacts/… for its "
            "buckets.",
        ),
    ] = None,
    arn_map: Annotated[
        list[str] | None,
        _repeated(
            "--arn-map",
            "OLD=NEW",
            "A function or another resource; ${ratchet:account} and ${ratchet:region} stand for "
            "the account and region of the deployment.",
        ),
    ] = None,
    image: Annotated[
        list[str] | None, _repeated("--image", "OLD=NEW", "A container image of your own.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show everything, write nothing.")
    ] = False,
    as_json: Json = False,
    model: Model = None,
) -> None:
    """Import the definition of a pipeline written with the SageMaker SDK (v2 or v3).

    It replaces role, buckets, images and code by those of this deployment and
    shows each change. The result is the folder pipelines/MODEL/NAME: commit it,
    then go on with `ratchet deploy` and `ratchet run NAME`. If there is a
    problem, nothing is written.
    """
    from ratchet import imported as storage
    from ratchet.deployment.pipelines import imported
    from ratchet.imported.code import CodeSource

    project = acting_project()
    root, model = project.root, project.model(model)
    carried = imported.bring_in(
        file,
        root=root,
        model=model,
        name=name,
        code=[CodeSource(key=key, path=Path(path)) for key, path in _pairs("--code", code or ())],
        buckets=dict(_pairs("--bucket-map", bucket_map or ())),
        arns=dict(_pairs("--arn-map", arn_map or ())),
        images=dict(_pairs("--image", image or ())),
    )
    written = "" if dry_run else str(storage.write(root, model, carried.stored).relative_to(root))
    if as_json:
        _print_json(carried, written)
    else:
        _print(carried, written)


def _pairs(flag: str, texts: Iterable[str]) -> list[tuple[str, str]]:
    pairs = []
    for text in texts:
        before, equals, after = text.partition("=")
        if not equals or not before or not after:
            raise typer.BadParameter(f"{text!r} is not of the form OLD=NEW", param_hint=flag)
        pairs.append((before, after))
    return pairs


def _print_json(carried: Carried, written: str) -> None:
    document = {
        "pipeline": carried.stored.name,
        "written": written or None,
        "changes": [change.to_json() for change in carried.changes],
        "remarks": [remark.to_json() for remark in carried.remarks],
    }
    echo_json(document)


def _print(carried: Carried, written: str) -> None:
    from ratchet.imported.carry import spoken

    console = out()
    step = None
    for change in carried.changes:
        if change.step != step:
            step = change.step
            console.print(f"\n[bold]{escape(step or 'the pipeline')}[/]")
        console.print(f"  {escape(change.argument)}  [dim]{escape(change.why)}[/]", soft_wrap=True)
        for sign, colour, value in (("-", "red", change.before), ("+", "green", change.after)):
            if value is not None:
                console.print(f"    [{colour}]{sign} {escape(spoken(value))}[/]", soft_wrap=True)
    if carried.remarks:
        console.print("\n[bold]Not changed: check these[/]")
    for remark in carried.remarks:
        place = " ".join(filter(None, (remark.step, remark.argument)))
        value = "" if remark.value is None else f" = {spoken(remark.value)}"
        console.print(
            f"  [yellow]![/] {escape(place + value)}: {escape(remark.what)}", soft_wrap=True
        )
    count = len(carried.changes)
    if written:
        console.print(f"\n{count} changes. Written: {escape(written)}. Commit it.")
        err().print(
            f"[dim]Next: ratchet deploy, then ratchet run {escape(carried.stored.name)}[/]",
            soft_wrap=True,
        )
    else:
        console.print(f"\n{count} changes. Nothing was written (--dry-run).")
