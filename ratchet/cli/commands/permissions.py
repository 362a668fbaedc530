"""`ratchet permissions`: what each role may do, did, was refused, and never used."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from ratchet.cli.console import echo_json, err, out
from ratchet.cli.options import Environment, Json, Local, Model, connect
from ratchet.cli.views.wording import count

if TYPE_CHECKING:
    from ratchet.deployment.roles.use import RoleUse
    from ratchet.deployment.target.environment import Target


def register(app: typer.Typer) -> None:
    app.command(short_help="Show what each role may do, did, was refused and never used.")(
        permissions
    )


def permissions(
    role: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ROLE",
            help="Such as `training pipeline` or `start_pipeline`; or a logical id, name or ARN. "
            "Default: all roles.",
        ),
    ] = None,
    unused: Annotated[
        bool, typer.Option("--unused", help="Only statements and actions that were never used.")
    ] = False,
    as_json: Json = False,
    environment: Environment = "dev",
    model: Model = None,
    local: Local = None,
) -> None:
    """Show what each role may do, what it did, what it was refused, and what it never used.

    The deployed policies say what roles may do. The local cloud records what
    they did; AWS keeps no such record.
    """
    from ratchet.deployment.roles import names as role_names
    from ratchet.deployment.roles import policies as roles

    target = connect(environment, local, model)
    if unused:
        _check_recorded(target)
    uses = roles.uses(target)
    named = " ".join(role or ())
    if named:
        chosen = role_names.find([use.role for use in uses], named, command=target.command)
        uses = [use for use in uses if use.role is chosen]
    if as_json:
        _echo(uses, recorded=target.local, single=bool(named), unused=unused)
        return
    _print(target, uses, single=bool(named), unused=unused)
    _hint(target, uses, named=named, unused=unused)


def _echo(uses: list[RoleUse], *, recorded: bool, single: bool, unused: bool) -> None:
    """As JSON. `single`: a single role was named, and is shown with its statements."""
    from ratchet.cli.views import permissions_view as view

    if single:
        echo_json(view.as_document(uses[0], recorded=recorded, only_unused=unused))
    elif unused:
        echo_json([view.as_document(use, recorded=True, only_unused=True) for use in uses])
    else:
        echo_json([view.as_data(use, recorded=recorded) for use in uses])


def _print(target: Target, uses: list[RoleUse], *, single: bool, unused: bool) -> None:
    from ratchet.cli.views import permissions_view as view

    console, now = out(), datetime.now().astimezone()
    width, account, recorded = console.width, target.account, target.local
    if unused:
        parts = view.unused(uses, width=width, account=account)
    elif single:
        parts = view.detail(uses[0], now=now, width=width, account=account, recorded=recorded)
    else:
        parts = [view.overview(uses, now=now, width=width, recorded=recorded)]
    for part in parts:
        console.print(part, crop=False)
    if unused and not parts:
        console.print("Every action of every statement was used.", soft_wrap=True)


def _check_recorded(target: Target) -> None:
    from ratchet.deployment.errors import DeploymentError

    if not target.local:
        raise DeploymentError(
            "AWS keeps no record of which statement a role used. The local cloud does: "
            f"{target.command('permissions --unused --local')}. When a role last called a "
            "service: aws iam generate-service-last-accessed-details"
        )


def _hint(target: Target, uses: list[RoleUse], *, named: str, unused: bool) -> None:
    """Prints what the numbers do not show, and what to type next."""
    if not target.local:
        lines = [
            f"Only the local cloud records what roles did: {target.command('permissions --local')}"
        ]
    elif not target.enforced:
        lines = [
            "This cloud does not enforce permissions: nothing is refused and nothing is recorded. "
            f"To enforce them: {target.command('cloud down')}, then {target.command('cloud up')} "
            "without RATCHET_UNAUTHORISED"
        ]
    elif unused:
        lines = [
            "Never used in this cloud. Something that has not happened here yet may still need "
            "them."
        ]
        if aws_only := sum(statement.aws_only for use in uses for statement in use.statements):
            lines.append(f"Not shown: {count(aws_only, 'action')} that only AWS checks.")
    elif named:
        lines = [target.command(f"permissions {named} --unused")]
    elif refused := [use for use in uses if use.refused]:
        lines = [target.command(f"permissions {use.role.label}") for use in refused]
    elif not any(use.requests for use in uses):
        lines = [f"Nothing has run here yet: {target.command('land FILE…')}"]
    else:
        lines = [target.command(f"permissions {_busiest(uses).role.label}")]
    for line in lines:
        err().print(f"[dim]{escape(line)}[/]", soft_wrap=True)


def _busiest(uses: list[RoleUse]) -> RoleUse:
    return max(uses, key=lambda use: use.requests)
