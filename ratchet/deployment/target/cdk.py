"""Calls the CDK CLI with an environment in which it reaches the same target."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ratchet import cdk_cli, node
from ratchet.deployment.errors import DENIED, DeploymentError
from ratchet.deployment.target.environment import Target
from ratchet.local_cloud import control
from ratchet.local_cloud.control import foreign_variables
from ratchet.settings.schema import Settings

DEFAULT_QUALIFIER = "hnb659fds"
"""Of `cdk bootstrap` without another (CDK developer guide, "Bootstrapping")."""
_QUALIFIER = "@aws-cdk/core:bootstrapQualifier"


def environment(target: Target, variables: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of the CDK CLI and of the app that it runs.

    Nothing phones home, and on the local cloud the templates are not validated a second time: that
    takes seconds and the tests do it.
    """
    foreign = foreign_variables(variables) if target.local else []
    inherited = {name: value for name, value in variables.items() if name not in foreign}
    path = [str(Path(sys.executable).parent), str(node.folder()), inherited.get("PATH", "")]
    quiet = {"CDK_DISABLE_CLI_TELEMETRY": "true", "CDK_DISABLE_VERSION_CHECK": "1"}
    if target.local:
        quiet["CDK_VALIDATION"] = "false"
    return {**inherited, **quiet, **target.variables, "PATH": os.pathsep.join(path)}


def qualifier(settings: Settings, *, project: Path) -> str:
    """The qualifier of the bootstrap stack that deploys the environment, found as the CDK app
    finds it."""
    context = json.loads((project / "cdk.json").read_text()).get("context", {})
    return settings.bootstrap_qualifier or str(context.get(_QUALIFIER, DEFAULT_QUALIFIER))


def bootstrapped(target: Target) -> bool:
    """Whether `cdk bootstrap` has been run for the target's account and region.

    Whoever may deploy need not be allowed to look: then it is taken to have been, and the CDK says
    what is missing.
    """
    from botocore.exceptions import ClientError

    ssm = target.client("ssm")
    try:
        ssm.get_parameter(
            Name=f"/cdk-bootstrap/{qualifier(target.settings, project=target.root)}/version"
        )
    except ssm.exceptions.ParameterNotFound:
        return False
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") not in DENIED:
            raise
    return True


def bootstrap_command(target: Target) -> list[str]:
    """`cdk bootstrap` for the target. It needs no app, so none is synthesized."""
    place = f"aws://{target.account}/{target.region}"
    command = [*cdk_cli.command(), "bootstrap", place, "--no-notices", "--app", ""]
    chosen = qualifier(target.settings, project=target.root)
    if chosen != DEFAULT_QUALIFIER:
        # The stack's default name is that of the default qualifier, which may be in use too.
        command += ["--qualifier", chosen, "--toolkit-stack-name", f"CDKToolkit-{chosen}"]
    return command


def deploy_command(target: Target, extra: Sequence[str] = ()) -> list[str]:
    """`cdk deploy` of the environment's stacks; `extra` is passed on as it is.

    The app is told the environment, so it synthesizes no other: `app.py`.
    """
    environment = target.settings.environment
    model = target.settings.model_name
    command = [*cdk_cli.command(), "deploy", f"{environment}/{model}/*", "--no-notices"]
    context = {"environment": environment, "model": model, "local": str(target.local).lower()}
    for key, value in context.items():
        command += ["--context", f"{key}={value}"]
    if target.local and "--require-approval" not in extra:
        command += ["--require-approval", "never"]
    return [*command, *extra]


def run(
    target: Target, command: Sequence[str], *, line: Callable[[str], None] | None = None
) -> None:
    """Runs the CDK CLI in the project's folder.

    Args:
        target: where it goes.
        command: from `deploy_command` or `bootstrap_command`.
        line: receives every line of output; None: the CDK writes to the terminal itself.

    Raises:
        DeploymentError: it failed. Its own words are on the terminal, or at the end of the message.
    """
    output: list[str] = []
    with subprocess.Popen(
        command,
        cwd=target.root,
        env=environment(target),
        stdin=subprocess.DEVNULL if line else None,
        stdout=subprocess.PIPE if line else None,
        stderr=subprocess.STDOUT if line else None,
        text=True,
        errors="replace",
    ) as process:
        try:
            for text in process.stdout or ():
                output.append(text.rstrip())
                if line and text.strip():
                    line(text.rstrip())
            status = process.wait()
        except KeyboardInterrupt:
            process.wait()  # the same Ctrl-C has reached it
            raise
        except BaseException:
            process.terminate()
            raise
    if status and target.folder is not None and control.status(target.folder) is None:
        raise DeploymentError(
            "The local cloud ended during the deployment. "
            f"Run `{target.command('deploy')}` again: it goes on where it was."
        )
    if status:
        verb = command[len(cdk_cli.command())]
        words = "\n".join(["", *output[-40:]]) if line else ""
        raise DeploymentError(f"`cdk {verb}` failed (exit status {status}){words}")
