"""What a run cost: its steps, their jobs, and the price of what those ran on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from ratchet.costs import billing, money, rows
from ratchet.costs.billing import Use
from ratchet.costs.prices import Price, PriceOf
from ratchet.costs.rows import Row
from ratchet.definition.metadata import StepMetadata, step_metadata
from ratchet.definition.resources import (
    PROCESSING_JOB,
    TRAINING_JOB,
    TRANSFORM_JOB,
    TUNING_JOB,
)
from ratchet.loop import names

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.client import SageMakerClient

"""The parameter of every pipeline that runs are told apart by."""

_VERSION = re.compile(r":model-package/[^/]+/(\d+)$")


@dataclass(frozen=True, kw_only=True)
class Labels:
    """What every row of a deployment says of itself."""

    project: str
    environment: str
    owner: str
    cost_center: str
    experiment: str
    """Of a run that does not say its own."""

    @property
    def of_rows(self) -> dict[str, Any]:
        """The members of a row that are the same in all of them."""
        return {
            "project": self.project,
            "environment": self.environment,
            "owner": self.owner,
            "cost_center": self.cost_center,
        }


@dataclass(kw_only=True)
class RunCostReader:
    """Reads runs. Use one for each look: it remembers what it has read."""

    sagemaker: SageMakerClient
    labels: Labels
    price: PriceOf
    now: datetime
    _uses: dict[str, list[Use] | None] = field(default_factory=dict)
    _steps: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)

    def rows(self, execution_arn: str) -> list[Row]:
        """A row for each step that began: for each kind of instances, where a job has several.

        Raises:
            ClientError: SageMaker refuses to tell; its message names the permission.
        """
        run = self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=execution_arn)
        base: dict[str, Any] = {
            "kind": rows.STEP,
            "recorded_at": rows.time_text(self.now),
            **self.labels.of_rows,
            "pipeline": run["PipelineArn"].rpartition("/")[2],
            "run": execution_arn.rpartition("/")[2],
            "run_name": run.get("PipelineExecutionDisplayName", ""),
            "run_status": run["PipelineExecutionStatus"],
            "experiment": self._experiment(execution_arn),
        }
        return [
            row for step in self._steps_of(execution_arn) for row in self._step_rows(step, base)
        ]

    def _experiment(self, execution_arn: str) -> str:
        paginator = self.sagemaker.get_paginator("list_pipeline_parameters_for_execution")
        for page in paginator.paginate(PipelineExecutionArn=execution_arn):
            for parameter in page["PipelineParameters"]:
                if parameter["Name"] == names.EXPERIMENT_PARAMETER:
                    return parameter["Value"]
        return self.labels.experiment

    def _steps_of(self, execution_arn: str) -> list[Mapping[str, Any]]:
        if execution_arn not in self._steps:
            paginator: Any = self.sagemaker.get_paginator("list_pipeline_execution_steps")
            pages = paginator.paginate(PipelineExecutionArn=execution_arn, SortOrder="Ascending")
            self._steps[execution_arn] = [
                step for page in pages for step in page["PipelineExecutionSteps"]
            ]
        return self._steps[execution_arn]

    def _step_rows(self, step: Mapping[str, Any], base: Mapping[str, Any]) -> Iterator[Row]:
        metadata = step_metadata(step)
        job_arn = "" if _is_free(metadata) else metadata.arn
        source_run = _source_of(step)
        attempt = int(step.get("AttemptCount") or 1)
        of_step: dict[str, Any] = {
            **base,
            "step": step["StepName"],
            "step_type": metadata.type_name,
            "attempt": attempt,
            "job_arn": job_arn,
            "resource": job_arn.rpartition("/")[2],
            "started": rows.time_text(step.get("StartTime")),
            "ended": rows.time_text(step.get("EndTime")),
            "model_version": _version_of(metadata),
        }
        if source_run:
            # The job is the other run's: this row is not of it.
            yield Row(
                **{**of_step, "job_arn": "", "resource": ""},
                cache_hit=True,
                cached_from=source_run.rpartition("/")[2],
                saved_by_cache=self._cost_there(step["StepName"], metadata, source_run),
            )
            return
        for earlier in range(1, 1 if _is_free(metadata) else attempt):
            # SageMaker tells of the last attempt's job alone.
            yield Row(**{**of_step, "attempt": earlier, "job_arn": "", "resource": ""}, **_UNSEEN)
        if _is_free(metadata) or not metadata.member:
            yield Row(**of_step)
            return
        uses = self._uses_of(metadata)
        if uses is None:
            yield Row(**of_step, **_UNSEEN)
            return
        for use in uses:
            yield Row(**{**of_step, **self._priced(use)})
        if not uses:  # a search that has not started a training
            yield Row(**of_step)

    def _priced(self, use: Use) -> dict[str, Any]:
        price = self.price(use.component, use.instance_type) if use.hours else None
        spared = money.rounded(use.hours_spared * price.amount) if price else Decimal(0)
        return {
            "component": use.component,
            "instance_type": use.instance_type,
            "instance_count": use.instance_count,
            "started": rows.time_text(use.started),
            "ended": rows.time_text(use.ended),
            "billed_seconds": round(use.billed_seconds, 3),
            "used_seconds": round(use.used_seconds, 3),
            "kept_warm_seconds": round(use.kept_warm_seconds, 3),
            "units": money.rounded(use.hours),
            "price_unit": rows.HOUR,
            "spot": use.spot,
            "children": use.children,
            "open": use.open,
            **priced(use.hours, price),
            "saved_by_spot": spared,
        }

    def _cost_there(self, step: str, metadata: StepMetadata, execution_arn: str) -> Decimal | None:
        """What the step's job cost in the run whose result was taken; None: not known."""
        if _is_free(metadata):
            return Decimal(0)
        if not metadata.arn:
            for other in self._steps_of(execution_arn):
                if other["StepName"] == step:
                    metadata = step_metadata(other)
        uses = self._uses_of(metadata) if metadata.arn else None
        if uses is None:
            return None
        costs = [priced(use.hours, self.price(use.component, use.instance_type)) for use in uses]
        amounts = [members["cost"] for members in costs if members["cost"] is not None]
        return money.total(amounts) if len(amounts) == len(costs) else None

    def _uses_of(self, metadata: StepMetadata) -> list[Use] | None:
        """None: it is not described any more, or is a kind of job that has no price here."""
        job_arn = metadata.arn
        if job_arn not in self._uses:
            try:
                self._uses[job_arn] = self._described(metadata)
            except ClientError as error:
                # SageMaker named the job itself, so "not valid" can only mean that it is gone.
                if error.response["Error"]["Code"] not in (
                    "ResourceNotFound",
                    "ValidationException",
                ):
                    raise
                self._uses[job_arn] = None
        return self._uses[job_arn]

    def _described(self, metadata: StepMetadata) -> list[Use] | None:
        job, name = metadata.job or (None, "")
        if job is TRAINING_JOB:
            return billing.training(self._training_job(name), now=self.now)
        if job is PROCESSING_JOB:
            described = self.sagemaker.describe_processing_job(ProcessingJobName=name)
            return billing.processing(described, now=self.now)
        if job is TRANSFORM_JOB:
            return billing.transform(
                self.sagemaker.describe_transform_job(TransformJobName=name), now=self.now
            )
        if job is TUNING_JOB:
            return billing.tuning(map(self._training_job, self._children(name)), now=self.now)
        return None

    def _training_job(self, name: str) -> Mapping[str, Any]:
        return self.sagemaker.describe_training_job(TrainingJobName=name)

    def _children(self, tuning_job: str) -> Iterator[str]:
        paginator = self.sagemaker.get_paginator(
            "list_training_jobs_for_hyper_parameter_tuning_job"
        )
        for page in paginator.paginate(HyperParameterTuningJobName=tuning_job):
            for child in page["TrainingJobSummaries"]:
                yield child["TrainingJobName"]


_UNSEEN: Mapping[str, Any] = {"units": None, "cost": None, "price_source": rows.UNKNOWN}
"""Of a job that nothing is known of."""


def priced(units: Decimal, price: Price | None) -> dict[str, Any]:
    """The members of a row that say what so many units cost. Nothing used costs nothing, whatever
    it would have cost."""
    if not units:
        return {"cost": Decimal(0)}
    if price is None:
        return {"cost": None, "price_source": rows.UNKNOWN}
    return {
        "price": price.amount,
        "price_source": price.source,
        "price_date": price.date,
        "cost": money.rounded(units * price.amount),
    }


def _is_free(metadata: StepMetadata) -> bool:
    return metadata.row is not None and metadata.row.is_free


def _source_of(step: Mapping[str, Any]) -> str:
    """ARN of the execution whose result the step took; "" when it ran."""
    for how in ("CacheHitResult", "SelectiveExecutionResult"):
        if arn := (step.get(how) or {}).get("SourcePipelineExecutionArn"):
            return str(arn)
    return ""


def _version_of(metadata: StepMetadata) -> int | None:
    match = _VERSION.search(metadata.model_package_arn)
    return int(match[1]) if match else None


def cost(run_rows: Iterable[Row]) -> tuple[Decimal, int]:
    """The sum of what is known, and how many rows have no price."""
    costs = [row.cost for row in run_rows]
    return money.total(amount for amount in costs if amount is not None), costs.count(None)


def sentence(run_rows: Sequence[Row], *, so_far: bool = False) -> str:
    """In a sentence, for a notice: the total, and the steps that cost most of it."""
    priced_total, unknown = cost(run_rows)
    verb = "has cost" if so_far else "cost"
    text = f"The run {verb} {'at least ' if unknown else ''}{money.shown(priced_total)}"
    dearest: dict[str, Decimal] = {}
    for row in run_rows:
        if row.cost:
            dearest[row.step] = dearest.get(row.step, Decimal(0)) + row.cost
    shown = sorted(dearest.items(), key=lambda entry: -entry[1])[:3]
    if len(dearest) > 1:
        text += f" ({', '.join(f'{step} {money.shown(amount)}' for step, amount in shown)})"
    if so_far:
        text += " so far"
    if unknown:
        text += f"; {unknown} of its jobs {'has' if unknown == 1 else 'have'} no known price"
    spared = money.total(row.saved_by_cache or Decimal(0) for row in run_rows)
    if spared:
        text += f"; cached steps saved {money.shown(spared)}"
    return f"{text}."
