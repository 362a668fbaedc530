"""The facts that a deployment leaves for the tools: SSM parameters, one of a stack."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from ratchet.deployment.errors import DeploymentError, NotDeployedError
from ratchet.deployment.target.environment import Target

_FUNCTIONS: Mapping[str, tuple[str, ...]] = {
    "training": ("resolve_champion",),
    "evaluation": ("resolve_champion", "record_evaluation"),
    "serving": ("select_captured", "publish_monitoring"),
}
"""Stack → the functions that its pipelines call; those of any other call what training calls."""


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """What the Training stack says about itself."""

    pipeline: str
    role_arn: str
    data_bucket: str
    data_prefix: str
    artifacts_bucket: str
    output_key_arn: str
    code_uri: str
    model_package_group: str
    queue_url: str
    dead_letter_queue_url: str
    functions: Mapping[str, str] = field(default_factory=dict)
    protected: bool = False


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What the Evaluation stack says about itself."""

    pipeline: str
    role_arn: str
    data_prefix: str
    code_uri: str
    queue_url: str
    dead_letter_queue_url: str
    functions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Serving:
    """What the Serving stack says about itself."""

    endpoint: str
    stack: str
    capture_uri: str
    monitor_schedule: str = ""
    monitoring_pipeline: str = ""
    reconcile_queue_url: str = ""
    reconcile_function: str = ""
    topic_arn: str = ""
    functions: Mapping[str, str] = field(default_factory=dict)
    alarms: Mapping[str, str] = field(default_factory=dict)
    """Names of alarms: `drift`, `model_quality`, …"""


@dataclass(frozen=True, kw_only=True)
class Pipelines:
    """What the Pipelines stack says about itself."""

    pipelines: Sequence[str] = ()
    """The pipelines in it, as the source lists them."""
    scheduled: Sequence[str] = ()
    """Those that a schedule starts."""


@dataclass(frozen=True, kw_only=True)
class Operations:
    """What the Operations stack says about itself."""

    record_run: str
    """ARN of the function."""
    queue_url: str
    dead_letter_queue_url: str
    database: str
    """Of AWS Glue, which Athena reads."""
    table: str
    rows_uri: str
    """The folder of the rows, without a trailing slash."""
    budget: str = ""
    """The name of the budget; "" = there is none."""
    run_limit_usd: float = 0
    """What a run may cost; 0 = no limit."""


_Facts = TypeVar("_Facts", Deployed, Evaluation, Serving, Pipelines, Operations)


def parse(text: str, kind: type[_Facts], *, parameter: str) -> _Facts:
    """Reads the parameter's JSON; keys that this version does not know are left alone.

    Raises:
        DeploymentError: the text is not what this version's stack writes.
    """
    try:
        values: dict[str, Any] = json.loads(text)
        known = {f.name for f in fields(kind)}
        return kind(**{name: value for name, value in values.items() if name in known})
    except (ValueError, TypeError, AttributeError) as problem:
        raise DeploymentError(
            f"SSM parameter {parameter} was written by another version of the stacks ({problem}). "
            "Deploy again: ratchet deploy"
        ) from problem


def read(target: Target) -> Deployed:
    """What is deployed at `target`.

    Raises:
        NotDeployedError: the Training stack is not there.
    """
    return _read(target, "training", Deployed)


def read_evaluation(target: Target) -> Evaluation:
    """How the champion is evaluated at `target`.

    Raises:
        NotDeployedError: the Evaluation stack is not there.
    """
    return _read(target, "evaluation", Evaluation)


def read_serving(target: Target) -> Serving:
    """How what is approved gets served at `target`.

    Raises:
        NotDeployedError: the Serving stack is not there.
    """
    return _read(target, "serving", Serving)


def read_pipelines(target: Target) -> Pipelines:
    """The pipelines at `target` that are not the loop's own.

    Raises:
        NotDeployedError: the Pipelines stack is not there.
    """
    return _read(target, "pipelines", Pipelines)


def read_operations(target: Target) -> Operations:
    """What records the costs of runs at `target`.

    Raises:
        NotDeployedError: the Operations stack is not there.
    """
    return _read(target, "operations", Operations)


def _read(target: Target, stack: str, kind: type[_Facts]) -> _Facts:
    name = target.settings.parameter(stack)
    value = parameter_value(target, name)
    if value is None:
        where = "the local cloud" if target.local else f"{target.account} {target.region}"
        raise NotDeployedError(
            f"{target.settings.environment} is not deployed to {where} (no SSM parameter {name}): "
            f"run `{target.command('deploy')}`"
        )
    return parse(value, kind, parameter=name)


def parameter_value(target: Target, name: str) -> str | None:
    """The value of an SSM parameter; None when there is none of that name."""
    ssm = target.client("ssm")
    try:
        return str(ssm.get_parameter(Name=name)["Parameter"]["Value"])
    except ssm.exceptions.ParameterNotFound:
        return None


def functions(target: Target, deployed: Deployed, *, stack: str) -> dict[str, str]:
    """ARNs of the functions that the pipelines of a stack may call, by the names of `Functions`.

    Args:
        stack: by the name of its SSM parameter.

    Raises:
        NotDeployedError: the stack is not there, or was written by an earlier version.
    """
    arns = _owner_functions(target, deployed, stack)
    try:
        return {name: arns[name] for name in _FUNCTIONS.get(stack, _FUNCTIONS["training"])}
    except KeyError as missing:
        raise NotDeployedError(
            f"the deployment has no function {missing}: run `{target.command('deploy')}`"
        ) from None


def _owner_functions(target: Target, deployed: Deployed, stack: str) -> Mapping[str, str]:
    if stack == "evaluation":
        return read_evaluation(target).functions
    if stack == "serving":
        return read_serving(target).functions
    return deployed.functions
