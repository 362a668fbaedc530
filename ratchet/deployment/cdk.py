"""The CDK CLI, called with the environment in which it reaches the same place as we do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ratchet import node
from ratchet.deployment.errors import DeploymentError
from ratchet.deployment.target import Target
from ratchet.local_cloud import control

BOOTSTRAP_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
"""Written by `cdk bootstrap` with the default qualifier (CDK developer guide, "Bootstrapping")."""

_FOREIGN = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
"""What would win over the local cloud's own credentials."""


def environment(target: Target, variables: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of the CDK CLI and of the app that it runs.

    Nothing phones home, and on the local cloud the templates are not validated a second time: that
    takes seconds and the tests do it.
    """
    kept = {n: v for n, v in variables.items() if not (target.local and n in _FOREIGN)}
    path = [str(Path(sys.executable).parent), str(node.folder()), kept.get("PATH", "")]
    quiet = {"CDK_DISABLE_CLI_TELEMETRY": "true", "CDK_DISABLE_VERSION_CHECK": "1"}
    if target.local:
        quiet["CDK_VALIDATION"] = "false"
    return {**kept, **quiet, **target.variables, "PATH": os.pathsep.join(path)}


def bootstrapped(target: Target) -> bool:
    """Whether `cdk bootstrap` has been run for the target's account and region."""
    ssm = target.client("ssm")
    try:
        ssm.get_parameter(Name=BOOTSTRAP_PARAMETER)
    except ssm.exceptions.ParameterNotFound:
        return False
    return True


def bootstrap_command(target: Target) -> list[str]:
    """`cdk bootstrap` for the target. It needs no app, so none is synthesized."""
    place = f"aws://{target.account}/{target.region}"
    return [*node.cdk_command(), "bootstrap", place, "--no-notices", "--app", ""]


def deploy_command(target: Target, extra: Sequence[str] = ()) -> list[str]:
    """`cdk deploy` of the environment's stacks; `extra` is passed on as it is."""
    command = [*node.cdk_command(), "deploy", f"{target.settings.environment}/*", "--no-notices"]
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
    said: list[str] = []
    with subprocess.Popen(
        command,
        cwd=node.PROJECT,
        env=environment(target),
        stdin=subprocess.DEVNULL if line else None,
        stdout=subprocess.PIPE if line else None,
        stderr=subprocess.STDOUT if line else None,
        text=True,
        errors="replace",
    ) as process:
        try:
            for text in process.stdout or ():
                said.append(text.rstrip())
                if line and text.strip():
                    line(text.rstrip())
            status = process.wait()
        except BaseException:
            process.terminate()
            raise
    if status and target.folder is not None and control.status(target.folder) is None:
        raise DeploymentError(
            "The local cloud ended during the deployment. "
            f"Run `{target.command('deploy')}` again: it goes on where it was."
        )
    if status:
        verb = command[len(node.cdk_command())]
        words = "\n".join(["", *said[-40:]]) if line else ""
        raise DeploymentError(f"`cdk {verb}` failed (exit status {status}){words}")
