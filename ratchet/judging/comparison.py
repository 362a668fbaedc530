"""The report on a candidate beside the champion, or on the champion alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ratchet.judging.answers import Answers, TrueLabels
from ratchet.judging.copies import RegistryState, status_of
from ratchet.judging.metrics import (
    MEASURES,
    MOST_CLASSES,
    Measure,
    confusion_matrix,
    unanswered,
    undefined_for,
)
from ratchet.judging.models import Asked
from ratchet.judging.own_metrics import OwnMetric
from ratchet.judging.slices import (
    ComparedSlice,
    Slices,
    as_report,
    compared_slices,
    slices_text,
)
from ratchet.loop.names import NEW_MODEL, NONE, SCORED, UNSCORABLE
from ratchet.loop.numbers import difference_text, interval_text, score_text
from ratchet.loop.problems import (
    BINARY,
    OF_MODEL,
    PROBLEMS,
    REGRESSION,
    Kind,
    ModelMetric,
    unknown_metric,
)

Array = np.ndarray[Any, Any]

CONFIDENCE = 0.95
RESAMPLES = 1000
OWN_RESAMPLES = 200
"""Of a team's metric, which is computed anew for each."""


class UndefinedMetricError(ValueError):
    """The metric that decides cannot be computed from these rows."""


@dataclass(frozen=True)
class Judging:
    """By what models are judged."""

    problem: Kind
    metric: str
    own: Mapping[str, OwnMetric] = field(default_factory=dict)
    needed: Sequence[str] = ()
    """Metrics that a candidate must have."""

    def __post_init__(self) -> None:
        for name in self.needed:
            if name not in self.metrics and name not in OF_MODEL:
                raise UndefinedMetricError(
                    unknown_metric(self.problem, name, {**self.metrics, **OF_MODEL})
                )
        if self.metric not in self.metrics:
            beside = f", {', '.join(self.own)}" if self.own else ""
            raise UndefinedMetricError(unknown_metric(self.problem, self.metric) + beside)

    @property
    def metrics(self) -> dict[str, ModelMetric]:
        """All that are reported."""
        own = {name: metric.about for name, metric in self.own.items()}
        return {**PROBLEMS[self.problem].metrics, **own}

    @property
    def deciding(self) -> ModelMetric:
        return self.metrics[self.metric]

    @property
    def resamples(self) -> int:
        return OWN_RESAMPLES if self.metric in self.own else RESAMPLES

    def trouble(self, labels: TrueLabels, answers: Answers, name: str) -> str | None:
        """Why there is no such metric of these rows."""
        if name in self.own:
            return self.own[name].trouble(labels)
        return undefined_for(labels, name) or unanswered(labels, answers, name)

    def measure(self, labels: TrueLabels, answers: Answers, name: str | None = None) -> Measure:
        name = name or self.metric
        if name in self.own:
            return self.own[name].measure(labels, answers)
        return MEASURES[self.problem][name](labels, answers)


def check_labels(judging: Judging, labels: TrueLabels) -> None:
    """Raises UndefinedMetricError where no model can be judged by these labels."""
    if reason := undefined_for(labels, judging.metric):
        raise UndefinedMetricError(f"the eval slice has no {judging.metric}: {reason}")


def compare(
    judging: Judging,
    labels: TrueLabels,
    candidate: Asked,
    champion: Asked,
    registry: RegistryState | None = None,
    slices: Slices | None = None,
) -> dict[str, Any]:
    """The report. `regression` is how much worse the candidate is, in the metric's own unit: what
    the gate looks at.

    Args:
        registry: what versions there are, one of which the candidate may be.
        slices: by which columns both models are compared, too.

    Raises:
        UndefinedMetricError: the candidate's answers do not have the metric.
    """
    name, metric = judging.metric, judging.deciding
    assert candidate.answers is not None
    if reason := judging.trouble(labels, candidate.answers, name):
        raise UndefinedMetricError(f"the candidate has no {name}: {reason}")
    champion = _scorable(judging, labels, champion)
    status, copy_of = status_of(candidate.digest, champion.digest, registry or RegistryState())
    ours, score = _scores(judging, labels, candidate)
    ours |= {"status": status, "digest": candidate.digest}
    _check_needed(judging, ours)
    theirs = _no_scores(judging, champion)
    regression, interval = 0.0, None
    compared: list[ComparedSlice] = []
    left_out = 0
    verdict = f"candidate {name} {score_text(score)}"
    ending = f"on {labels.rows:,} rows"
    if champion.answers is not None:
        scores, other = _scores(judging, labels, champion)
        theirs.update(scores, status=SCORED)
        regression = metric.worse_by(score, than=other)
        measures = [
            judging.measure(labels, answers) for answers in (candidate.answers, champion.answers)
        ]
        interval = bootstrap(
            labels,
            lambda draws: metric.worse_by(measures[0].value(draws), than=measures[1].value(draws)),
            resamples=judging.resamples,
        )
        verdict += f" against the champion's {score_text(other)} {ending}: "
        verdict += difference_text(regression, like=other)
        if within := interval_text(interval, like=other):
            verdict += f", {within}"
        if slices is not None and status == NEW_MODEL:
            compared, left_out = compared_slices(
                judging, labels, candidate.answers, champion.answers, slices
            )
            if worse := slices_text(compared, like=other):
                verdict += f"; {worse}"
    elif champion.reason:
        verdict += f" {ending}; the champion cannot be scored: {champion.reason}"
    else:
        verdict += f" {ending}; there is no champion to compare with"
    if copy_of:
        verdict = f"candidate {name} {score_text(score)} {ending}: {copy_of}"
    return _report(
        judging,
        labels,
        candidate=ours,
        champion=theirs,
        regression=regression,
        interval=interval,
        verdict=verdict,
        **as_report(compared, left_out),
    )


def judge(judging: Judging, labels: TrueLabels, champion: Asked) -> dict[str, Any]:
    """The report on the champion alone, in the same shape. `regression` is null, so that no gate
    takes it for that of a candidate; `interval` is of the champion's own score."""
    champion = _scorable(judging, labels, champion)
    theirs, interval = _no_scores(judging, champion), None
    ending = f"on {labels.rows:,} rows"
    if champion.answers is None:
        verdict = f"the champion cannot be scored {ending}: {champion.reason}"
    else:
        scores, score = _scores(judging, labels, champion)
        theirs.update(scores, status=SCORED)
        measure = judging.measure(labels, champion.answers)
        interval = bootstrap(labels, measure.value, resamples=judging.resamples)
        within = ""
        if interval:
            low, high = (score_text(interval[end], like=score) for end in ("low", "high"))
            within = f" 95 % within {low} to {high},"
        verdict = f"champion {judging.metric} {score_text(score)},{within} {ending}"
    return _report(
        judging,
        labels,
        candidate=None,
        champion=theirs,
        regression=None,
        interval=interval,
        verdict=verdict,
    )


def bootstrap(
    labels: TrueLabels,
    statistic: Callable[[Array], float],
    *,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    seed: int = 0,
) -> dict[str, float] | None:
    """A percentile interval of a statistic of row counts; None where a draw does not define it.

    Rows are drawn with replacement, those of each class apart; two models are scored on the very
    same draw (Carpenter and Bithell 2000,
    doi:10.1002/(SICI)1097-0258(20000515)19:9<1141::AID-SIM479>3.0.CO;2-F; the default of R's pROC).
    It holds for rows that are independent: rows of one day share what happened on it, so the true
    uncertainty from month to month is larger.
    """
    random = np.random.default_rng(seed)
    strata = np.zeros(labels.rows) if labels.problem == REGRESSION else labels.values
    groups = [np.flatnonzero(strata == stratum) for stratum in np.unique(strata)[::-1]]
    draws, values = np.empty(labels.rows, dtype=np.int64), np.empty(resamples)
    for i in range(resamples):
        for rows in groups:
            size = len(rows)
            draws[rows] = np.bincount(random.integers(size, size=size), minlength=size)
        values[i] = statistic(draws)
    if not np.isfinite(values).all():
        return None
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return {
        "low": float(low),
        "high": float(high),
        "confidence": confidence,
        "resamples": resamples,
    }


def _scorable(judging: Judging, labels: TrueLabels, champion: Asked) -> Asked:
    """The champion; without answers, and with the reason, where they do not have the metric."""
    if champion.answers is None:
        return champion
    reason = judging.trouble(labels, champion.answers, judging.metric)
    return replace(champion, answers=None, reason=reason) if reason else champion


def _scores(judging: Judging, labels: TrueLabels, asked: Asked) -> tuple[dict[str, Any], float]:
    """The part of the report of a model that has answered, and its score."""
    answers = asked.answers
    assert answers is not None
    metrics: dict[str, float | None] = dict.fromkeys((*judging.metrics, *OF_MODEL))
    metrics.update(asked.measured)
    undefined: dict[str, str] = dict(asked.unmeasured)
    for name in judging.metrics:
        if reason := judging.trouble(labels, answers, name):
            undefined[name] = reason
            continue
        value = judging.measure(labels, answers, name).value()
        if math.isfinite(value):
            metrics[name] = value
        else:  # JSON has no NaN
            undefined[name] = f"it is {value}"
    if judging.metric in undefined:
        raise UndefinedMetricError(f"{judging.metric}: {undefined[judging.metric]}")
    score = metrics[judging.metric]
    assert score is not None
    matrix, classes = None, len(answers.classes or labels.classes)
    if classes > MOST_CLASSES:
        undefined["confusion_matrix"] = f"{classes:,} classes; at most {MOST_CLASSES} are shown"
    elif labels.problem != REGRESSION:
        matrix = confusion_matrix(labels, answers)
    decided = labels.problem == BINARY and answers.named is None
    scores = {
        "score": score,
        "metrics": metrics,
        "undefined": undefined,
        "threshold": answers.threshold if decided else None,
        "confusion_matrix": matrix,
    }
    return scores, score


def _check_needed(judging: Judging, candidate: Mapping[str, Any]) -> None:
    for name in judging.needed:
        if candidate["metrics"].get(name) is None:
            reason = candidate["undefined"].get(name, "it was not measured")
            raise UndefinedMetricError(
                f"the candidate has no {name}, for which there is a limit: {reason}"
            )


def _no_scores(judging: Judging, champion: Asked) -> dict[str, Any]:
    return {
        "status": UNSCORABLE if champion.reason else NONE,
        "digest": champion.digest,
        "score": None,
        "metrics": dict.fromkeys((*judging.metrics, *OF_MODEL)),
        "undefined": {},
        "threshold": None,
        "confusion_matrix": None,
        "reason": champion.reason,
    }


def _report(
    judging: Judging, labels: TrueLabels, *, candidate: dict[str, Any] | None, **parts: Any
) -> dict[str, Any]:
    return {
        "problem": judging.problem,
        "metric": judging.metric,
        "better": judging.deciding.better,
        "rows": labels.rows,
        "classes": labels.counts,
        "candidate": candidate,
        **parts,
    }
