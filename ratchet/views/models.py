"""Versions of a model: all of them, and everything about one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from ratchet.deployment.registry import evaluations as recorded_evaluations
from ratchet.deployment.registry import versions as registry
from ratchet.deployment.registry.versions import ModelVersion
from ratchet.deployment.serving import champion
from ratchet.deployment.target import facts
from ratchet.deployment.target.environment import Target
from ratchet.loop import packages
from ratchet.loop.evaluations import EvaluationRecord
from ratchet.loop.packages import Score
from ratchet.loop.versions import number_of


@dataclass(frozen=True, kw_only=True)
class FailedDeployment:
    """Why a version does not serve although it was approved."""

    time: datetime
    reason: str


@dataclass(frozen=True, kw_only=True)
class ModelView:
    """A version in a list."""

    version: int
    arn: str
    group: str
    approval: str
    """`Approved`, `Rejected`, `PendingManualApproval`."""
    approval_note: str
    serves: bool
    registered: datetime | None
    changed: datetime | None
    description: str
    run: str | None
    """The ARN of the run that registered it; None: it was registered by hand."""
    edit: bool
    """Whether that run was one of an edit."""
    artifact: str | None
    """The S3 URI of the model."""
    image: str | None
    baselines: Mapping[str, str]
    """`quality` or `data` → the S3 URI of the statistics that drift is measured against."""
    failed_deployment: FailedDeployment | None
    score: Score | None
    """What it was registered by: `metric`, `better` and `value`."""
    judged_against: int | None
    """The version that was the champion when it was judged; None: there was none."""
    regression: float | None
    """By how much it is worse than that version, in the metric's own unit; less than 0: better."""
    metadata: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class ModelDetail(ModelView):
    """Everything about a version."""

    evaluations: tuple[EvaluationRecord, ...]
    """On labelled data since its registration, the oldest first."""


@dataclass(frozen=True, kw_only=True)
class RegisteredVersions:
    """Every version of a model, the newest first, and the one that is deployed."""

    versions: tuple[ModelVersion, ...]
    serving: int | None


def read_registry(target: Target) -> RegisteredVersions:
    """Raises:
    NotDeployedError: the model is not deployed.
    """
    deployed = facts.read(target)
    versions = registry.versions(target, deployed.model_package_group)
    return RegisteredVersions(
        versions=tuple(versions), serving=number_of(champion.deployed_arn(target))
    )


def read_evaluations(target: Target, version: int) -> list[EvaluationRecord]:
    """How a version scored on labelled data since its registration, the oldest first."""
    return recorded_evaluations.read(target, facts.read(target), version=version)


def model_view(version: ModelVersion, *, serving: int | None) -> ModelView:
    """The view of a version; `serving` is the one that is deployed."""
    failure = None
    if version.failed:
        failure = FailedDeployment(time=version.failed, reason=version.failure)
    return ModelView(
        version=version.version,
        arn=version.arn,
        group=version.group,
        approval=version.approval,
        approval_note=version.approval_note,
        serves=version.version == serving,
        registered=version.created,
        changed=version.modified,
        description=version.description,
        run=version.run_arn or None,
        edit=version.of_edit,
        artifact=version.artifact or None,
        image=version.image or None,
        baselines=dict(version.baselines),
        failed_deployment=failure,
        score=packages.registered_score(version.metadata),
        judged_against=version.judged_against,
        regression=packages.registered_regression(version.metadata),
        metadata=dict(version.metadata),
    )


def model_detail(
    version: ModelVersion, evaluations: Sequence[EvaluationRecord], *, serving: int | None
) -> ModelDetail:
    view = model_view(version, serving=serving)
    return ModelDetail(
        **{field.name: getattr(view, field.name) for field in fields(view)},
        evaluations=tuple(evaluations),
    )
