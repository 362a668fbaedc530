"""What each stack tells the tools about itself: JSON in an SSM parameter of the environment.

A stack writes it (`stacks/`), and ratchet/deployment/target/facts.py reads it. The fields of a
class are the keys of the JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar, TypeVar

CHAMPION_FACT = "champion"
"""The SSM parameter that names the deployed model package's ARN, or NONE: no JSON."""


@dataclass(frozen=True, kw_only=True)
class StackFacts:
    fact: ClassVar[str]
    """The last part of the SSM parameter's name."""

    def values(self) -> dict[str, Any]:
        """What the parameter's JSON holds."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class TrainingFacts(StackFacts):
    fact = "training"

    pipeline: str
    role_arn: str
    data_bucket: str
    data_prefix: str
    artifacts_bucket: str
    output_key_arn: str
    code_uri: str
    model_package_group: str
    functions: Mapping[str, str] = field(default_factory=dict)
    """ARNs by the functions' names."""
    queue_url: str
    dead_letter_queue_url: str
    protected: bool = False


@dataclass(frozen=True, kw_only=True)
class EvaluationFacts(StackFacts):
    fact = "evaluation"

    pipeline: str
    role_arn: str
    data_prefix: str
    code_uri: str
    functions: Mapping[str, str] = field(default_factory=dict)
    queue_url: str
    dead_letter_queue_url: str


@dataclass(frozen=True, kw_only=True)
class ServingFacts(StackFacts):
    fact = "serving"

    endpoint: str
    stack: str
    capture_uri: str
    ground_truth_uri: str = ""
    baseline_uri: str = ""
    quality_baseline_uri: str = ""
    monitor_engine: str = ""
    monitor_schedule: str = ""
    monitoring_pipeline: str = ""
    reconcile_queue_url: str = ""
    reconcile_function: str = ""
    topic_arn: str = ""
    functions: Mapping[str, str] = field(default_factory=dict)
    """That the monitoring pipeline calls."""
    alarms: Mapping[str, str] = field(default_factory=dict)
    """Names of alarms: `drift`, `model_quality`."""


@dataclass(frozen=True, kw_only=True)
class PipelinesFacts(StackFacts):
    fact = "pipelines"

    pipelines: Sequence[str] = ()
    """The pipelines in it, as the source lists them."""
    scheduled: Sequence[str] = ()
    """Those that a schedule starts."""


@dataclass(frozen=True, kw_only=True)
class OperationsFacts(StackFacts):
    fact = "operations"

    record_run: str
    """ARN of the function."""
    queue_url: str
    dead_letter_queue_url: str
    database: str
    """Of AWS Glue, which Athena reads."""
    table: str
    rows_uri: str
    """The folder of the rows, without a trailing slash."""
    budget: str = ""
    """The name of the budget; "" = there is none."""
    run_limit_usd: float = 0
    """What a run may cost; 0 = no limit."""


AnyFacts = TypeVar("AnyFacts", bound=StackFacts)


def parse(text: str, kind: type[AnyFacts]) -> AnyFacts:
    """Reads the parameter's JSON; keys that this version does not know are left alone.

    Raises:
        ValueError: the text is not what this version's stack writes.
    """
    try:
        values: dict[str, Any] = json.loads(text)
        keys = {each.name for each in fields(kind)}
        return kind(**{key: value for key, value in values.items() if key in keys})
    except (TypeError, AttributeError, ValueError) as problem:
        raise ValueError(str(problem)) from problem
