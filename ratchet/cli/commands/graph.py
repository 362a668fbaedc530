"""`ratchet graph`: a pipeline as a picture."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from ratchet.cli.acting_project import acting_project
from ratchet.cli.console import echo, err, out
from ratchet.cli.definition_files import read_definition
from ratchet.cli.options import Environment, Local, Model, PipelineName, connect

if TYPE_CHECKING:
    from ratchet.deployment.target.environment import Target
    from ratchet.review.graph import Graph

_STYLES = {"◆": "yellow", "✖": "red", "●": "cyan"}


class GraphFormat(StrEnum):
    text = "text"
    mermaid = "mermaid"
    svg = "svg"


def register(app: typer.Typer) -> None:
    app.command(short_help="Draw a pipeline.")(graph)


def graph(
    pipeline: PipelineName = "training",
    form: Annotated[
        GraphFormat, typer.Option("--format", help="For a terminal, for Markdown, or a picture.")
    ] = GraphFormat.text,
    file: Annotated[
        Path | None,
        typer.Option("--file", help="Draw this definition (JSON) instead of the source."),
    ] = None,
    deployed: Annotated[
        bool, typer.Option("--deployed", help="Draw the deployed pipeline instead of the source.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write it to a file.")
    ] = None,
    environment: Environment = "dev",
    model: Model = None,
    local: Local = None,
) -> None:
    """Draw a pipeline: its steps, what they pass to each other, and its conditions.

    Drawing the source needs no cloud. --file draws any SageMaker definition, also
    one that the SageMaker SDK wrote.
    """
    from ratchet.review import graph as graphs
    from ratchet.review import mermaid, svg, terminal

    if file is not None:
        name, definition = str(file), read_definition(file)
    elif deployed:
        name, definition = _deployed(connect(environment, local, model), pipeline)
    else:
        from ratchet.deployment.pipelines import source

        project = acting_project()
        settings = project.settings(environment, model)
        name = settings.pipeline_name(pipeline)
        definition = source.definition(pipeline, settings, root=project.root)
    drawn = graphs.graph_of(definition)
    if form is GraphFormat.text and output is None:
        _show(drawn)
        return
    if form is GraphFormat.svg:
        text = svg.text_of(drawn, title=f"Pipeline {name}")
    else:
        text = mermaid.text_of(drawn) if form is GraphFormat.mermaid else terminal.text_of(drawn)
    if output is None:
        echo(text, newline=False)
        return
    output.write_text(text, encoding="utf-8")
    err().print(f"[dim]wrote {output}[/]", soft_wrap=True)


def _deployed(target: Target, pipeline: str) -> tuple[str, str]:
    from ratchet.deployment.pipelines import publishing
    from ratchet.deployment.runs import executions as runs

    name = runs.named(target, pipeline)
    return name, publishing.deployed_pipeline(target, name).definition


def _show(drawn: Graph) -> None:
    """In colour on a terminal; a line that is too long loses its end, not its shape."""
    from ratchet.review.terminal import lines_of

    console = out()
    lines = lines_of(drawn)
    names = max(len(line.name) for line in lines)
    notes = max(len(line.note) for line in lines)
    for line in lines:
        text = Text(no_wrap=True, overflow="ellipsis")
        for mark in line.rails:
            text.append(mark, style=_STYLES.get(mark, "dim"))
        text.append(f" {line.name.ljust(names)}", style="bold")
        text.append(f"  {line.note.ljust(notes)}", style="dim")
        if line.when:
            text.append(f"  {line.when}", style="yellow")
        text.rstrip()
        console.print(text)
