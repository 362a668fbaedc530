"""`ratchet candidates down`: deletes what trials have made and left."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from ratchet.cli.console import echo_json, err, out
from ratchet.cli.options import Environment, Json, Local, Model, Yes, connect
from ratchet.cli.views.wording import count

if TYPE_CHECKING:
    from ratchet.candidates.leftovers import Leftover
    from ratchet.deployment.target.environment import Target


def register(app: typer.Typer) -> None:
    app.command(short_help="Delete what trials have made and left.")(down)


def down(
    expired: Annotated[
        bool,
        typer.Option("--expired", help="Only what is older than its time to live."),
    ] = False,
    yes: Yes = False,
    as_json: Json = False,
    environment: Environment = "dev",
    model: Model = None,
    local: Local = None,
) -> None:
    """Delete what trials have made and left: endpoints, models, jobs that run.

    A trial deletes what it made by itself. This is for one that could not, as
    when its machine was switched off. With --json it lists, and deletes nothing
    without --yes.
    """
    from ratchet.candidates import leftovers
    from ratchet.cli.views import leftovers_view

    target = connect(environment, local, model)
    now = datetime.now(UTC)
    listed = [each for each in leftovers.left(target) if each.expired(now) or not expired]
    prices = _hourly(target, listed)
    if as_json and not yes:
        echo_json(leftovers_view.as_data(listed, prices=prices, now=now))
        return
    if not listed:
        text = "Nothing of a trial is past its time." if expired else "No trial has left anything."
        echo_json([]) if as_json else out().print(text)
        return
    if not as_json:
        console = out()
        for part in leftovers_view.document(listed, prices=prices, now=now, width=console.width):
            console.print(part)
    _agree(target, listed, yes=yes)
    deleted = _delete(target, listed)
    if as_json:
        echo_json(leftovers_view.as_data(deleted, prices=prices, now=now))
    if len(deleted) < len(listed):
        raise typer.Exit(1)


def _agree(target: Target, listed: list[Leftover], *, yes: bool) -> None:
    from ratchet.deployment.errors import DeploymentError

    if yes:
        return
    if not sys.stdin.isatty():
        raise DeploymentError(
            "nobody is here to agree, so nothing was deleted. If this is what you mean: "
            f"{target.command('candidates down --yes')}"
        )
    typer.confirm(f"Delete {count(len(listed), 'thing')}?", default=False, abort=True, err=True)


def _delete(target: Target, listed: list[Leftover]) -> list[Leftover]:
    """What was deleted. One that cannot be is named, and the others are deleted all the same."""
    from botocore.exceptions import ClientError

    from ratchet.candidates import leftovers
    from ratchet.deployment.errors import DeploymentError, explain

    deleted = []
    for each in listed:
        try:
            with err().status(f"[dim]{each.kind} {each.name} …[/]"):
                leftovers.delete(target, each)
        except (ClientError, DeploymentError) as problem:
            reason = explain(problem) or str(problem)
            err().print(f"[red]{each.kind} {each.name} stays[/]: {escape(reason)}", soft_wrap=True)
        else:
            deleted.append(each)
            err().print(f"[dim]deleted {each.kind} {each.name}[/]", soft_wrap=True)
    return deleted


def _hourly(target: Target, listed: list[Leftover]) -> dict[tuple[str, str], str]:
    """Kind and instance type → dollars an hour in words, of what costs by the hour."""
    from ratchet.candidates import hourly, leftovers

    wanted = {(each.kind, each.instance) for each in listed if each.instance}
    components = leftovers.COMPONENTS
    prices = hourly.prices(target, {(components[kind], name) for kind, name in wanted})
    return {(kind, name): hourly.text(prices[components[kind], name]) for kind, name in wanted}
