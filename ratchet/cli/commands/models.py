"""`ratchet models`, `approve` and `reject`: the versions, and which of them may serve."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ratchet.cli import completion
from ratchet.cli.acting_project import acting_project
from ratchet.cli.console import echo_json, err, out
from ratchet.cli.options import (
    Environment,
    Json,
    Local,
    Model,
    VersionName,
    Yes,
    connect,
    connect_to_change,
)

if TYPE_CHECKING:
    from ratchet.deployment.registry.approval import Verdict
    from ratchet.deployment.registry.versions import ModelVersion
    from ratchet.deployment.target.environment import Target

Because = Annotated[
    str,
    typer.Option("--because", metavar="TEXT", help="The reason; stored with the version."),
]


def register(app: typer.Typer) -> None:
    app.command(short_help="List the model versions, or show one.")(models)
    app.command(short_help="Approve a version: the highest approved one serves.")(approve)
    app.command(short_help="Reject a version; if it serves, the one before it serves again.")(
        reject
    )


def models(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="VERSION",
            help="One version in detail. Default: all.",
            autocompletion=completion.versions,
        ),
    ] = None,
    as_json: Json = False,
    environment: Environment = "dev",
    model: Model = None,
    local: Local = None,
) -> None:
    """List the model versions: approval, metrics, which one serves, failed deployments.

    In a project with several models it lists the models, unless --model names
    one. For a single version, it also shows how it scored in each evaluation
    since.
    """
    from ratchet.cli.views import evaluation_view
    from ratchet.cli.views.model_view import detail, table
    from ratchet.deployment.registry import versions as registry
    from ratchet.views import models as model_views
    from ratchet.views.plain import as_json as plain

    version = _asked_for(words or [])
    project = acting_project()
    if version is None and len(project.chosen(model)) > 1:
        _overview(project.models, environment, local, as_json=as_json)
        return
    target = connect(environment, local, model)
    registered = model_views.read_registry(target)
    versions, serving = registered.versions, registered.serving
    now = datetime.now().astimezone()
    if version is not None:
        chosen = registry.find(versions, version)
        history = model_views.read_evaluations(target, chosen.version)
        if as_json:
            echo_json(plain(model_views.model_detail(chosen, history, serving=serving)))
            return
        console = out()
        console.print(detail(chosen, serving=serving, now=now), crop=False)
        if drawn := evaluation_view.series(history, now=now, width=console.width):
            console.print("", drawn)
        err().print(f"[dim]{target.command(f'lineage {chosen.version}')}[/]", soft_wrap=True)
    elif as_json:
        echo_json(plain([model_views.model_view(row, serving=serving) for row in versions]))
    elif versions:
        console = out()
        console.print(table(versions, serving=serving, now=now, width=console.width))
        err().print(f"[dim]{_next(target, versions, serving)}[/]", soft_wrap=True)
    else:
        out().print("No models yet: a run that passes the gate registers one.")
        err().print(f"[dim]{target.command('runs')}[/]", soft_wrap=True)


def _overview(models: list[str], environment: str, local: bool | None, *, as_json: bool) -> None:
    from ratchet.cli.views import project_models
    from ratchet.deployment.errors import NotDeployedError
    from ratchet.views import models as model_views

    rows = []
    for name in models:
        target = connect(environment, local, name)
        try:
            registered = model_views.read_registry(target)
        except NotDeployedError:
            rows.append(project_models.ProjectModel.new(target.settings))
        else:
            versions, serving = registered.versions, registered.serving
            rows.append(project_models.ProjectModel.of(target.settings, versions, serving))
    if as_json:
        echo_json([project_models.as_data(row) for row in rows])
        return
    out().print(project_models.table(rows))
    err().print(f"[dim]ratchet models -m {models[0]}[/]", soft_wrap=True)


def approve(
    version: VersionName,
    because: Because = "",
    yes: Yes = False,
    environment: Environment = "dev",
    model: Model = None,
    local: Local = None,
) -> None:
    """Approve a version. The highest approved version is deployed automatically.

    Approving a version again retries a deployment that failed.
    """
    doing = f"approve version {version}, which the endpoint then serves"
    target = connect_to_change(environment, local, model, doing=doing, yes=yes)
    _decide(target, "Approved", version, because)


def reject(
    version: VersionName,
    because: Because = "",
    yes: Yes = False,
    environment: Environment = "dev",
    model: Model = None,
    local: Local = None,
) -> None:
    """Reject a version. If it serves, the next highest approved one serves again."""
    doing = f"reject version {version}, which the endpoint then no longer serves"
    target = connect_to_change(environment, local, model, doing=doing, yes=yes)
    _decide(target, "Rejected", version, because)


def _decide(target: Target, verdict: Verdict, text: str, because: str) -> None:
    from ratchet.deployment.registry import approval
    from ratchet.deployment.registry import versions as registry
    from ratchet.views.models import read_registry

    registered = read_registry(target)
    version = registry.find(registered.versions, text)
    follows = approval.consequence(
        registered.versions,
        version,
        verdict,
        serving=registered.serving,
        when_none_left=target.settings.when_none_left,
        command=target.command,
    )
    again = version.approval == verdict
    approval.decide(target, version, verdict, because=because)
    out().print(
        f"Version {version.version} of {version.group} is {verdict.lower()}"
        f"{' (it was already)' if again else ''}. {follows.sentence}",
        soft_wrap=True,
    )
    if follows.effect != "stays":
        err().print(f"[dim]{target.command('status --follow')}[/]", soft_wrap=True)


def _asked_for(words: list[str]) -> str | None:
    """`models 3` and `models show 3` mean the same."""
    version = words[1:] if words[:1] == ["show"] else words
    if words and not version:
        raise typer.BadParameter("show which version? The newest: models show latest")
    if len(version) > 1:
        raise typer.BadParameter(
            f"{' and '.join(map(repr, version))} are several; expected one version, such as 3"
        )
    return version[0] if version else None


def _next(target: Target, versions: Sequence[ModelVersion], serving: int | None) -> str:
    from ratchet.loop.versions import version_to_approve, version_to_serve

    to_serve = version_to_serve(versions)
    champion = to_serve.version if to_serve else serving
    proposed = version_to_approve(versions, champion=champion)
    if proposed and proposed.judged_against == champion:
        return target.command(f"approve {proposed.version}")
    return target.command(f"models {(proposed or versions[0]).version}")
