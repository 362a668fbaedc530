"""The facts that a deployment leaves for the tools: SSM parameters, one of a stack."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, TypeVar

from ratchet.deployment.errors import DeploymentError, NotDeployedError
from ratchet.deployment.target.environment import Target
from ratchet.node import PROJECT

if TYPE_CHECKING:
    from pipeline_defs.authoring import Context


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
    alarms: Mapping[str, str] = field(default_factory=dict)
    """Names of alarms: `drift`, `model_quality`, …"""


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


_Facts = TypeVar("_Facts", Deployed, Evaluation, Serving, Operations)


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


def context(target: Target, deployed: Deployed, *, kind: str = "training") -> Context:
    """What `pipeline_defs` needs to compile the pipeline of this kind for this deployment."""
    from pipeline_defs.authoring import Context, Functions

    owner = read_evaluation(target) if kind == "evaluation" else deployed
    names = ["resolve_champion", *(["record_evaluation"] if kind == "evaluation" else [])]
    try:
        functions = Functions(**{name: owner.functions[name] for name in names})
    except KeyError as missing:
        raise NotDeployedError(
            f"the deployment has no function {missing}: run `{target.command('deploy')}`"
        ) from None
    return Context(
        settings=target.settings,
        role_arn=owner.role_arn,
        artifacts_uri=f"s3://{deployed.artifacts_bucket}",
        output_key_arn=deployed.output_key_arn,
        code_uri=owner.code_uri,
        functions=functions,
        source=PROJECT,
    )
