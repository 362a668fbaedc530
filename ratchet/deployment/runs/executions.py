"""Pipeline executions: finding them by name, and reading their state.

The API calls them pipeline executions; the command line says runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from ratchet.definition.metadata import NO_METADATA, StepMetadata, step_metadata
from ratchet.definition.resources import Resource
from ratchet.deployment.errors import NotDeployedError, UnknownNameError, nearest
from ratchet.deployment.pipelines.outline import PlannedStep, outline
from ratchet.deployment.target.environment import Target
from ratchet.loop.names import NEW_MODEL_GATE, edits_of, holds_edits

FINISHED = frozenset({"Succeeded", "Failed", "Stopped"})
LATEST = "latest"


@dataclass(frozen=True, kw_only=True)
class Run:
    """One pipeline execution."""

    arn: str
    pipeline: str
    name: str
    """Its display name; the id when it has none."""
    status: str
    started: datetime
    changed: datetime | None = None
    """When its status last changed; None in a listing, where the API does not say."""
    description: str = ""
    failure: str = ""

    @property
    def id(self) -> str:
        return self.arn.rsplit("/", 1)[-1]

    @property
    def finished(self) -> bool:
        return self.status in FINISHED

    @property
    def edit(self) -> bool:
        """It ran an edit, beside the deployed pipeline."""
        return holds_edits(self.pipeline)


@dataclass(frozen=True, kw_only=True)
class RunStep:
    """One step that a run has reached."""

    name: str
    status: str
    started: datetime | None = None
    ended: datetime | None = None
    cached_from: str = ""
    """The id of the run whose result was taken; empty: the step ran itself."""
    description: str = ""
    failure: str = ""
    attempts: int = 1
    metadata: StepMetadata = NO_METADATA

    @property
    def seconds(self) -> float | None:
        if self.started is None or self.ended is None:
            return None
        return max(0.0, (self.ended - self.started).total_seconds())

    @property
    def job(self) -> tuple[Resource, str] | None:
        """The job behind the step, and its name."""
        return self.metadata.job


@dataclass(frozen=True, kw_only=True)
class RunState:
    """A run, the plan of its pipeline, and how far it has come."""

    run: Run
    plan: tuple[PlannedStep, ...]
    steps: tuple[RunStep, ...]
    parameters: Mapping[str, str] = field(default_factory=dict)
    copy_of: str = ""
    """Of a run that made no new model: the version that its candidate is; "": not known."""

    @property
    def no_new_model(self) -> bool:
        """Whether its candidate is a version that was there already. That gate does not let a
        halted candidate pass either, but then the run has failed."""
        gate = self.step(NEW_MODEL_GATE)
        stopped_here = gate is not None and gate.metadata.outcome is False
        return stopped_here and self.run.status == "Succeeded"

    def step(self, name: str) -> RunStep | None:
        return next((step for step in self.steps if step.name == name), None)

    @property
    def ended(self) -> datetime | None:
        """When the last step ended, or the run itself when it reached none; None while it runs."""
        if not self.run.finished:
            return None
        return max((s.ended for s in self.steps if s.ended), default=self.run.changed)


def pipelines(target: Target) -> list[str]:
    """The names of this environment's pipelines.

    Raises:
        NotDeployedError: there are none.
    """
    sagemaker = target.client("sagemaker")
    prefix = target.settings.prefix + "-"
    # The API's pattern for a prefix does not allow the hyphen at its end.
    pages = sagemaker.get_paginator("list_pipelines").paginate(
        PipelineNamePrefix=target.settings.prefix
    )
    listed = (p["PipelineName"] for page in pages for p in page["PipelineSummaries"])
    names = [name for name in listed if name.startswith(prefix)]
    if not names:
        raise NotDeployedError(
            f"no pipeline whose name begins with {prefix} is deployed here: run "
            f"`{target.command('deploy')}`"
        )
    return sorted(names)


def named(target: Target, text: str) -> str:
    """The full name of the pipeline that `text` means: its kind (`training`) or the name itself.

    Raises:
        UnknownNameError: there is no such pipeline here.
    """
    return _named(target, pipelines(target), text)


def named_with_edits(target: Target, text: str) -> list[str]:
    """The full names of the pipeline that `text` means and of that in which its edits run.

    Raises:
        UnknownNameError: there is no such pipeline here.
    """
    names = pipelines(target)
    name = _named(target, names, text)
    return [each for each in (name, edits_of(name)) if each in names]


def _named(target: Target, names: Sequence[str], text: str) -> str:
    wanted = target.settings.pipeline_name(text)
    if wanted in names or text in names:
        return wanted if wanted in names else text
    kinds = [name.removeprefix(target.settings.prefix + "-") for name in names]
    raise UnknownNameError(
        f"no pipeline {text!r}{nearest(text, kinds)} There are: {', '.join(kinds)}"
    )


def listed(target: Target, *, pipeline: str | None = None, limit: int | None = None) -> list[Run]:
    """The newest runs of one pipeline or of all, newest first."""
    return listed_of(target, [pipeline] if pipeline else pipelines(target), limit=limit)


def listed_of(target: Target, names: Sequence[str], *, limit: int | None = None) -> list[Run]:
    """The newest runs of these pipelines, newest first."""
    sagemaker = target.client("sagemaker")
    runs = [run for name in names for run in islice(_of(sagemaker, name), limit)]
    return sorted(runs, key=lambda run: run.started, reverse=True)[:limit]


def _of(sagemaker: Any, pipeline: str) -> Iterator[Run]:
    pages = sagemaker.get_paginator("list_pipeline_executions").paginate(
        PipelineName=pipeline, SortBy="CreationTime", SortOrder="Descending"
    )
    for page in pages:
        for summary in page["PipelineExecutionSummaries"]:
            arn = summary["PipelineExecutionArn"]
            yield Run(
                arn=arn,
                pipeline=pipeline,
                name=summary.get("PipelineExecutionDisplayName") or arn.rsplit("/", 1)[-1],
                status=summary["PipelineExecutionStatus"],
                started=summary["StartTime"],
                description=summary.get("PipelineExecutionDescription", ""),
                failure=summary.get("PipelineExecutionFailureReason", ""),
            )


def resolve(text: str, runs: Sequence[Run]) -> Run:
    """The run that `text` means: an id, a unique prefix of one, a display name, or `latest`.

    Args:
        text: what was typed.
        runs: candidates, newest first.

    Raises:
        UnknownNameError: it means none of them, or more than one.
    """
    if not runs:
        raise UnknownNameError(
            "there are no runs yet. Land data, or start one: ratchet run training"
        )
    if text == LATEST:
        return runs[0]
    exact = [run for run in runs if text in (run.id, run.arn, run.name)]
    matches = exact or [
        r for r in runs if text and (r.id.startswith(text) or r.name.startswith(text))
    ]
    if len(matches) == 1:
        return matches[0]
    if matches:
        options = ", ".join(f"{run.id} ({run.name})" for run in matches[:5])
        more = f" and {len(matches) - 5} more" if len(matches) > 5 else ""
        raise UnknownNameError(
            f"{text!r} means {len(matches)} runs: {options}{more}. Type more of the id"
        )
    known = [name for run in runs for name in (run.id, run.name)] + [LATEST]
    where = ", ".join(sorted({run.pipeline for run in runs}))
    raise UnknownNameError(
        f"no run {text!r} in {where}{nearest(text, known)} `ratchet runs` lists them, `latest` is "
        "the newest"
    )


def find(target: Target, text: str) -> Run:
    """The run that `text` means, looked up. Raises as `resolve` does."""
    return resolve(text, listed(target, limit=1 if text == LATEST else None))


def read(target: Target, run: Run) -> RunState:
    """A run with its plan and everything it has reached by now."""
    plan = outline(definition(target, run))
    return refresh(target.client("sagemaker"), RunState(run=run, plan=plan, steps=()))


def definition(target: Target, run: Run) -> str:
    """The definition that a run executes, as JSON."""
    answer = target.client("sagemaker").describe_pipeline_definition_for_execution(
        PipelineExecutionArn=run.arn
    )
    return str(answer["PipelineDefinition"])


def refresh(sagemaker: Any, state: RunState) -> RunState:
    """The same run, read again; the plan of a run never changes."""
    run = state.run
    now = sagemaker.describe_pipeline_execution(PipelineExecutionArn=run.arn)
    values = state.parameters or _parameters(sagemaker, run.arn)
    return RunState(
        run=Run(
            arn=run.arn,
            pipeline=run.pipeline,
            name=now.get("PipelineExecutionDisplayName") or run.id,
            status=now["PipelineExecutionStatus"],
            started=now.get("CreationTime", run.started),
            changed=now.get("LastModifiedTime"),
            description=now.get("PipelineExecutionDescription", ""),
            failure=now.get("FailureReason", ""),
        ),
        plan=state.plan,
        steps=tuple(steps(sagemaker, run.arn)),
        parameters=values,
    )


def parameters(target: Target, run: Run) -> dict[str, str]:
    """The value of every parameter of a run."""
    return _parameters(target.client("sagemaker"), run.arn)


def steps(sagemaker: Any, arn: str) -> Iterator[RunStep]:
    """The steps that a run has reached, in the order in which they started."""
    pages = sagemaker.get_paginator("list_pipeline_execution_steps").paginate(
        PipelineExecutionArn=arn, SortOrder="Ascending"
    )
    for page in pages:
        for item in page["PipelineExecutionSteps"]:
            result = item.get("CacheHitResult") or item.get("SelectiveExecutionResult") or {}
            source = result.get("SourcePipelineExecutionArn", "")
            yield RunStep(
                name=item["StepName"],
                status=item["StepStatus"],
                started=item.get("StartTime"),
                ended=item.get("EndTime"),
                cached_from=source.rsplit("/", 1)[-1],
                description=item.get("StepDescription", ""),
                failure=item.get("FailureReason", ""),
                attempts=item.get("AttemptCount", 1),
                metadata=step_metadata(item),
            )


def _parameters(sagemaker: Any, arn: str) -> dict[str, str]:
    pages = sagemaker.get_paginator("list_pipeline_parameters_for_execution").paginate(
        PipelineExecutionArn=arn
    )
    return {p["Name"]: p["Value"] for page in pages for p in page["PipelineParameters"]}
