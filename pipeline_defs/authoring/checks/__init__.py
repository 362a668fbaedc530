"""Everything that is checked of a pipeline definition, as JSON, whoever wrote it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline_defs.authoring.checks import (
    arguments,
    branches,
    caching,
    conditions,
    limits,
    parameters,
    references,
)
from pipeline_defs.authoring.checks import beside_arguments as steps
from pipeline_defs.authoring.checks.document import placed_steps
from pipeline_defs.authoring.errors import Problem

__all__ = ["check"]


def check(
    definition: Mapping[str, Any], *, name: str, found: Sequence[Problem] = ()
) -> list[Problem]:
    """All problems of the definition of the pipeline `name`, and those `found` before: the whole
    pipeline's first, then step by step; an empty list if it is sound."""
    order = {placed.name: index for index, placed in enumerate(placed_steps(definition))}
    return sorted(
        [*found, *_problems(definition, name)],
        key=lambda problem: order.get(problem.step or "", -1),
    )


def _problems(definition: Mapping[str, Any], name: str) -> Iterator[Problem]:
    yield from limits.check(definition, name)
    yield from parameters.check(definition)
    yield from branches.check(definition)
    yield from arguments.check(definition)
    yield from steps.check(definition)
    yield from conditions.check(definition)
    yield from references.check(definition)
    yield from caching.check(definition)
