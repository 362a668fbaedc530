"""The keyword arguments that helpers of steps have in common, as types: one for each kind of step.

A helper takes them as `**options: Unpack[JobOptions]`, so a type checker and an editor know each of
them, and `refuse_others` refuses any other when the pipeline is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from ratchet.authoring.handles import After
from ratchet.authoring.retries import RetryPolicy
from ratchet.authoring.variables import Operand
from ratchet.settings.schema import ComputeSettings


class OrderOptions(TypedDict, total=False):
    """- `depends_on`: steps, or their names, that must have succeeded before."""

    depends_on: After


class AnalysisOptions(OrderOptions, total=False):
    """- `cache`: how long a result is kept, such as "P7D"; "" turns it off; the settings' unless
    given."""

    cache: str | None


class StepOptions(OrderOptions, total=False):
    """- `job`: further arguments of the API call, laid over the ones made here."""

    job: Mapping[str, Any] | None


class CheckOptions(StepOptions, total=False):
    """- `skip`: compare with nothing; the first run needs it, with `register_new_baseline`.
    - `fail_on_violation`: whether the step fails; it does, unless said otherwise.
    - `register_new_baseline`: whether later steps use the new baseline, not the earlier one.
    - `group`: the earlier baseline is that of its latest approved version; or
      `constraints`: URI of the earlier baseline's.
    - `cache`: as for a job, and off unless given.
    - `compute`: the settings' entry for the step's name and beneath it those of monitoring, unless
      given.
    """

    skip: Operand
    fail_on_violation: Operand
    register_new_baseline: Operand
    group: str | None
    constraints: Operand | None
    cache: str | None
    compute: ComputeSettings | None


class RetryOptions(StepOptions, total=False):
    """- `retries`: what a failed call or job is tried again for; of a job, faults of the platform
    unless given; of anything else, nothing."""

    retries: Sequence[RetryPolicy]


class CachedOptions(RetryOptions, total=False):
    """- `cache`: how long a result is kept, such as "P7D"; "" turns it off; the settings' unless
    given."""

    cache: str | None


class JobOptions(CachedOptions, total=False):
    """- `compute`: the settings' entry for the step's name, unless given.
    - `environment`: variables of its container, over those that the settings say for it.
    """

    compute: ComputeSettings | None
    environment: Mapping[str, Operand] | None


class SearchOptions(JobOptions, total=False):
    """- `jobs_in_all`, `jobs_at_once`: 10 and 2, unless given.
    - `strategy`: Bayesian, Random, Grid or Hyperband (SageMaker API, `Strategy`).
    - `seed`: of the search.
    - `early_stopping`: whether trainings that look hopeless are ended.
    """

    jobs_in_all: int
    jobs_at_once: int
    strategy: str
    seed: int | None
    early_stopping: bool


def refuse_others(options: Mapping[str, Any], kind: type) -> None:
    """Raises `TypeError` for a keyword argument that the kind of options does not have."""
    names = list(kind.__annotations__)
    for name in options:
        if name not in names:
            raise TypeError(f"unexpected keyword argument {name!r}: expected {', '.join(names)}")
