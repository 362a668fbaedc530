"""A model's loop in an environment, as a notebook reads it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ratchet.api import tables
from ratchet.api.drift import DriftResult
from ratchet.api.errors import explained
from ratchet.api.run import RunResult
from ratchet.costs_report.report import By

if TYPE_CHECKING:
    import pandas as pd

    from ratchet.deployment.target.environment import Target
    from ratchet.views.lineage import LineageView
    from ratchet.views.models import ModelDetail, RegisteredVersions


class LoopConnection:
    """A model's loop in an environment. `ratchet.connect` opens it; it only reads.

    Every call asks the environment anew. Tables are DataFrames, whose columns are in
    `ratchet.api.tables` and in docs/guides/python-api.md; what a table says, the command of the
    same name prints with `--json`.
    """

    def __init__(self, target: Target) -> None:
        self._target = target

    def __repr__(self) -> str:
        target = self._target
        settings = target.settings
        place = "the local cloud" if target.local else f"AWS account {target.account}"
        name = f"{settings.project}, model {settings.model_name}, "
        return f"<ratchet: {name}{settings.environment} on {place}, {target.region}>"

    @property
    def environment(self) -> str:
        """Its name: a file in `config/`."""
        return self._target.settings.environment

    @property
    def model_name(self) -> str:
        """The model: a folder in `config/`."""
        return self._target.settings.model_name

    @explained
    def runs(self, pipeline: str | None = None, limit: int = 20) -> pd.DataFrame:
        """The newest runs, newest first, those of edits among them; one row each.

        Columns: id, name, pipeline, edit, status, outcome, no_new_model, copy_of, started, ended,
        seconds, cost, saved, unknown_costs, failure, description, arn, parameters. Costs are in US
        dollars and NaN where nothing is recorded; `parameters` are dicts.

        Args:
            pipeline: its kind, such as `training`, or its name; None: all.
            limit: how many runs.
        """
        from ratchet.views import runs

        listed = runs.newest(self._target, pipeline, limit=limit)
        return tables.table(runs.run_views(listed, now=_now()), tables.RUNS)

    @explained
    def run(self, run: str = "latest") -> RunResult:
        """One run: an id, the beginning of one, a display name, or `latest`."""
        from ratchet.deployment.runs import executions
        from ratchet.views import runs

        state = executions.read(self._target, executions.find(self._target, run))
        read = runs.results(self._target, state)
        return RunResult(self._target, read.state, runs.run_detail(read, now=_now()))

    @explained
    def models(self) -> pd.DataFrame:
        """The versions in the registry, newest first; one row each.

        Columns: version, approval, serves, metric, score, better, judged_against, regression,
        registered, changed, failed, failure, approval_note, description, edit, run, artifact,
        image, group, arn, metadata. `score` is what the version was registered by; `regression` is
        by how much it is worse than `judged_against`, less than 0 being better.
        """
        from ratchet.views.models import model_view

        registry = self._registry()
        views = [model_view(each, serving=registry.serving) for each in registry.versions]
        return tables.table(views, tables.MODELS)

    @explained
    def model(self, version: int | str = "latest") -> ModelDetail:
        """One version with everything that the registry holds of it, and its evaluations since.

        Args:
            version: a number, an ARN, or `latest`.
        """
        from ratchet.deployment.registry import versions
        from ratchet.views.models import model_detail, read_evaluations

        registry = self._registry()
        chosen = versions.find(registry.versions, str(version))
        evaluations = read_evaluations(self._target, chosen.version)
        return model_detail(chosen, evaluations, serving=registry.serving)

    def evaluations(self, version: int | str = "latest") -> pd.DataFrame:
        """How a version scored on labelled data since its registration, the oldest first.

        Columns: evaluated, version, data, rows, metric, better, score, low, high, floor,
        registered, max_regression, served, outcome, verdict, violations, execution, package_arn,
        manifest. `low` and `high` are the ends of the score's interval.
        """
        return tables.table(self.model(version).evaluations, tables.EVALUATIONS)

    @explained
    def lineage(self, version: int | str = "latest") -> LineageView:
        """Where a version comes from: run, data, code, hyperparameters, evaluation, champion."""
        from ratchet.deployment.registry import lineage, versions
        from ratchet.views.lineage import lineage_view

        registry = self._registry()
        trace = lineage.trace(self._target, versions.find(registry.versions, str(version)))
        return lineage_view(trace, serving=registry.serving, now=_now())

    @explained
    def drift(self) -> DriftResult | None:
        """The newest analysis of the captured traffic; None: none has run since a version began to
        serve (`ratchet monitor run` starts one)."""
        from ratchet.views.drift import drift_view, newest_analysis

        analysis, alarm = newest_analysis(self._target)
        return DriftResult(drift_view(analysis, alarm)) if analysis else None

    @explained
    def costs(
        self,
        by: By = "run",
        *,
        since: str | None = None,
        until: str | None = None,
        pipeline: str | None = None,
        experiment: str | None = None,
    ) -> pd.DataFrame:
        """What runs, endpoints and storage cost, in US dollars; the dearest first.

        Columns: those that name a line (of `run`: kind, pipeline, resource, run, run_name, status,
        experiment, started, first_day), then cost, unknown, runs, cached_steps, saved_by_cache,
        unknown_savings, saved_by_spot. `unknown` counts what has no known price, which `cost`
        leaves out.

        Args:
            by: `run`, `experiment`, `pipeline`, `step`, `month` or `model`.
            since: `30d`, `8w`, `6m`, `2026-11-01` or `2026-11`; None: this month and the two before
                it.
            until: the last day, or month; None: today.
            pipeline: only this one, such as `training`.
            experiment: only this one.
        """
        from ratchet.costs_report.period import read
        from ratchet.deployment.errors import UsageError
        from ratchet.views.costs import cost_view, read_report

        if by not in tables.COSTS:
            raise UsageError(f"by is {by!r}, expected one of {', '.join(tables.COSTS)}")
        try:
            period = read(since, until, today=datetime.now(UTC).date())
        except ValueError as problem:
            raise UsageError(f"since, until: {problem}") from None
        report = read_report(
            self._target, by=by, period=period, pipeline=pipeline, experiment=experiment or ""
        )
        return tables.table(cost_view(report).lines, tables.COSTS[by])

    def _registry(self) -> RegisteredVersions:
        from ratchet.views.models import read_registry

        return read_registry(self._target)


def _now() -> datetime:
    return datetime.now().astimezone()
