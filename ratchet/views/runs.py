"""Runs: the newest ones, and everything about one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from ratchet.deployment.costs import recorded
from ratchet.deployment.costs.recorded import RunCost
from ratchet.deployment.registry.versions import ModelVersion
from ratchet.deployment.runs import executions, reports
from ratchet.deployment.runs.executions import RunState
from ratchet.deployment.runs.gate import Gate
from ratchet.deployment.runs.reports import Findings
from ratchet.deployment.target.environment import Target
from ratchet.views.amounts import RecordedCost, recorded_cost
from ratchet.views.gates import GateView, gate
from ratchet.views.metrics import MetricView, metrics, report_names
from ratchet.views.missing_permissions import missing_permissions
from ratchet.views.outcomes import outcome, seconds
from ratchet.views.steps import StepView, steps

_AT_ONCE = 8


@dataclass(frozen=True, kw_only=True)
class RunView:
    """A run in a list."""

    id: str
    arn: str
    pipeline: str
    """Its full name."""
    edit: bool
    """Whether it ran an edit, beside the deployed pipeline."""
    name: str
    """The display name."""
    description: str
    status: str
    """As SageMaker says it: `Executing`, `Succeeded`, `Failed`, `Stopping`, `Stopped`."""
    outcome: str
    """`registered version 3`, `halted: …`, `failed in train: …`, `running evaluate`."""
    no_new_model: bool
    """Whether its candidate is a version that was there already."""
    copy_of: int | None
    """That version; None: not known, or it is a new one."""
    started: datetime
    ended: datetime | None
    seconds: float | None
    """How long it took, or has been running."""
    failure: str | None
    cost: RecordedCost | None
    """None: nothing is recorded of it."""
    parameters: Mapping[str, str]
    steps: tuple[StepView, ...]


@dataclass(frozen=True, kw_only=True)
class RegisteredVersion:
    """A version that a run has registered."""

    arn: str
    group: str
    version: int
    approval: str
    metadata: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class RunDetail(RunView):
    """Everything about a run."""

    missing_permissions: tuple[Mapping[str, Any], ...]
    """`step`, `role` and `statement` of each refusal."""
    gates: tuple[Gate, ...]
    gate: GateView | None
    """The one that the candidate has to pass; None: the pipeline has none."""
    metrics: tuple[MetricView, ...]
    reports: Mapping[str, Any]
    """`<step>.<name>` → the JSON document that the step wrote."""
    models: tuple[RegisteredVersion, ...]
    """What it registered and what is still there."""
    notebooks: Mapping[str, str]
    """Step → URI of the archive with its executed notebook."""


@dataclass(frozen=True, kw_only=True)
class ListedRun:
    """What is read of a run in a list."""

    state: RunState
    cost: RunCost | None


@dataclass(frozen=True, kw_only=True)
class ReadRun(ListedRun):
    """What is read of one run."""

    results: Findings


def newest(
    target: Target, pipeline: str | None = None, *, limit: int | None = None
) -> list[ListedRun]:
    """Reads the newest runs of a pipeline and of its edits, or of all, newest first.

    Raises:
        NotDeployedError: the environment has no pipeline.
        UnknownNameError: there is no such pipeline.
    """
    names = (
        executions.named_with_edits(target, pipeline) if pipeline else executions.pipelines(target)
    )
    listed = executions.listed_of(target, names, limit=limit)
    for service in ("sagemaker", "s3", "ssm"):
        target.client(service)  # made here once: making clients is not safe in threads
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        costs = pool.submit(recorded.of_runs, target, listed)
        states = list(pool.map(lambda run: reports.outcome_of(target, run), listed))
    return [ListedRun(state=state, cost=costs.result().get(state.run.id)) for state in states]


def results(target: Target, state: RunState) -> ReadRun:
    """Reads what a run has brought: reports, gates, models, cost."""
    findings = reports.findings(target, state)
    return ReadRun(
        state=reports.with_copy(state, findings.reports),
        results=findings,
        cost=recorded.of_runs(target, [state.run]).get(state.run.id),
    )


def run_views(listed: Sequence[ListedRun], *, now: datetime) -> list[RunView]:
    return [run_view(run.state, now=now, cost=run.cost) for run in listed]


def run_view(state: RunState, *, now: datetime, cost: RunCost | None = None) -> RunView:
    """The view of a run; one that is still running counts up to `now`."""
    run = state.run
    return RunView(
        id=run.id,
        arn=run.arn,
        pipeline=run.pipeline,
        edit=run.edit,
        name=run.name,
        description=run.description,
        status=run.status,
        outcome=outcome(state),
        no_new_model=state.no_new_model,
        copy_of=int(state.copy_of) if state.copy_of else None,
        started=run.started,
        ended=state.ended,
        seconds=seconds(state, now),
        failure=run.failure or None,
        cost=recorded_cost(cost),
        parameters=dict(state.parameters),
        steps=steps(state, now=now, cost=cost),
    )


def run_detail(run: ReadRun, *, now: datetime) -> RunDetail:
    """Everything about a run that was read."""
    view = run_view(run.state, now=now, cost=run.cost)
    lacks = missing_permissions(run.state)
    return RunDetail(
        **{field.name: getattr(view, field.name) for field in fields(view)},
        missing_permissions=tuple({"step": name, **lack} for name, lack in lacks.items()),
        gates=run.results.gates,
        gate=gate(run.results),
        metrics=metrics(run.results.reports),
        reports=report_names(run.results.reports),
        models=tuple(map(_registered, run.results.models)),
        notebooks=dict(run.results.notebooks),
    )


def _registered(model: ModelVersion) -> RegisteredVersion:
    return RegisteredVersion(
        arn=model.arn,
        group=model.group,
        version=model.version,
        approval=model.approval,
        metadata=dict(model.metadata),
    )
