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
    from ratchet.cli.views.lineage_view import as_document, tree
    from ratchet.deployment.registry import lineage as lineages
    from ratchet.deployment.registry import versions as registry
    from ratchet.deployment.target import facts

    target = connect(environment, local, model)
    versions = registry.versions(target, facts.read(target).model_package_group)
    trace = lineages.trace(target, registry.find(versions, version))
    now = datetime.now().astimezone()
    if as_json:
        echo_json(as_document(trace, now=now))
        return
    out().print(tree(trace, now=now), crop=False)
    if trace.run:
        err().print(f"[dim]{target.command(f'show {trace.run.run.id}')}[/]", soft_wrap=True)
