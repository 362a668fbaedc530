"""`ratchet settings`: what the files say of a model in an environment, and which file says it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from ratchet.cli.acting_project import acting_project
from ratchet.cli.console import echo_json, err, out
from ratchet.cli.options import Environment, Json, Model

if TYPE_CHECKING:
    from ratchet.project import Project


def register(app: typer.Typer) -> None:
    app.command(short_help="Show settings, each with the file that says it.")(settings)


def settings(
    key: Annotated[
        str,
        typer.Argument(
            metavar="KEY",
            help="A key such as endpoint.instance_type, or a table such as steps.train.",
            show_default=False,
        ),
    ] = "",
    environment: Environment = "dev",
    model: Model = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what no file says, with its default.")
    ] = False,
    json_output: Json = False,
) -> None:
    """Show the settings of a model in an environment, each with the file that says it.

    They are written as a file has them. For a KEY, files whose value does not
    count are shown too, and defaults. If the settings hold a mistake, it is said
    below them, and the exit status is 1.
    """
    from ratchet.cli.views import settings_view
    from ratchet.settings import listing

    project = acting_project()
    chosen = project.model(model)
    values = listing.listed(
        project.config,
        environment=environment,
        model=chosen,
        key=key,
        defaults=everything,
        steps=lambda: _steps(project, environment, chosen),
    )
    if json_output:
        echo_json(settings_view.data(values))
    else:
        err().print(f"[dim]{escape(f'{chosen} in {environment} · {project.root}')}[/]")
        console = out()
        for line in settings_view.lines(values, width=console.width):
            console.print(line, soft_wrap=True)
    _check(project, environment, chosen)


def _steps(project: Project, environment: str, model: str) -> Iterator[str]:
    """The steps that take settings; none while their pipelines cannot be read."""
    from ratchet.authoring import Pipeline
    from ratchet.pipelines import placeholders

    try:
        loaded = project.settings(environment, model)
        compiled = placeholders.compiled(loaded, root=project.root)
    except ValueError:
        return
    for pipeline in compiled:
        if isinstance(pipeline, Pipeline):
            yield from (name for name, taken in pipeline.step_settings.items() if taken)


def _check(project: Project, environment: str, model: str) -> None:
    """Raises the settings' mistakes, in their words."""
    from ratchet.deployment.pipelines import source

    source.check(project.settings(environment, model), root=project.root)
