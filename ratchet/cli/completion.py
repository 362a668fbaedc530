"""What the shell completes: names of the project, offline; runs and versions, if they can be had
quickly.

A completion never fails, prints nothing and starts no local cloud.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import wraps
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from ratchet.deployment.target.environment import Target

Complete = Callable[..., list[str]]

SECONDS = 2.0
"""How long AWS may take to answer."""


def _quietly(names: Callable[[typer.Context], Iterable[str]]) -> Complete:
    """Those names that begin with what was typed; none when they cannot be had."""

    @wraps(names)
    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        try:
            return [name for name in names(ctx) if name.startswith(incomplete)]
        except Exception:  # a line that is being typed must not be disturbed
            return []

    del complete.__wrapped__  # Typer reads the parameters of this one
    return complete


@_quietly
def environments(ctx: typer.Context) -> Iterable[str]:
    from ratchet.project import current

    return current().environments


@_quietly
def models(ctx: typer.Context) -> Iterable[str]:
    from ratchet.project import current

    return current().models


@_quietly
def pipelines(ctx: typer.Context) -> Iterable[str]:
    """Those of the source."""
    from ratchet.deployment.pipelines import source
    from ratchet.project import current

    project = current()
    return source.entries(project.model(_typed(ctx, "model")), project.root)


@_quietly
def runs(ctx: typer.Context) -> Iterable[str]:
    from ratchet.deployment.runs import executions

    target = _target(ctx)
    return ["latest", *(run.id for run in executions.listed(target, pipeline=None, limit=20))]


@_quietly
def versions(ctx: typer.Context) -> Iterable[str]:
    from ratchet.deployment.registry import versions as registry

    target = _target(ctx)
    listed = registry.versions(target, target.settings.model_package_group)
    return ["latest", *(str(version.version) for version in listed)]


def _typed(ctx: Any, name: str) -> Any:
    """The value of an option on the line so far."""
    while ctx is not None:
        if (value := ctx.params.get(name)) is not None:
            return value
        ctx = ctx.parent
    return None


def _target(ctx: typer.Context) -> Target:
    """The environment on the line so far, if it is up and answers quickly."""
    from ratchet.deployment.target import environment as targets
    from ratchet.deployment.target.environment import ENVIRONMENT_VARIABLE
    from ratchet.deployment.target.local_clouds import LocalClouds
    from ratchet.local_cloud import control
    from ratchet.project import current

    project = current()
    named = os.environ.get(ENVIRONMENT_VARIABLE, targets.DEFAULT_ENVIRONMENT)
    environment, local = _typed(ctx, "environment") or named, _typed(ctx, "local")
    settings = project.settings(environment, _typed(ctx, "model"))
    folder = LocalClouds(project.root).chosen(local, setting=settings.local)
    if folder is not None and control.status(folder) is None:
        raise LookupError("a completion starts no cloud")
    return targets.open_target(
        project=project,
        environment=environment,
        model=settings.model_name,
        local=local,
        seconds=SECONDS,
    )
