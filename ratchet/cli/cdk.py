"""The program `cdk`: the pinned CDK CLI, pointed at the local cloud for what lives there.

An environment with `account = "local"` is synthesized for the local cloud's account, so the CDK CLI
alone would find nobody who may deploy it. `cdk deploy "dev/**"` goes to that cloud by itself.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ratchet import cdk_cli
from ratchet.cli.console import err
from ratchet.cli.main import explanation
from ratchet.cli.options import announce

if TYPE_CHECKING:
    from ratchet.deployment.target.environment import Target
    from ratchet.project import Project

_NEED_A_CLOUD = {"deploy", "destroy", "diff", "drift", "import", "rollback", "watch"}
"""The commands that ask CloudFormation; `cdk synth` and `cdk ls` need nothing."""


def main() -> None:
    try:
        _point(sys.argv[1:])
    except Exception as problem:
        message = explanation(problem)
        if message is None:
            raise
        err().print(f"error {message}", style="bold red", markup=False, soft_wrap=True)
        sys.exit(1)
    cdk_cli.main()


def _point(arguments: Sequence[str]) -> None:
    """Puts into this process what leads the CDK CLI to the local cloud, if that is meant."""
    from ratchet.deployment.target import cdk
    from ratchet.project import NoProjectError, current

    if not _NEED_A_CLOUD.intersection(arguments[:1]):
        return
    try:
        project = current()
    except NoProjectError:
        return  # an app that is none of ours
    target = local_target_of(project, arguments)
    if target is not None:
        announce(target)
        variables = cdk.environment(target)
        os.environ.clear()
        os.environ.update(variables)
        sys.argv += ["--context", "local=true"]


def local_target_of(project: Project, arguments: Sequence[str]) -> Target | None:
    """The local cloud, when every stack that is named by its environment lives there.

    None where AWS_ENDPOINT_URL is set: the shell was pointed somewhere already.

    Raises:
        DeploymentError: some of the stacks live there and some on AWS, or AWS_ENDPOINT_URL leads to
            another project's local cloud.
    """
    from ratchet.deployment.errors import DeploymentError
    from ratchet.deployment.target.endpoints import named_endpoint
    from ratchet.deployment.target.environment import open_target
    from ratchet.deployment.target.local_clouds import LocalClouds

    if named_endpoint(os.environ, project) is not None:
        return None
    selected = {word.partition("/")[0] for word in arguments if "/" in word}
    environments = sorted(selected.intersection(project.environments))
    model = project.models[0] if project.models else None  # all models of one live in one place
    settings = {name: project.settings(name, model) for name in environments}
    clouds = LocalClouds(project.root)
    local = [name for name in settings if clouds.chosen(None, setting=settings[name].local)]
    if not local:
        return None
    if away := sorted(set(environments) - set(local)):
        raise DeploymentError(
            f"{', '.join(local)} is on the local cloud and {', '.join(away)} on AWS; "
            "name the stacks of one place at a time"
        )
    return open_target(project=project, environment=local[0], local=None, model=model)
