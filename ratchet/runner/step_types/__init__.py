"""The step types that the runner executes: a module for each, with the `Runner` of its name.

A module is found by being here. What else there is to know of the type is its row in
`ratchet.definition.step_types`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping

from ratchet.definition.step_types import STEP_TYPES
from ratchet.runner.definition import RunnableStep
from ratchet.runner.step_types import stand_in
from ratchet.runner.step_types.contract import Runner

_MODULES = tuple(
    importlib.import_module(f"{__name__}.{module.name}")
    for module in pkgutil.iter_modules(__path__)
)
RUNNERS: Mapping[str, Runner] = {
    runner.name: runner
    for module in _MODULES
    for runner in vars(module).values()
    if isinstance(runner, Runner) and runner.name in STEP_TYPES
}


def runner_of(step: RunnableStep) -> Runner:
    """How a step is checked and run: as its type, or as its stand-in."""
    if step.stand_in is not None or stand_in.why_not(step, RUNNERS) is not None:
        return stand_in.STOOD_IN
    return RUNNERS[step.type]
