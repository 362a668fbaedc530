"""The facts that a deployment leaves for the tools: SSM parameters, one of a stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ratchet.deployment.errors import DeploymentError, NotDeployedError
from ratchet.deployment.target.environment import Target
from ratchet.loop.facts import (
    AnyFacts,
    EvaluationFacts,
    OperationsFacts,
    ServingFacts,
    TrainingFacts,
    parse,
)
from ratchet.node import PROJECT

if TYPE_CHECKING:
    from pipeline_defs.authoring import Context


def read(target: Target) -> TrainingFacts:
    """The facts of the Training stack at `target`.

    Raises:
        NotDeployedError: the Training stack is not there.
    """
    return _read(target, TrainingFacts)


def read_evaluation(target: Target) -> EvaluationFacts:
    """The facts of the Evaluation stack at `target`.

    Raises:
        NotDeployedError: the Evaluation stack is not there.
    """
    return _read(target, EvaluationFacts)


def read_serving(target: Target) -> ServingFacts:
    """The facts of the Serving stack at `target`.

    Raises:
        NotDeployedError: the Serving stack is not there.
    """
    return _read(target, ServingFacts)


def read_operations(target: Target) -> OperationsFacts:
    """The facts of the Operations stack at `target`.

    Raises:
        NotDeployedError: the Operations stack is not there.
    """
    return _read(target, OperationsFacts)


def _read(target: Target, kind: type[AnyFacts]) -> AnyFacts:
    name = target.settings.parameter(kind.fact)
    value = parameter_value(target, name)
    if value is None:
        where = "the local cloud" if target.local else f"{target.account} {target.region}"
        raise NotDeployedError(
            f"{target.settings.environment} is not deployed to {where} (no SSM parameter {name}): "
            f"run `{target.command('deploy')}`"
        )
    try:
        return parse(value, kind)
    except ValueError as problem:
        raise DeploymentError(
            f"SSM parameter {name} was written by another version of the stacks ({problem}). "
            f"Deploy again: {target.command('deploy')}"
        ) from problem


def parameter_value(target: Target, name: str) -> str | None:
    """The value of an SSM parameter; None when there is none of that name."""
    ssm = target.client("ssm")
    try:
        return str(ssm.get_parameter(Name=name)["Parameter"]["Value"])
    except ssm.exceptions.ParameterNotFound:
        return None


def context(target: Target, deployed: TrainingFacts, *, kind: str = "training") -> Context:
    """The context in which `pipeline_defs` compiles the pipeline of this kind for this
    deployment."""
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
