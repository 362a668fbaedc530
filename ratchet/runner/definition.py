"""A pipeline definition as the runner sees it: flat steps, each with what it waits for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ratchet.runner.expressions import parse_reference, walk
from ratchet.runner.parameters import Parameter

EXECUTION_VARIABLES = frozenset(
    {
        "StartDateTime",
        "CurrentDateTime",
        "PipelineName",
        "PipelineArn",
        "PipelineExecutionId",
        "PipelineExecutionArn",
        "TrainingJobName",
        "ProcessingJobName",
    }
)
"""Names of `sagemaker/workflow/execution_variables.py`."""


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """Retry `exception_types`; the defaults are the service's."""

    exception_types: frozenset[str]
    interval_seconds: float = 1
    backoff_rate: float = 2
    max_attempts: int | None = 5
    expire_after: timedelta | None = None


@dataclass(frozen=True, kw_only=True)
class PropertyFile:
    """A JSON file below an output, as `Std:JsonGet` reads it."""

    output: str
    path: str


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step. `place` is where it stands in the document, `body` its JSON object there.

    - `waits_for`: names of the steps that must have ended first: DependsOn, references, and the
      Condition whose branch it is in.
    - `branch`: that Condition's name and the outcome that the branch is for.
    - `stand_in`: its properties as they were given; None for a step that runs itself.
    - `cache_for`: how old a result may be that is taken instead; None when caching is off.
    """

    name: str
    type: str
    place: str
    body: Mapping[str, Any]
    waits_for: frozenset[str]
    branch: tuple[str, bool] | None = None
    cache_for: timedelta | None = None
    retries: tuple[RetryPolicy, ...] = ()
    property_files: Mapping[str, PropertyFile]
    stand_in: Mapping[str, Any] | None = None

    @property
    def arguments(self) -> Mapping[str, Any]:
        arguments: Mapping[str, Any] = self.body.get("Arguments", {})
        return arguments


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A checked definition. `steps` has those inside of branches too, after their Condition."""

    parameters: tuple[Parameter, ...]
    steps: Mapping[str, Step]
    experiment: Mapping[str, Any]


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


def references_of(body: Mapping[str, Any]) -> frozenset[str]:
    """Names of the steps that a step's body refers to, without what is in its branches."""
    names = set()
    for _, function, argument in walk(without_branches(body), ""):
        if function == "Get":
            reference = parse_reference(argument)
            if reference.root == "Steps":
                names.add(reference.name)
    return frozenset(names)


def without_branches(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """A step's body with the steps inside of it left out."""
    arguments = body.get("Arguments")
    if body.get("Type") != "Condition" or not isinstance(arguments, Mapping):
        return body
    own = {key: value for key, value in arguments.items() if key not in ("IfSteps", "ElseSteps")}
    return {**body, "Arguments": own}
