"""`ratchet lineage`: where a model version comes from."""

from __future__ import annotations

from datetime import datetime

import typer

from ratchet.cli.console import echo_json, err, out
from ratchet.cli.options import Environment, Json, Local, Model, VersionName, connect


def register(app: typer.Typer) -> None:
    app.command(short_help="Show where a model version comes from.")(lineage)


def lineage(
    version: VersionName,
    as_json: Json = False,
    environment: Environment = "dev",
    model: Model = None,
    local: Local = None,
) -> None:
    """Trace a version back to its run, code and data, and to the champion it was judged against."""
    from ratchet.cli.views.lineage_view import tree
    from ratchet.deployment.registry import lineage as lineages
    from ratchet.deployment.registry import versions as registry
    from ratchet.views.lineage import lineage_view
    from ratchet.views.models import read_registry
    from ratchet.views.plain import as_json as plain

    target = connect(environment, local, model)
    registered = read_registry(target)
    trace = lineages.trace(target, registry.find(registered.versions, version))
    now = datetime.now().astimezone()
    if as_json:
        echo_json(plain(lineage_view(trace, serving=registered.serving, now=now)))
        return
    out().print(tree(trace, now=now), crop=False)
    if trace.run:
        err().print(f"[dim]{target.command(f'show {trace.run.run.id}')}[/]", soft_wrap=True)
