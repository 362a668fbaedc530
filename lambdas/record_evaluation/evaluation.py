"""How an evaluation of a deployed version turned out (pure). ratchet/loop/evaluations.py has the
record of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ratchet.loop import names, packages
from ratchet.loop.evaluations import EvaluationRecord, as_of_now
from ratchet.loop.numbers import score_text
from ratchet.loop.problems import Better, ModelMetric


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


def judged(report: Mapping[str, Any], *, uri: str) -> Judged:
    """The champion's results in an evaluate step's report.

    Raises:
        ReportError: it does not.
    """
    try:
        report = as_of_now({**report})
        champion = report["champion"]
        scored = champion["status"] == names.SCORED
        return Judged(
            metric=report["metric"],
            better="lower" if report["better"] == "lower" else "higher",
            rows=int(report["rows"]),
            score=float(champion["score"]) if scored else None,
            interval=report.get("interval") if scored else None,
            verdict=str(report["verdict"]),
        )
    except (KeyError, TypeError, ValueError) as problem:
        raise ReportError(
            f"{uri} is no report on a champion ({type(problem).__name__}: {problem}); expected "
            '{"metric": name, "better": "higher" | "lower", "rows": number, "champion": {"status": '
            '"scored" | "unscorable", "score": number}, "verdict": text}, as '
            "docs/guides/evaluation.md has it"
        ) from problem


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
    higher = judged.better == "higher"
    if standards.floor is not None and metric.worse_by(judged.score, than=standards.floor) > 0:
        limit = "below the floor" if higher else "above the ceiling"
        yield f"{score} is {limit} of {standards.floor:g}"
    if registered is None:
        return
    if metric.worse_by(judged.score, than=registered) > standards.max_regression:
        yield (
            f"{score} is more than {standards.max_regression:g} {'below' if higher else 'above'} "
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
    return about if record.served else f"{about}; it no longer serves, so no alarm is raised"
