"""The step types that the runner executes, by the name that a definition gives them."""

from __future__ import annotations

from collections.abc import Mapping

from ratchet.runner.definition import Step
from ratchet.runner.step_types import (
    callback,
    condition,
    fail,
    function,
    model,
    processing,
    quality_check,
    registration,
    stand_in,
    training,
    transform,
    tuning,
)
from ratchet.runner.step_types.contract import StepType

STEP_TYPES: Mapping[str, StepType] = {
    kind.name: kind
    for kind in (
        processing.PROCESSING,
        training.TRAINING,
        function.LAMBDA,
        callback.CALLBACK,
        condition.CONDITION,
        tuning.TUNING,
        transform.TRANSFORM,
        model.MODEL,
        quality_check.QUALITY_CHECK,
        registration.REGISTER_MODEL,
        fail.FAIL,
    )
}


def type_of(step: Step) -> StepType:
    """How a step is checked and run: as its type, or as its stand-in."""
    if step.stand_in is not None or stand_in.why_not(step.body, STEP_TYPES) is not None:
        return stand_in.STOOD_IN
    return STEP_TYPES[step.type]
