"""`ratchet deploy`: the CDK CLI, pointed at the right place."""

from __future__ import annotations

from typing import Annotated

import typer

from ratchet.cli.console import err, out
from ratchet.cli.options import Environment, Local, connect


def register(app: typer.Typer) -> None:
    app.command(
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
        short_help="Deploy the environment's stacks with the CDK CLI.",
    )(deploy)


def deploy(
    ctx: typer.Context,
    environment: Environment = "dev",
    local: Local = None,
    bootstrap: Annotated[
        bool,
        typer.Option(
            "--bootstrap",
            help="Prepare the account and region for the CDK first. The local cloud is prepared "
            "without asking.",
        ),
    ] = False,
) -> None:
    """Deploy the environment's stacks with the CDK CLI.

    Further arguments go to `cdk deploy` as they are: `ratchet deploy --hotswap`.
    """
    from ratchet.deployment import cdk
    from ratchet.deployment.errors import DeploymentError

    target = connect(environment, local)
    if bootstrap or not cdk.bootstrapped(target):
        if not (bootstrap or target.local):
            raise DeploymentError(
                f"account {target.account} is not prepared for the CDK in {target.region}. "
                f"Do it once: `{target.command('deploy')} --bootstrap`"
            )
        err().print(f"[dim]cdk bootstrap aws://{target.account}/{target.region}[/]")
        cdk.run(target, cdk.bootstrap_command(target))
    cdk.run(target, cdk.deploy_command(target, ctx.args))
    out().print(f"Deployed. Next: {target.command('land FILE…')}", soft_wrap=True)
