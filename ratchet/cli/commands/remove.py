"""`ratchet remove`: a model's files, once its stacks are gone."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from ratchet.cli import completion
from ratchet.cli.console import out

if TYPE_CHECKING:
    from ratchet.project import Project

PLACES = ("config", "pipeline_defs", "pipelines", "steps", "tests", "notebooks")
"""Folders of a project in which a model has one of its name."""


def register(app: typer.Typer) -> None:
    app.command(short_help="Delete a model's files, once its stacks are gone.")(remove)


def remove(
    model: Annotated[
        str,
        typer.Argument(metavar="MODEL", help="Its name.", autocompletion=completion.models),
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Delete the files.")] = False,
    unchecked: Annotated[
        list[str] | None,
        typer.Option(
            "--unchecked",
            metavar="ENV",
            help="Do not look into this environment: you know that its stacks are gone.",
        ),
    ] = None,
) -> None:
    """Delete a model's files. Stacks that are still there would be left without a source.

    It looks into every environment first, and deletes nothing without --yes.
    """
    from ratchet.cli.acting_project import acting_project
    from ratchet.deployment.errors import DeploymentError

    project = acting_project()
    name = project.model(model)
    problems = [
        problem
        for environment in project.environments
        if environment not in (unchecked or ())
        for problem in _left(project, environment, name)
    ]
    if problems:
        raise DeploymentError("\n".join(problems))
    folders = [project.root / place / name for place in PLACES]
    there = [folder for folder in folders if folder.is_dir()]
    for folder in there:
        if yes:
            shutil.rmtree(folder)
        out().print(escape(f"{folder.relative_to(project.root)}/"))
    if yes:
        names = " ".join(str(folder.relative_to(project.root)) for folder in there)
        out().print(f"Deleted. To undo it: git restore {names}", soft_wrap=True)
    else:
        out().print(f"To delete these: ratchet remove {name} --yes")


def _left(project: Project, environment: str, model: str) -> list[str]:
    """Why the files must stay because of an environment: a sentence each."""
    from botocore.exceptions import BotoCoreError, ClientError

    from ratchet.deployment.errors import DeploymentError
    from ratchet.deployment.target import environment as targets
    from ratchet.deployment.target import stacks
    from ratchet.deployment.target.local_clouds import LocalClouds
    from ratchet.local_cloud.folder import is_cloud

    settings = project.settings(environment, model)
    if settings.local and not is_cloud(LocalClouds(project.root).own):
        return []
    try:
        target = targets.open_target(
            project=project, environment=environment, model=model, local=None
        )
        names = stacks.names(target)
    except (DeploymentError, BotoCoreError, ClientError) as problem:
        return [
            f"{environment} cannot be looked into ({problem}). If its stacks are gone: "
            f"ratchet remove {model} --unchecked {environment}"
        ]
    if not names:
        return []
    return [
        f"{environment} still has {', '.join(names)}. Remove them first: "
        f'cdk destroy "{environment}/{model}/*"'
    ]
