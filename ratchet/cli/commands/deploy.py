"""`ratchet deploy`: the CDK CLI, pointed at the right place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from typer.core import TyperCommand
from typer.exceptions import TyperException

from ratchet.cli.acting_project import acting_project
from ratchet.cli.commands import clean
from ratchet.cli.console import err, out
from ratchet.cli.options import (
    Environment,
    Local,
    Model,
    Yes,
    connect_to_change,
    name_nearest_option,
)

if TYPE_CHECKING:
    from ratchet.deployment.target.environment import Target

_CDK_ARGUMENTS = "ratchet.cdk_arguments"
_HINT = "The CDK's own arguments go after --, as in: ratchet deploy -- --hotswap"


class CdkCommand(TyperCommand):
    """A command that passes what follows `--` to the CDK, and checks every option before it.

    Without that line between the two, a slip such as `--environment staging` went to the CDK,
    which ignores what it does not know, and another environment was deployed.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        at = args.index("--") if "--" in args else len(args)
        ctx.meta[_CDK_ARGUMENTS] = args[at + 1 :]
        try:
            extra = super().parse_args(ctx, args[:at])
        except TyperException as problem:
            if hasattr(problem, "possibilities"):  # an option that does not exist
                name_nearest_option(problem)
                problem.message = f"{problem.message.rstrip('.')}\n{_HINT}"
            raise
        if extra and not ctx.resilient_parsing:
            ctx.fail(
                f"Got unexpected extra argument ({extra[0]}). An environment is named by an "
                f"option: --env {extra[0]}\n{_HINT}"
            )
        return extra


def register(app: typer.Typer) -> None:
    app.command(
        cls=CdkCommand,
        context_settings={"allow_extra_args": True},
        options_metavar="[OPTIONS] [-- CDK OPTIONS…]",
        short_help="Deploy the environment's stacks with the CDK CLI.",
    )(deploy)


def deploy(
    ctx: typer.Context,
    environment: Environment = "dev",
    model: Model = None,
    local: Local = None,
    yes: Yes = False,
    bootstrap: Annotated[
        bool,
        typer.Option(
            "--bootstrap",
            help="Prepare the account and region for the CDK first. The local cloud needs no "
            "--bootstrap.",
        ),
    ] = False,
) -> None:
    """Deploy the environment's stacks with the CDK CLI: those of one model, or of all.

    Afterwards every pipeline that runs something else than was deployed gets its
    deployed definition back, which CloudFormation does not do: it compares
    templates. Pipelines of edits that nothing needs any more are removed.

    What follows `--` goes to `cdk deploy` unchanged: `ratchet deploy -- --hotswap`.
    """
    from ratchet.deployment.pipelines import source

    project = acting_project()
    names = project.chosen(model)
    for name in names:  # before a local cloud is started, or one of them is deployed
        source.check(project.settings(environment, name), root=project.root)
    for name in names:
        _deploy(ctx.meta[_CDK_ARGUMENTS], environment, name, local, yes=yes, bootstrap=bootstrap)


def _deploy(
    arguments: list[str],
    environment: str,
    model: str,
    local: bool | None,
    *,
    yes: bool,
    bootstrap: bool,
) -> None:
    from ratchet.deployment.errors import DeploymentError
    from ratchet.deployment.target import cdk

    doing = "create or change the stacks of this environment; what is in them costs money"
    target = connect_to_change(environment, local, model, doing=doing, yes=yes)
    ready = cdk.bootstrapped(target)
    if not ready and not (bootstrap or target.local):
        raise DeploymentError(
            f"account {target.account} is not prepared for the CDK in {target.region}. "
            f"Do it once: `{target.command('deploy')} --bootstrap`"
        )
    if bootstrap or not ready:
        err().print(f"[dim]cdk bootstrap aws://{target.account}/{target.region}[/]")
        cdk.run(target, cdk.bootstrap_command(target))
    try:
        cdk.run(target, cdk.deploy_command(target, arguments))
    except KeyboardInterrupt:
        _say_what_goes_on(target)
        raise typer.Exit(130) from None
    put_right(target)
    clean.remove_unneeded(target)
    out().print(f"Deployed. Next: {target.command('land FILE…')}", soft_wrap=True)


def _say_what_goes_on(target: Target) -> None:
    """After Ctrl-C: CloudFormation does not end what it has begun."""
    from botocore.exceptions import BotoCoreError, ClientError

    from ratchet.deployment.target import stacks

    console = err()
    try:
        busy = stacks.busy(target)
    except (BotoCoreError, ClientError) as problem:
        console.print(
            f"\nWhat has begun goes on in account {target.account}; its stacks cannot be read "
            f"({escape(str(problem))}). See them: {target.command('status')}",
            soft_wrap=True,
        )
        return
    if not busy:
        console.print("\nNo stack of this environment is under way.", soft_wrap=True)
    for name, status in busy:
        console.print(
            f"\n{name} goes on in account {target.account}: {status}. See it: "
            f"{_events(target, name)}",
            soft_wrap=True,
        )
    console.print(f"[dim]{target.command('deploy')}[/]", soft_wrap=True)


def _events(target: Target, stack: str) -> str:
    where = f"--region {target.region} --stack-name {stack}"
    prefix = 'eval "$(ratchet cloud env)"; ' if target.local else ""
    return f"{prefix}aws cloudformation describe-stack-events {where}"


def put_right(target: Target) -> None:
    """Gives each pipeline that was changed by hand the definition of its stack again.

    Raises:
        DeploymentError: the stack's definition of one cannot be told; the others are put right.
    """
    from botocore.exceptions import ClientError

    from ratchet.deployment.errors import DeploymentError, denied, explain
    from ratchet.deployment.pipelines import in_place

    impossible = []
    try:
        for pipeline in in_place.changed(target):
            if in_place.repair(target, pipeline):
                err().print(
                    f"{pipeline.name} ran something else than was deployed: it has its deployed "
                    "definition again.",
                    soft_wrap=True,
                )
            else:
                impossible.append(pipeline.name)
    except ClientError as error:
        if not denied(error):
            raise
        err().print(
            "Whether the pipelines run what was deployed is not known: "
            f"{escape(str(explain(error)))}\ndocs/guides/roles/deploy.yaml allows it.",
            soft_wrap=True,
        )
    if impossible:
        raise DeploymentError(
            f"{', '.join(impossible)}: does not run what was deployed, and what that was cannot be "
            "told from this checkout. Check out the deployed source and deploy it again: "
            f"{target.command('deploy')}"
        )
