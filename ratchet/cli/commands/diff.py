"""`ratchet diff`: how the pipelines of the source differ from the deployed ones, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from ratchet.cli.acting_project import acting_project
from ratchet.cli.console import echo, echo_json, err, out
from ratchet.cli.definition_files import read_definition
from ratchet.cli.options import AnyPipelineName, Environment, Local, Model, connect

if TYPE_CHECKING:
    from ratchet.deployment.pipelines.changes import AnyChange
    from ratchet.deployment.target.environment import Target
    from ratchet.review.differences import DefinitionComparison
    from ratchet.review.words import PipelineReview

_COLOURS = {"+": "green", "-": "red", "~": "yellow"}


class DiffFormat(StrEnum):
    text = "text"
    markdown = "markdown"
    json = "json"


@dataclass(frozen=True)
class Review:
    """What there is to say of one pipeline."""

    report: PipelineReview
    comparison: DefinitionComparison | None
    """None: it cannot be compared, and the report says why."""
    mistake: bool = False
    """Of the source, which has to be put right."""


def register(app: typer.Typer) -> None:
    app.command(short_help="Show how the source's pipelines differ from the deployed ones.")(diff)


def diff(
    pipeline: AnyPipelineName = None,
    base: Annotated[
        Path | None,
        typer.Option("--base", help="Compare with this definition (JSON), without a cloud."),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", help="With --base: compare this definition instead of the source."),
    ] = None,
    form: Annotated[
        DiffFormat, typer.Option("--format", help="For a terminal, a review comment, or scripts.")
    ] = DiffFormat.text,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 1 when something differs.")
    ] = False,
    environment: Environment = "dev",
    model: Model = None,
    local: Local = None,
) -> None:
    """Show how the pipelines of the source differ from the deployed ones.

    It lists steps added, removed, renamed, moved and re-wired, arguments,
    parameters, code by file, and which steps will lose their cached results.
    """
    if file is not None and base is None:
        raise typer.BadParameter("it goes with --base", param_hint="--file")
    if base is not None:
        reviews = [_files(base, file, pipeline or "training", environment, model)]
    else:
        reviews = list(_deployed(connect(environment, local, model), pipeline, form))
    if form is DiffFormat.json:
        from ratchet.review.words import json_of

        echo_json([json_of(review.report, review.comparison) for review in reviews])
    else:
        _say([review.report for review in reviews], form)
    mistaken = any(review.mistake for review in reviews)
    if mistaken or (exit_code and any(review.report.differs for review in reviews)):
        raise typer.Exit(1)


def _say(reports: list[PipelineReview], form: DiffFormat) -> None:
    from ratchet.review.words import markdown_of, text_of

    if form is DiffFormat.markdown:
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


def _files(base: Path, file: Path | None, kind: str, environment: str, model: str | None) -> Review:
    from ratchet.deployment.costs import changes as cost_changes
    from ratchet.deployment.pipelines import source
    from ratchet.review import cache_effects, differences, words

    project = acting_project()
    settings = project.settings(environment, model)
    if file is not None:
        name, after = str(file), read_definition(file)
    else:
        name, after = (
            settings.pipeline_name(kind),
            source.definition(kind, settings, root=project.root),
        )
    comparison = differences.compare(read_definition(base), after)
    effects = cache_effects.effects(comparison)
    notes = cost_changes.notes_without_runs(comparison, region=settings.region)
    return Review(words.report(name, comparison, effects, notes=notes), comparison)


def _deployed(target: Target, kind: str | None, form: DiffFormat) -> Iterator[Review]:
    from ratchet.deployment.pipelines import source
    from ratchet.deployment.pipelines.changes import Comparing
    from ratchet.review.words import PipelineReview
    from ratchet.runner.errors import RunnerError

    comparing = Comparing(target)
    if comparing.missing and form is not DiffFormat.json:
        # On paper too: a comment that lists pipelines as new has to say why all of them are.
        (echo if form is DiffFormat.markdown else _note)(f"{comparing.missing}\n")
    changes = (
        [comparing.change(source.entry(kind, target.settings.model_name, target.root))]
        if kind
        else comparing.changes()
    )
    for change in changes:
        try:
            yield _review(target, change)
        except RunnerError as problem:  # one of the two definitions is not SageMaker's
            report = PipelineReview(pipeline=change.name, heading=str(problem))
            yield Review(report, None, mistake=True)


def _note(text: str) -> None:
    err().print(f"[dim]{escape(text)}[/]", soft_wrap=True)


def _review(target: Target, change: AnyChange) -> Review:
    from ratchet.deployment.costs import changes as cost_changes
    from ratchet.deployment.pipelines import in_place
    from ratchet.deployment.pipelines.changes import NewPipeline, UnreadPipeline
    from ratchet.review import cache_effects, differences, words

    if isinstance(change, UnreadPipeline):
        report = words.PipelineReview(pipeline=change.name, heading=change.reason)
        return Review(report, None, mistake=change.mistake)
    if isinstance(change, NewPipeline):
        comparison = differences.additions(change.source)
        notes = cost_changes.notes_without_runs(comparison, region=target.region)
        return Review(words.new(change.name, comparison, notes=notes), comparison)
    if change.replaced:
        _note(in_place.sentence(change.name, target.command))
    comparison = differences.compare(change.deployed, change.source)
    effects = cache_effects.effects(comparison)
    notes = cost_changes.notes(target, change.name, comparison)
    report = words.report(change.name, comparison, effects, files_of=change.files_of, notes=notes)
    return Review(report, comparison)
