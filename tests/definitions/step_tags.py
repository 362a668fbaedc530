"""Which steps of a definition lack tags, by botocore's own word on what takes any."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import botocore.session

from ratchet.definition.step_types import STEP_TYPES
from ratchet.settings import tags


@cache
def takes_tags(step_type: str) -> bool:
    """Whether the API call that a step of this type makes has `Tags`. A version of a model has
    those of its group, and the API refuses others:
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackage.html"""
    operation = STEP_TYPES[step_type].create
    if operation is None or step_type == "RegisterModel":
        return False
    made = _sagemaker().operation_model(operation).input_shape
    return made is not None and "Tags" in made.members


@cache
def _sagemaker() -> Any:
    return botocore.session.get_session().get_service_model("sagemaker")


def taggable_steps(definition: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """At any depth of gates' branches."""
    return [step for step in _every_step(definition["Steps"]) if takes_tags(step["Type"])]


def _every_step(steps: list[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for step in steps:
        yield step
        for branch in ("IfSteps", "ElseSteps"):
            yield from _every_step(step.get("Arguments", {}).get(branch, []))


def lacking(definition: Mapping[str, Any], *, pipeline: str) -> list[str]:
    """`<step>: <what is wrong with its tags>`, for every step that can carry any."""
    return [
        f"{step['Name']}: {problem}"
        for step in taggable_steps(definition)
        for problem in _problems(step, pipeline)
    ]


def _problems(step: Mapping[str, Any], pipeline: str) -> Iterator[str]:
    carried = {tag["Key"]: tag["Value"] for tag in step.get("Arguments", {}).get("Tags", [])}
    for key in tags.ON_STEPS:
        if not carried.get(key):
            yield f"has no {key}"
    own = {
        tags.PIPELINE: pipeline,
        tags.STEP: step["Name"],
        tags.EXPERIMENT: {"Get": "Parameters.Experiment"},
        tags.RUN: {"Get": "Execution.PipelineExecutionId"},
    }
    for key, value in own.items():
        if carried.get(key) not in (None, value):
            yield f"{key} is {carried[key]}"
