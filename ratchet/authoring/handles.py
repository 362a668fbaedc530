"""Handles of the steps of a pipeline: what later steps refer to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ratchet.authoring.analysis import BASELINE
from ratchet.authoring.errors import DefinitionError, Problem
from ratchet.authoring.retries import RetryPolicy
from ratchet.authoring.variables import Join, Metric, Operand, Property, join, render
from ratchet.loop import folders


@dataclass(frozen=True, kw_only=True, eq=False)
class Step:
    """One step. `arguments` are those of the SageMaker API call that the step makes."""

    name: str
    type: str
    arguments: Mapping[str, Any]
    depends_on: Sequence[Step | str] = ()
    cache: str = ""
    retries: Sequence[RetryPolicy] = ()
    beside: Mapping[str, Any] = field(default_factory=dict)
    """Keys that stand beside Arguments, such as a Lambda step's FunctionArn."""

    @property
    def properties(self) -> Property:
        """What the step's Describe call answers, by path."""
        return Property(self.name)

    def to_json(self) -> dict[str, Any]:
        step: dict[str, Any] = {
            "Name": self.name,
            "Type": self.type,
            "Arguments": render(self.arguments),
        }
        if self.depends_on:
            step["DependsOn"] = [
                other.name if isinstance(other, Step) else other for other in self.depends_on
            ]
        if self.cache:
            step["CacheConfig"] = {"Enabled": True, "ExpireAfter": self.cache}
        if self.retries:
            step["RetryPolicies"] = [policy.to_json() for policy in self.retries]
        return {**step, **render(self.beside)}


After = Sequence[Step | str]
"""Steps, or names of steps, that must have succeeded before."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ProcessingStep(Step):
    reports: Mapping[str, str] = field(default_factory=dict)
    """Name of a report → `<output>/<path in it>`, a JSON file that the step writes."""

    @property
    def outputs(self) -> _Outputs:
        """The URI of each output: `step.outputs["train"]`."""
        return _Outputs(self.name)

    def metric(self, path: str, *, report: str | None = None) -> Metric:
        """A value in a report, by its JsonPath without `$.`; `report` is needed if there are
        several."""
        return Metric(self.name, self._report(report), path)

    def report_uri(self, report: str | None = None) -> Join:
        """Where a report lies in S3."""
        output, _, path = self.reports[self._report(report)].partition("/")
        return join(self.outputs[output], path, on="/")

    def _report(self, report: str | None) -> str:
        if report in self.reports or (report is None and len(self.reports) == 1):
            return report or next(iter(self.reports))
        names = ", ".join(map(repr, self.reports)) or "none"
        raise DefinitionError(
            self.name,
            [
                Problem(
                    step=self.name,
                    argument="report",
                    value=report,
                    expected=f"the step's reports are: {names}",
                    fix='declare it with reports={"name": "<output>/<file>.json"}, '
                    "and name it if there are several",
                )
            ],
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class BaselineStep(ProcessingStep):
    """What later data is compared with: statistics, and constraints suggested from them."""

    kind: str
    """The model registry's word for it: ModelDataQuality or ModelQuality."""

    @property
    def digest(self) -> Metric:
        """SHA-256 (hex) of the two documents, one after the other."""
        return self.metric("digest")

    @property
    def documents(self) -> Mapping[str, Join]:
        """Statistics and Constraints → where they lie in S3."""
        folder = self.outputs[BASELINE]
        names = {"Statistics": folders.STATISTICS, "Constraints": folders.CONSTRAINTS}
        return {role: join(folder, name, on="/") for role, name in names.items()}


class _Outputs:
    __iter__ = None  # or Python would ask for item 0, 1, 2 …

    def __init__(self, step: str) -> None:
        self._step = step

    def __getitem__(self, name: str) -> Property:
        path = f".ProcessingOutputConfig.Outputs['{name}'].S3Output.S3Uri"
        return Property(self._step, path, is_text=True)


class TrainingStep(Step):
    @property
    def model(self) -> Property:
        """The URI of the model artifact, model.tar.gz."""
        return Property(self.name, ".ModelArtifacts.S3ModelArtifacts", is_text=True)


class NotebookStep(TrainingStep):
    """`model` is what the notebook writes to /opt/ml/model; an empty archive, if nothing."""

    @property
    def output(self) -> Join:
        """The URI of output.tar.gz: the executed notebook, and what the notebook writes to
        /opt/ml/output/data."""
        folder = Property(self.name, ".OutputDataConfig.S3OutputPath", is_text=True)
        job = Property(self.name, ".TrainingJobName", is_text=True)
        return join(folder, job, "output/output.tar.gz", on="/")


@dataclass(frozen=True, kw_only=True, eq=False)
class TuningStep(Step):
    """A search. The best job's model is the first of its models."""

    output_uri: Operand

    @property
    def best_model(self) -> Join:
        """The URI of the best job's model artifact, model.tar.gz."""
        return self.top_model(0)

    def top_model(self, rank: int) -> Join:
        """The same of the job in that place, from 0; SageMaker keeps 50 (SageMaker SDK,
        `steps.py`, `get_top_model_s3_uri`)."""
        job = Property(self.name, f".TrainingJobSummaries[{rank}].TrainingJobName", is_text=True)
        return join(self.output_uri, job, "output/model.tar.gz", on="/")


class TransformStep(Step):
    @property
    def output_uri(self) -> Property:
        """Where the predictions are: a file `<input file>.out` for each input file."""
        return Property(self.name, ".TransformOutput.S3OutputPath", is_text=True)


class ModelStep(Step):
    @property
    def name_property(self) -> Property:
        """The name that SageMaker gives the model."""
        return Property(self.name, ".ModelName", is_text=True)


class EndpointConfigStep(Step):
    @property
    def config_name(self) -> Property:
        return Property(self.name, ".EndpointConfigName", is_text=True)


class CheckStep(Step):
    """A check against a baseline. What it calculated, and what it compared with, are URIs."""

    @property
    def statistics(self) -> Property:
        return Property(self.name, ".CalculatedBaselineStatistics", is_text=True)

    @property
    def constraints(self) -> Property:
        return Property(self.name, ".CalculatedBaselineConstraints", is_text=True)

    @property
    def used_statistics(self) -> Property:
        return Property(self.name, ".BaselineUsedForDriftCheckStatistics", is_text=True)

    @property
    def used_constraints(self) -> Property:
        return Property(self.name, ".BaselineUsedForDriftCheckConstraints", is_text=True)


class InvokeStep(Step):
    """A Lambda function's answer, by key: `step["model_uri"]`."""

    __iter__ = None

    def __getitem__(self, key: str) -> Property:
        types = {out["OutputName"]: out["OutputType"] for out in self.beside["OutputParameters"]}
        is_text = types.get(key) == "String"
        return Property(self.name, f".OutputParameters['{key}']", is_text=is_text)


class CallbackStep(InvokeStep):
    """What a callback was answered with, by key: `step["verdict"]`."""


class RegisterStep(Step):
    @property
    def package_arn(self) -> Property:
        return Property(self.name, ".ModelPackageArn", is_text=True)


@dataclass(frozen=True, kw_only=True, eq=False)
class GateStep(Step):
    then: Sequence[Step] = ()
    otherwise: Sequence[Step] = ()

    def to_json(self) -> dict[str, Any]:
        step = super().to_json()
        step["Arguments"]["IfSteps"] = [branch.to_json() for branch in self.then]
        step["Arguments"]["ElseSteps"] = [branch.to_json() for branch in self.otherwise]
        return step
