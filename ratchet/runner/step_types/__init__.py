"""The step types that the runner executes, by the name that a definition gives them."""

from __future__ import annotations

from collections.abc import Mapping

from ratchet.runner.step_types import (
    callback,
    condition,
    fail,
    function,
    processing,
    registration,
    training,
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
        registration.REGISTER_MODEL,
        fail.FAIL,
    )
}
