"""The CDK app of a project: each environment is a stage, and in it each model's loop another."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import aws_cdk as cdk
from constructs import Construct

from ratchet.authoring import BundleError, DefinitionError
from ratchet.local_account import LOCAL_ACCOUNT
from ratchet.pipelines import instance_types
from ratchet.project import Project, current
from ratchet.settings.schema import Settings, SettingsError
from ratchet_cdk.pipelines.ml_pipeline import OpenDefinitionError

MakeLoop = Callable[..., cdk.Stage]
"""`loop(scope, settings=…, source=…)` makes the stacks of one model in one environment."""


def add_loops(
    app: Construct, loop: MakeLoop, settings: Iterable[Settings], *, source: Path
) -> list[cdk.Stage]:
    """Adds a loop for each settings, in the stage of its environment.

    Raises:
        SettingsError: an instance type is none of SageMaker's.
        DefinitionError: a pipeline has mistakes.
    """
    loops = []
    for each in settings:
        instance_types.check(each)
        stage = app.node.try_find_child(each.environment) or cdk.Stage(app, each.environment)
        loops.append(loop(stage, settings=each, source=source))
    return loops


def settings_for(app: cdk.App, project: Project) -> list[Settings]:
    """The settings of every model in the environment that `--context environment=…` names, or in
    every one; of one model with `--context model=…`.

    A local environment has the local cloud's account, which nobody has credentials for on AWS: the
    CDK CLI refuses to deploy it there. `--context local=true` and `local=false` overrule the
    settings.

    Raises:
        SettingsError: there is no such environment or model, or a file holds a mistake.
    """
    keys = ("environment", "model", "local")
    environment, model, local = (app.node.try_get_context(key) for key in keys)
    return [
        _placed(project.settings(each, name), local)
        for each in ([environment] if environment else project.environments)
        for name in ([model] if model else project.models)
    ]


def _placed(settings: Settings, local: str | None) -> Settings:
    if settings.local if local is None else local == "true":
        return replace(settings, local=True, account=LOCAL_ACCOUNT)
    return settings


def synth(loop: MakeLoop) -> None:
    """Synthesizes the current project. A mistake of its people ends the program with its words."""
    gc.disable()  # the CDK keeps every object until the end: looking for garbage finds none
    # Without stack traces, which hold paths of this machine; cdk.json may not carry this key.
    app = cdk.App(context={"aws:cdk:disable-stack-trace": True})
    try:
        project = current()
        add_loops(app, loop, settings_for(app, project), source=project.root)
    except SettingsError as error:
        sys.exit(f"settings: {error}")
    except (DefinitionError, BundleError, OpenDefinitionError) as error:
        sys.exit(str(error))
    app.synth()
