"""Where a version comes from: run, code, data, training, evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ratchet.deployment.registry.lineage import Lineage, StepCode
from ratchet.deployment.runs.executions import RunState
from ratchet.views.models import ModelView, model_view
from ratchet.views.outcomes import seconds


@dataclass(frozen=True, kw_only=True)
class SourceRun:
    """The run that registered a version."""

    id: str
    arn: str
    name: str
    status: str
    description: str
    started: datetime
    seconds: float | None
    parameters: Mapping[str, str]
    cached: Mapping[str, str]
    """Step → the id of the run whose result it took."""


@dataclass(frozen=True, kw_only=True)
class SourceCode:
    """The code that a step ran."""

    step: str
    digest: str
    uri: str | None
    """None: the job that ran it is gone."""


@dataclass(frozen=True, kw_only=True)
class SourceData:
    """What the run read."""

    manifest: str
    prefix: str
    """The S3 URI that the keys are below; "": the manifest is gone."""
    objects: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class LineageView:
    """A version and everything that it was made of. Deleted parts are None or empty."""

    model: ModelView
    run: SourceRun | None
    data: SourceData | None
    code: tuple[SourceCode, ...]
    hyperparameters: Mapping[str, str]
    image: str | None
    """That it was trained in."""
    training_metrics: Mapping[str, float]
    """The training job's own."""
    notebooks: Mapping[str, str]
    """Step → URI of the archive with its executed notebook."""
    evaluation: Mapping[str, Any]
    """The report that compares it with the champion; empty: there is none."""
    champion: int | None
    """The version that it was compared with."""


def lineage_view(lineage: Lineage, *, serving: int | None, now: datetime) -> LineageView:
    """The view of a traced version; `serving` is the one that is deployed."""
    data = lineage.data
    return LineageView(
        model=model_view(lineage.version, serving=serving),
        run=_run(lineage.run, now) if lineage.run else None,
        data=SourceData(manifest=data.manifest, prefix=data.bucket, objects=data.keys)
        if data
        else None,
        code=tuple(map(_code, lineage.code)),
        hyperparameters=dict(lineage.hyperparameters),
        image=lineage.training_image or None,
        training_metrics=dict(lineage.metrics),
        notebooks=dict(lineage.notebooks),
        evaluation=dict(lineage.evaluation),
        champion=lineage.champion_number,
    )


def _run(state: RunState, now: datetime) -> SourceRun:
    run = state.run
    return SourceRun(
        id=run.id,
        arn=run.arn,
        name=run.name,
        status=run.status,
        description=run.description,
        started=run.started,
        seconds=seconds(state, now),
        parameters=dict(state.parameters),
        cached={step.name: step.cached_from for step in state.steps if step.cached_from},
    )


def _code(code: StepCode) -> SourceCode:
    return SourceCode(step=code.step, digest=code.digest, uri=code.uri or None)
