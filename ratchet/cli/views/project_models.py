"""Draws the models of a project, a line each. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich import box
from rich.table import Table

from ratchet.deployment.registry.versions import ModelVersion
from ratchet.loop import packages
from ratchet.settings.schema import Settings


@dataclass(frozen=True, kw_only=True)
class ProjectModel:
    """A model of the project in one environment."""

    name: str
    problem: str
    metric: str
    deployed: bool
    versions: int = 0
    serving: int | None = None
    """The version; None: none serves."""
    pending: int = 0
    """Versions that wait for approval."""

    @classmethod
    def new(cls, settings: Settings) -> ProjectModel:
        """One that is not deployed yet."""
        return cls(
            name=settings.model_name,
            problem=settings.model.problem,
            metric=settings.model.metric_name,
            deployed=False,
        )

    @classmethod
    def of(
        cls, settings: Settings, versions: Sequence[ModelVersion], serving: int | None
    ) -> ProjectModel:
        return cls(
            name=settings.model_name,
            problem=settings.model.problem,
            metric=settings.model.metric_name,
            deployed=True,
            versions=len(versions),
            serving=serving,
            pending=sum(version.approval == packages.PENDING for version in versions),
        )


def as_data(model: ProjectModel) -> dict[str, Any]:
    return asdict(model)


def table(models: Sequence[ProjectModel]) -> Table:
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for heading in ("model", "problem", "metric", "serves"):
        drawn.add_column(heading, no_wrap=True)
    drawn.add_column("")
    for model in models:
        drawn.add_row(
            model.name,
            model.problem,
            model.metric,
            f"[green]version {model.serving}[/]" if model.serving else "",
            _remark(model),
        )
    return drawn


def _remark(model: ProjectModel) -> str:
    if not model.deployed:
        return f"[dim]not deployed: ratchet deploy -m {model.name}[/]"
    if model.pending:
        wait = "waits" if model.pending == 1 else "wait"
        return f"[yellow]{model.pending} {wait} for approval[/]"
    return "[dim]no version yet[/]" if not model.versions else ""
