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
from ratchet.pipelines import instance_types, placeholders, step_settings
from ratchet.project import Project, current
from ratchet.settings.schema import Settings, SettingsError
from ratchet_cdk.pipelines.ml_pipeline import MlPipeline, OpenDefinitionError

MakeLoop = Callable[..., cdk.Stage]
"""`loop(scope, settings=…, source=…)` makes the stacks of one model in one environment."""


_OF_PEOPLE = (SettingsError, DefinitionError, BundleError, OpenDefinitionError)
"""Mistakes in what a project's people wrote."""


def add_loops(
    app: Construct, loop: MakeLoop, settings: Iterable[Settings], *, source: Path
) -> list[cdk.Stage]:
    """Adds a loop for each settings, in the stage of its environment.

    Raises:
        SettingsError: an instance type is none of SageMaker's, or no step takes a table of `steps`.
        DefinitionError: a pipeline has mistakes.
    """
    return [_add_loop(app, loop, each, source=source) for each in settings]


def _add_loop(app: Construct, loop: MakeLoop, settings: Settings, *, source: Path) -> cdk.Stage:
    instance_types.check(settings)
    made = loop(_stage(app, settings.environment), settings=settings, source=source)
    step_settings.check(
        settings,
        [each.compiled for each in made.node.find_all() if isinstance(each, MlPipeline)],
        # A project may leave a stack out; a table of its pipeline's steps is no mistake then.
        others=lambda: placeholders.compiled(settings, root=source),
    )
    return made


def _stage(app: Construct, environment: str) -> cdk.Stage:
    stage = app.node.try_find_child(environment) or cdk.Stage(app, environment)
    assert isinstance(stage, cdk.Stage)
    return stage


def chosen(app: cdk.App, project: Project) -> list[tuple[str, str]]:
    """Environment and model of each loop to synthesize: those that `--context environment=…` and
    `--context model=…` name, or all.

    Raises:
        SettingsError: the project has no environment, or no model.
    """
    environment, model = (app.node.try_get_context(key) for key in ("environment", "model"))
    for names, needed in ((project.environments, "config/dev.toml"), (project.models, "a model")):
        if not names:
            raise SettingsError(f"{project.root} has nothing to deploy: add {needed}")
    return [
        (each, name)
        for each in ([environment] if environment else project.environments)
        for name in ([model] if model else project.models)
    ]


def settings_of(app: cdk.App, project: Project, environment: str, model: str) -> Settings:
    """The settings of a model where its environment lives.

    A local environment has the local cloud's account, which nobody has credentials for on AWS: the
    CDK CLI refuses to deploy it there. `--context local=true` and `local=false` overrule the
    settings.

    Raises:
        SettingsError: there is no such environment or model, or a file holds a mistake.
    """
    settings = project.settings(environment, model)
    local = app.node.try_get_context("local")
    if settings.local if local is None else local == "true":
        return replace(settings, local=True, account=LOCAL_ACCOUNT)
    return settings


def add_chosen(app: cdk.App, loop: MakeLoop, project: Project) -> None:
    """Adds the chosen loops. One with a mistake of people is blocked by it, and no other is.

    Raises:
        SystemExit: there is none without a mistake; with the words of all of them.
    """
    pairs = chosen(app, project)
    mistakes = {}
    for environment, model in pairs:
        try:
            settings = settings_of(app, project, environment, model)
            _add_loop(app, loop, settings, source=project.root)
        except _OF_PEOPLE as error:
            mistakes[environment, model] = _words(error)
    if len(mistakes) == len(pairs):
        sys.exit("\n".join(dict.fromkeys(mistakes.values())))
    for (environment, model), words in mistakes.items():
        stage = _stage(app, environment)
        stage.node.try_remove_child(model)  # what was made of it before the mistake
        _refuse(cdk.Stage(stage, model), [words])
    if mistakes:
        _refuse(app, mistakes.values())


def _refuse(scope: Construct, mistakes: Iterable[str]) -> None:
    """A stack that the CDK refuses to synthesize, compare and deploy, with these words.

    One stands in place of each loop that has a mistake, and one beside the environments, since
    `cdk synth` without a name looks at no stack of a stage. To leave a loop out would say that all
    is well.
    """
    stack = cdk.Stack(scope, "Mistakes")
    for words in dict.fromkeys(mistakes):
        cdk.Annotations.of(stack).add_error(words)


def _words(error: Exception) -> str:
    return f"settings: {error}" if isinstance(error, SettingsError) else str(error)


def synth(loop: MakeLoop) -> None:
    """Synthesizes the current project. A mistake of its people ends the program with its words, or
    blocks the loops that have it."""
    gc.disable()  # the CDK keeps every object until the end: looking for garbage finds none
    # Without stack traces, which hold paths of this machine; cdk.json may not carry this key.
    app = cdk.App(context={"aws:cdk:disable-stack-trace": True})
    try:
        add_chosen(app, loop, current())
    except SettingsError as error:
        sys.exit(_words(error))
    app.synth()
