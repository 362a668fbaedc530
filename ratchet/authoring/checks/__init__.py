"""Everything that is checked of a pipeline definition, as JSON, whoever wrote it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ratchet.authoring.checks import (
    arguments,
    beside_arguments,
    branches,
    caching,
    conditions,
    limits,
    parameters,
    references,
)
from ratchet.authoring.errors import Problem
from ratchet.definition.document import Document, read

__all__ = ["check"]


def check(
    definition: Mapping[str, Any], *, name: str, earlier: Sequence[Problem] = ()
) -> list[Problem]:
    """All problems of the definition of the pipeline `name`, and the `earlier` ones: the whole
    pipeline's first, then step by step; an empty list if it is sound."""
    document = read(definition)
    order = {step.name: index for index, step in enumerate(document.steps)}
    return sorted(
        [*earlier, *_problems(document, name)],
        key=lambda problem: order.get(problem.step or "", -1),
    )


def _problems(document: Document, name: str) -> Iterator[Problem]:
    yield from limits.check(document, name)
    yield from parameters.check(document)
    yield from branches.check(document)
    yield from arguments.check(document)
    yield from beside_arguments.check(document)
    yield from conditions.check(document)
    yield from references.check(document)
    yield from caching.check(document)
