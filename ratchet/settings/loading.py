"""The settings of a model in an environment, from the files that say them.

`config/base.toml` holds what all share, `config/<environment>.toml` what an environment has,
`config/<model>/base.toml` what a model needs everywhere, and `config/<model>/<environment>.toml`
what it needs there. Each lies over those before it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

from ratchet.loop import names
from ratchet.settings import model_checks
from ratchet.settings.costs import has_budgets
from ratchet.settings.layers import Layers, layered
from ratchet.settings.schema import ComputeSettings, Settings, StepSettings
from ratchet.settings.toml_reader import SettingsError, read

BASE = "base"
"""The name of the files that every environment reads."""

LOCAL = "local"
"""The account of an environment that lives on the local cloud."""

# SageMaker gives an update eight hours, of which instances need some to start.
_LONGEST_WAIT_SECONDS = 7 * 3600
_LONGEST_PREFIX = 48
"""A monitoring schedule's name has at most 63 characters (SageMaker API); `-model-quality` is added
to this."""


def environments(config: Path) -> list[str]:
    """The environments that have a file in the folder `config`, sorted by name."""
    return sorted(file.stem for file in config.glob("*.toml") if file.stem != BASE)


def models(config: Path) -> list[str]:
    """The models that have a folder with a base.toml in the folder `config`, sorted by name."""
    return sorted(file.parent.name for file in config.glob(f"*/{BASE}.toml"))


def project_name(config: Path) -> str:
    """The name of the project, as `base.toml` says it.

    Raises:
        SettingsError: it is not TOML, or says none.
    """
    file = config / f"{BASE}.toml"
    name = layered([file], root=config.parent).table.get("project")
    if not isinstance(name, str):
        raise SettingsError(
            f'config/{BASE}.toml: project is missing; expected a name: project = "…"'
        )
    return name


def layers(config: Path, *, environment: str, model: str) -> Layers:
    """What the files say, before it is held against the schema.

    Raises:
        SettingsError: there is no such environment or model, or a file is not TOML.
    """
    for kind, name, there in (
        ("environment", environment, environments(config)),
        ("model", model, models(config)),
    ):
        if name not in there:
            file = f"{name}.toml" if kind == "environment" else f"{name}/{BASE}.toml"
            near = difflib.get_close_matches(name, there, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; to add it, write config/{file}"
            raise SettingsError(
                f"{name!r} is no {kind} of {config.parent}, which has "
                f"{', '.join(there) or 'none'}{hint}"
            )
    return layered(files(config, environment=environment, model=model), root=config.parent)


def files(config: Path, *, environment: str, model: str) -> list[Path]:
    """Where the settings of a model in an environment may be said, the lowest first."""
    return [
        folder / f"{name}.toml"
        for folder in (config, config / model)
        for name in (BASE, environment)
    ]


def load(config: Path, *, environment: str, model: str) -> Settings:
    """Reads the settings of a model in an environment.

    Raises:
        SettingsError: there is no such environment or model, or a file holds a mistake.
    """
    said = layers(config, environment=environment, model=model)
    local = said.table.get("account") == LOCAL

    def where(key: str) -> str:
        # What a model predicts is nobody else's to say.
        if key == "model" and key not in said.origins:
            return f"config/{model}/{BASE}.toml"
        return said.origin(key)

    settings = read(
        Settings,
        {key: value for key, value in said.table.items() if not (local and key == "account")},
        where=where,
        environment=environment,
        model_name=model,
        local=local,
    )
    of_model = model_checks.contradictions(settings, steps=config.parent / "steps" / model)
    of_names = _contradictions_of_names(settings, config)
    for key, problem in chain(of_model, of_names, _contradictions(settings, said)):
        raise SettingsError(f"{said.origin(key)}: {problem}")
    return replace(settings, layers=said)


def _contradictions_of_names(settings: Settings, config: Path) -> Iterator[tuple[str, str]]:
    """Names of resources begin with the loop's prefix, and patterns in policies and listings too:
    no loop's prefix may begin another's."""
    if len(settings.prefix) > _LONGEST_PREFIX:
        yield (
            "project",
            f"the names of resources begin with {settings.prefix!r}, which has "
            f"{len(settings.prefix)} characters; expected at most {_LONGEST_PREFIX} of project, "
            "model and environment together, because SageMaker takes 63 for a monitoring schedule",
        )
    for model in models(config):
        for environment in environments(config):
            other = replace(settings, model_name=model, environment=environment).prefix
            own = (model, environment) == (settings.model_name, settings.environment)
            if not own and f"{other}-".startswith(f"{settings.prefix}-"):
                yield (
                    "project",
                    f"model {settings.model_name!r} in {settings.environment} and model {model!r} "
                    f"in {environment} have names that begin alike: {settings.prefix!r} and "
                    f"{other!r}. Rename the model or the environment that is newer",
                )


def _contradictions(settings: Settings, said: Layers) -> Iterator[tuple[str, str]]:
    """Keys that are each valid alone, but not together: one of them, and what is wrong."""
    try:
        _ = settings.image
    except ValueError as error:
        yield "region", f"region = {settings.region!r}: {error}"
    for name, compute in settings.steps.items():
        yield from _contradictions_of_compute(f"steps.{name}", compute)
        yield from _contradictions_of_network(f"steps.{name}", compute)
    endpoint, notifications = settings.endpoint, settings.notifications
    if endpoint.routing != "all-at-once" and endpoint.instance_count == 1:
        yield (
            "endpoint.instance_count",
            f'endpoint.routing = "{endpoint.routing}" with endpoint.instance_count = 1: one '
            'instance has no share; expected at least 2 instances, or routing = "all-at-once"',
        )
    if endpoint.update_wait_seconds > _LONGEST_WAIT_SECONDS:
        yield (
            "endpoint.wait_seconds",
            f"endpoint.wait_seconds = {endpoint.wait_seconds}: all shares together wait for "
            f"{endpoint.update_wait_seconds} s; expected at most {_LONGEST_WAIT_SECONDS} s",
        )
    if settings.monitor.engine == names.MODEL_MONITOR and (reason := settings.no_model_monitor):
        yield (
            "monitor.engine",
            f'monitor.engine = "{names.MODEL_MONITOR}": {reason}; expected "{names.AUTO}" or '
            f'"{names.PIPELINE}"',
        )
    budget = settings.costs.monthly_budget_usd
    if budget and not has_budgets(settings.region):
        yield (
            "costs.monthly_budget_usd",
            f"costs.monthly_budget_usd = {budget:g}: CloudFormation cannot make budgets in region "
            f"{settings.region!r}; expected 0, and a budget made by hand, which covers all "
            "regions: aws budgets create-budget --generate-cli-skeleton",
        )
    training, labelled = settings.data.prefix, settings.evaluation.prefix
    if training.startswith(labelled) or labelled.startswith(training):
        yield (
            "evaluation.prefix" if "evaluation.prefix" in said.origins else "data.prefix",
            f'evaluation.prefix = "{labelled}" and data.prefix = "{training}": one is inside the '
            "other, so data that lands there would be both trained on and evaluated; expected two "
            "separate folders",
        )
    if (notifications.slack_workspace is None) != (notifications.slack_channel is None):
        yield (
            "notifications",
            "notifications.slack_workspace and notifications.slack_channel need each other",
        )


def _contradictions_of_network(key: str, step: StepSettings) -> Iterator[tuple[str, str]]:
    if bool(step.subnets) != bool(step.security_groups):
        there, missing = (
            ("subnets", "security_groups") if step.subnets else ("security_groups", "subnets")
        )
        yield (
            f"{key}.{there}",
            f"{key}.{there} without {key}.{missing}: a job joins a network by both; add "
            f"{missing} = […]",
        )


def _contradictions_of_compute(key: str, compute: ComputeSettings) -> Iterator[tuple[str, str]]:
    wait = compute.longest_wait_seconds
    if compute.spot and wait < compute.max_runtime_seconds:
        yield (
            f"{key}.max_wait_seconds",
            f"{key}.max_wait_seconds = {compute.max_wait_seconds}: waiting and running together "
            f"cannot be shorter than {key}.max_runtime_seconds = {compute.max_runtime_seconds}",
        )
    if compute.spot and compute.keep_alive_seconds:
        yield (
            f"{key}.spot",
            f"{key}.spot with {key}.keep_alive_seconds: spot instances cannot be kept; expected "
            "one of the two",
        )
