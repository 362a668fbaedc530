"""A pipeline definition as the runner sees it: a document's steps, with how they are run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from ratchet.definition import references
from ratchet.definition.document import Document
from ratchet.definition.references import Key, Reference
from ratchet.definition.step import DefinedStep as DocumentStep
from ratchet.runner.parameters import RunParameter


@dataclass(frozen=True, kw_only=True)
class RetryRule:
    """Retry `exception_types`; the defaults are the service's."""

    exception_types: frozenset[str]
    interval_seconds: float = 1
    backoff_rate: float = 2
    max_attempts: int | None = 5
    expire_after: timedelta | None = None


@dataclass(frozen=True, kw_only=True)
class RunnableStep(DocumentStep):
    """One step.

    - `cache_for`: how old a result may be that is taken instead; None when caching is off.
    - `stand_in`: its properties as they were given; None for a step that runs itself.
    """

    cache_for: timedelta | None = None
    retries: tuple[RetryRule, ...] = ()
    stand_in: Mapping[str, Any] | None = None

    def folder_of(self, property_file: str) -> Reference:
        """What refers to the URI of the folder that a property file of its own is in."""
        output = Key(self.property_files[property_file].output)
        path = ("ProcessingOutputConfig", "Outputs", output, "S3Output", "S3Uri")
        return references.parse(references.written(self.name, path))


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A checked definition. `steps` has those inside of branches too, after their Condition."""

    document: Document = field(repr=False)
    parameters: tuple[RunParameter, ...]
    steps: Mapping[str, RunnableStep]

    @property
    def experiment(self) -> Mapping[str, Any]:
        return self.document.experiment


_DURATION = re.compile(
    r"P?(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?",
    re.IGNORECASE,
)
_UNITS = tuple(
    timedelta(days=days, seconds=seconds)
    for days, seconds in ((365, 0), (30, 0), (7, 0), (1, 0), (0, 3600), (0, 60), (0, 1))
)


def parse_duration(text: str) -> timedelta:
    """An ISO 8601 duration such as "P30D", "PT1H", or "30d", "T16m" as the guide has it.

    A year counts 365 days and a month 30. ValueError when it is none.
    """
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        raise ValueError(f"{text!r} is not an ISO 8601 duration such as P30D or PT12H")
    total = timedelta()
    for number, unit in zip(match.groups(), _UNITS, strict=True):
        total += int(number or 0) * unit
    return total
