"""The facts that a deployment leaves for the tools: SSM parameters, one of a stack."""

from __future__ import annotations

from collections.abc import Mapping

from ratchet.deployment.errors import DeploymentError, NotDeployedError
from ratchet.deployment.target.environment import Target
from ratchet.loop.facts import (
    AnyFacts,
    EvaluationFacts,
    OperationsFacts,
    PipelinesFacts,
    ServingFacts,
    TrainingFacts,
    parse,
)

_FUNCTIONS: Mapping[str, tuple[str, ...]] = {
    TrainingFacts.fact: ("resolve_champion",),
    EvaluationFacts.fact: ("resolve_champion", "record_evaluation"),
    ServingFacts.fact: ("select_captured", "publish_monitoring"),
    PipelinesFacts.fact: ("resolve_champion",),
}
"""Stack → the functions that its pipelines may call."""


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


def read_pipelines(target: Target) -> PipelinesFacts:
    """The facts of the Pipelines stack at `target`.

    Raises:
        NotDeployedError: the Pipelines stack is not there.
    """
    return _read(target, PipelinesFacts)


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


def functions(target: Target, deployed: TrainingFacts, *, stack: str) -> dict[str, str]:
    """ARNs of the functions that the pipelines of a stack may call, by the names of `Functions`.

    Args:
        stack: by the name of its SSM parameter.

    Raises:
        NotDeployedError: the stack is not there, or was written by an earlier version.
    """
    arns = _owner_functions(target, deployed, stack)
    try:
        return {name: arns[name] for name in _FUNCTIONS[stack]}
    except KeyError as missing:
        raise NotDeployedError(
            f"the deployment has no function {missing}: run `{target.command('deploy')}`"
        ) from None


def _owner_functions(target: Target, deployed: TrainingFacts, stack: str) -> Mapping[str, str]:
    if stack == EvaluationFacts.fact:
        return read_evaluation(target).functions
    if stack == ServingFacts.fact:
        return read_serving(target).functions
    return deployed.functions
