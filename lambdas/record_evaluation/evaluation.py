"""How an evaluation of a deployed version turned out (pure). ratchet/loop/evaluations.py has the
record of it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ratchet.loop import names, packages
from ratchet.loop.evaluations import EvaluationRecord, as_of_now
from ratchet.loop.numbers import LIMITS, score_text
from ratchet.loop.problems import DIRECTIONS, PROBLEMS, Better, ModelMetric, direction


class ReportError(ValueError):
    """The evaluate step's report is not that of an evaluation of the champion alone."""


@dataclass(frozen=True, kw_only=True)
class Standards:
    """The standards that the score must meet."""

    floor: float | None
    """The worst score that meets them; None: there is no such limit."""
    max_regression: float
    minimum_rows: int


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What the evaluate step measured."""

    metric: str
    better: Better
    rows: int
    score: float | None
    """None: the champion cannot answer for these rows."""
    interval: Mapping[str, float] | None
    verdict: str
    threshold: float | None = None
    """Of a binary problem: the one that it was scored at; None: no score depends on one."""


def judged(report: Mapping[str, Any], *, uri: str) -> Judged:
    """The champion's results in an evaluate step's report.

    Raises:
        ReportError: it is no report on a champion, or a value in it decides nothing: NaN, infinity
            or null as a score, or a direction that is not the metric's.
    """
    try:
        report = as_of_now({**report})
        champion, metric = report["champion"], str(report["metric"])
        scored = _one_of("champion.status", champion["status"], names.SCORED, names.UNSCORABLE)
        interval = report.get("interval") if scored == names.SCORED else None
        return Judged(
            metric=metric,
            better=_direction(metric, report),
            rows=int(_number("rows", report["rows"])),
            score=_number("champion.score", champion["score"]) if scored == names.SCORED else None,
            interval=interval
            and {name: _number(f"interval.{name}", value) for name, value in interval.items()},
            verdict=str(report["verdict"]),
            threshold=None
            if champion.get("threshold") is None
            else _number("champion.threshold", champion["threshold"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as problem:
        reason = f"{type(problem).__name__}: {problem}"
        if isinstance(problem, _ValueError):
            reason = str(problem)
        raise ReportError(
            f"{uri} is no report on a champion ({reason}); expected "
            '{"metric": name, "better": "higher" | "lower", "rows": number, "champion": {"status": '
            '"scored" | "unscorable", "score": number}, "verdict": text}, as '
            "docs/guides/evaluation.md has it"
        ) from problem


class _ValueError(ValueError):
    """A value in a report that decides nothing."""


def _number(name: str, value: Any) -> float:
    """A finite number: Python reads NaN and Infinity, which are no JSON, and nothing is worse than
    NaN."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _ValueError(f"{name} is {json.dumps(value)}, which is no number")
    return float(value)


def _one_of(name: str, value: Any, *allowed: str) -> str:
    if value not in allowed:
        raise _ValueError(f"{name} is {json.dumps(value)}; expected {' or '.join(allowed)}")
    return str(value)


def _direction(metric: str, report: Mapping[str, Any]) -> Better:
    """Of the table, where the metric is in it; a team's own is in none."""
    better = _one_of("better", report["better"], *DIRECTIONS)
    problem = PROBLEMS.get(str(report.get("problem")))
    row = problem.metrics.get(metric) if problem else None
    if row and better != row.better:
        raise _ValueError(f"better is {json.dumps(better)}, and {row.better} is better of {metric}")
    return direction(better)


def check_threshold(judged: Judged, metadata: Mapping[str, str], *, uri: str) -> None:
    """Raises ReportError where the score was reached at another threshold than the registered one:
    the two say nothing of each other."""
    registered = packages.number_in(metadata, packages.THRESHOLD_KEY)
    if registered is None or judged.threshold is None:
        return
    if not math.isclose(registered, judged.threshold, rel_tol=1e-9):
        raise ReportError(
            f"{uri} has a score at the threshold {judged.threshold:g}, and the version was "
            f"registered at {registered:g}; expected an evaluation of the version at its own"
        )


def registered_score(metadata: Mapping[str, str], metric: str) -> float | None:
    """The score at registration; None where the version was registered by another metric."""
    score = packages.registered_score(metadata)
    return score.value if score and score.metric == metric else None


def outcome_of(judged: Judged, standards: Standards, *, registered: float | None) -> str:
    if judged.rows < standards.minimum_rows:
        return names.TOO_FEW_ROWS
    violated = any(violations(judged, standards, registered=registered))
    return names.COMPLETED_WITH_VIOLATIONS if violated else names.COMPLETED


def violations(judged: Judged, standards: Standards, *, registered: float | None) -> Iterator[str]:
    """Each standard that is not met, in words. A score that is at its limit meets it."""
    if judged.score is None:
        yield judged.verdict
        return
    metric = ModelMetric(judged.metric, judged.better)
    score = f"{judged.metric} {score_text(judged.score)}"
    limit, beyond = LIMITS[judged.better]
    if standards.floor is not None and metric.worse_by(judged.score, than=standards.floor) > 0:
        yield f"{score} is {beyond} the {limit} of {standards.floor:g}"
    if registered is None:
        return
    if metric.worse_by(judged.score, than=registered) > standards.max_regression:
        yield (
            f"{score} is more than {standards.max_regression:g} {beyond} "
            f"the {score_text(registered, like=judged.score)} at registration"
        )


def data_of(manifest: Sequence[Any]) -> str:
    """Which data a manifest lists, by the folders of its objects: `2013-03`, or the first and the
    last of several."""
    folders = sorted({key.split("/")[-2] for key in manifest[1:] if "/" in str(key)})
    return " to ".join(dict.fromkeys([folders[0], folders[-1]])) if folders else ""


def verdict_of(record: EvaluationRecord) -> str:
    """The verdict in a sentence, for `ratchet show`."""
    if record.outcome == names.TOO_FEW_ROWS:
        return f"version {record.version}: {record.verdict}; too few rows to say more"
    about = f"version {record.version}: {record.verdict}"
    if record.violations and record.score is not None:
        about += f"; {'; '.join(record.violations)}"
    limit, _ = LIMITS[record.better]
    if record.registered is None and record.score is not None:
        about += f"; it was not registered by its {record.metric}, so " + (
            f"nothing is compared: there is no {limit} either"
            if record.floor is None
            else f"only the {limit} of {record.floor:g} counts"
        )
    return about if record.served else f"{about}; it no longer serves, so no alarm is raised"
