"""The newest analysis of the captured traffic: outcome, violations, distances, alarm."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ratchet.deployment import standing
from ratchet.deployment.monitoring import analyses
from ratchet.deployment.monitoring.analyses import Analysis, AnalysisViolation, Distance
from ratchet.deployment.standing import Alarm
from ratchet.deployment.target import facts
from ratchet.deployment.target.environment import Target
from ratchet.loop.facts import ServingFacts

DRIFT = "drift"
"""The label of the alarm that goes off when traffic has drifted."""
ALARM_WORDS = {"OK": "ok", "ALARM": "in alarm", "INSUFFICIENT_DATA": "no data yet"}


@dataclass(frozen=True, kw_only=True)
class AlarmView:
    name: str
    state: str
    """`OK`, `ALARM` or `INSUFFICIENT_DATA`."""
    since: datetime | None


@dataclass(frozen=True, kw_only=True)
class DriftView:
    """One comparison of captured traffic with the baseline of the version that serves."""

    outcome: str
    """`Completed`, `CompletedWithViolations`, `TooFewRows`, `Failed` or `InProgress`."""
    message: str
    engine: str
    """`model-monitor` or `pipeline`."""
    job: str
    started: datetime
    ended: datetime | None
    rows: int | None
    """Rows of captured traffic; None: not known."""
    report_uri: str | None
    baseline_uri: str | None
    drifted: tuple[str, ...]
    """The features whose distribution moved too far, the farthest first."""
    violations: tuple[AnalysisViolation, ...]
    distances: tuple[Distance, ...]
    """Of every compared feature, the farthest first. Model Monitor's own container tells none."""
    alarm: AlarmView | None
    """None: there is no such alarm."""


def newest_analysis(target: Target) -> tuple[Analysis | None, Alarm | None]:
    """The newest analysis, None before the first one, and the drift alarm.

    Raises:
        NotDeployedError: the environment has no serving stack.
    """
    serving = facts.read_serving(target)
    analysis = analyses.newest(target, serving)
    return analysis, drift_alarm(target, serving) if analysis else None


def drift_alarm(target: Target, serving: ServingFacts) -> Alarm | None:
    return standing.alarms(target, serving.alarms).get(DRIFT)


def drift_view(analysis: Analysis, alarm: Alarm | None) -> DriftView:
    source = analysis.source
    return DriftView(
        outcome=analysis.outcome,
        message=analysis.message,
        engine=source.engine,
        job=source.job,
        started=source.started,
        ended=analysis.ended,
        rows=analysis.rows,
        report_uri=analysis.report_uri or None,
        baseline_uri=analysis.baseline_uri or None,
        drifted=tuple(analysis.drifted),
        violations=analysis.violations,
        distances=analysis.distances,
        alarm=AlarmView(name=alarm.name, state=alarm.state, since=alarm.since) if alarm else None,
    )
