"""`ratchet diff`: how the pipelines of the source differ from the deployed ones, in words."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from ratchet.cli.console import echo, echo_json, out
from ratchet.cli.definition_files import read_definition
from ratchet.cli.options import Environment, Local, connect

if TYPE_CHECKING:
    from ratchet.review.differences import Comparison
    from ratchet.review.words import Report

_COLOURS = {"+": "green", "-": "red", "~": "yellow"}


class Format(StrEnum):
    text = "text"
    markdown = "markdown"
    json = "json"


def register(app: typer.Typer) -> None:
    app.command(short_help="Show how the source's pipelines differ from the deployed ones.")(diff)


def diff(
    pipeline: Annotated[
        str | None,
        typer.Argument(metavar="PIPELINE", help="For example `training`. Default: all."),
    ] = None,
    base: Annotated[
        Path | None,
        typer.Option("--base", help="Compare with this definition (JSON), without a cloud."),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", help="With --base: compare this definition instead of the source."),
    ] = None,
    form: Annotated[
        Format, typer.Option("--format", help="For a terminal, a review comment, or scripts.")
    ] = Format.text,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 1 when something differs.")
    ] = False,
    environment: Environment = "dev",
    local: Local = None,
) -> None:
    """Show how the pipelines of the source differ from the deployed ones.

    It lists steps added, removed, renamed, moved and re-wired, arguments,
    parameters, code by file, and which steps will lose their cached results.
    """
    if file is not None and base is None:
        raise typer.BadParameter("it goes with --base", param_hint="--file")
    if base is not None:
        reports = [_files(base, file, pipeline or "training", environment)]
    else:
        reports = list(_deployed(pipeline, environment, local))
    if form is Format.json:
        from ratchet.review.words import json_of

        documents = [json_of(report, comparison) for report, comparison in reports]
        echo_json(documents)
    else:
        _say([report for report, _ in reports], form)
    if exit_code and any(report.differs for report, _ in reports):
        raise typer.Exit(1)


def _say(reports: list[Report], form: Format) -> None:
    from ratchet.review.words import markdown_of, text_of

    if form is Format.markdown:
        echo("\n".join(map(markdown_of, reports)), newline=False)
        return
    console = out()
    for number, report in enumerate(reports):
        if number:
            console.print()
        for line in text_of(report).splitlines():
            mark = line.strip()[:1]
            colour = _COLOURS.get(mark) if line.startswith("    ") else None
            shown = escape(line)
            console.print(f"[{colour}]{shown}[/]" if colour else shown, soft_wrap=True)


def _files(base: Path, file: Path | None, kind: str, environment: str) -> tuple[Report, Comparison]:
    from config.settings import load
    from ratchet.costs import change
    from ratchet.costs.prices import PriceTable
    from ratchet.deployment.costs import changes as cost_changes
    from ratchet.deployment.pipelines import offline
    from ratchet.review import cache_effects, differences, words

    settings = load(environment)
    if file is not None:
        name, after = str(file), read_definition(file)
    else:
        name, after = settings.pipeline_name(kind), offline.definition(kind, settings)
    comparison = differences.compare(read_definition(base), after)
    changed = cost_changes.changed(comparison)
    listed = PriceTable(region=settings.region)
    notes = change.notes(changed, history=change.NO_HISTORY, price=listed.price)
    effects = cache_effects.effects(comparison)
    return words.report(name, comparison, effects, notes=notes), comparison


def _deployed(
    kind: str | None, environment: str, local: bool | None
) -> Iterator[tuple[Report, Comparison]]:
    from ratchet.deployment.costs import changes as cost_changes
    from ratchet.deployment.pipelines import changes
    from ratchet.review import cache_effects, differences, words

    target = connect(environment, local)
    for change in changes.changes(target, kind):
        comparison = differences.compare(change.deployed, change.source)
        effects = cache_effects.effects(comparison)
        notes = cost_changes.notes(target, change.name, comparison)
        report = words.report(
            change.name, comparison, effects, files_of=change.files_of, notes=notes
        )
        yield report, comparison
