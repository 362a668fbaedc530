"""A foundation model's answers beside the champion's: the same metrics on the same rows, those that
both have answered.

Rows without an answer are left out, never filled in. When they are many, what is left is another
question than the one that was asked: then there are numbers, and no verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ratchet.candidates.answers import RowAnswer
from ratchet.judging.answers import Answers, TrueLabels
from ratchet.judging.comparison import Judging, UndefinedMetricError, bootstrap, compare
from ratchet.judging.metrics import best_threshold
from ratchet.judging.models import Asked
from ratchet.loop.problems import BEST_F1, BINARY, MULTICLASS
from ratchet.settings.schema import ModelSettings

MOST_UNANSWERED = 0.05
"""The share of the rows that were asked which may be without an answer that can be read. Beyond it
the others may be the easy ones: a share u of left-out rows can move a mean by u times
the range of its values, which at 5 % is as much as models differ by."""


@dataclass(frozen=True, kw_only=True)
class ScoredTrial:
    """How the answers of a trial did."""

    scored: int
    """Rows that both have answered."""
    report: Mapping[str, Any] | None
    """As of an evaluation (ratchet/judging/comparison.py); None: there is no score."""
    own_interval: Mapping[str, float] | None = None
    """Without a champion: of the candidate's own score."""
    reason: str = ""
    """Why there is no score."""


def score(
    judging: Judging,
    model: ModelSettings,
    labels: TrueLabels,
    answers: Mapping[int, RowAnswer],
    champion: Asked,
) -> ScoredTrial:
    """Judges the rows that are answered.

    Args:
        labels: of all rows of the trial.
        answers: by the row's position.
        champion: its answers for all rows of the trial.
    """
    rows = np.array(sorted(answers), dtype=int)
    if not len(rows):
        return ScoredTrial(scored=0, report=None, reason="no row has an answer that can be read")
    of_rows = labels.of(rows)
    candidate = as_answers([answers[int(row)] for row in rows], of_rows, model)
    if champion.answers is not None:
        champion = replace(champion, answers=champion.answers.of(rows))
    try:
        report = compare(judging, of_rows, Asked(answers=candidate), champion)
    except UndefinedMetricError as problem:
        return ScoredTrial(scored=len(rows), report=None, reason=str(problem))
    interval = None
    if report["champion"]["score"] is None:
        measure = judging.measure(of_rows, candidate)
        interval = bootstrap(of_rows, measure.value, resamples=judging.resamples)
    return ScoredTrial(scored=len(rows), report=report, own_interval=interval)


def as_answers(answers: Sequence[RowAnswer], labels: TrueLabels, model: ModelSettings) -> Answers:
    """Answers for the rows of the labels, as judging takes them."""
    if labels.problem == MULTICLASS:
        return _of_classes(answers, labels)
    values = np.array([answer.value for answer in answers], dtype=float)
    if labels.problem != BINARY:
        return Answers(values, quantile=model.quantile)
    chosen = model.threshold
    threshold = best_threshold(labels, values) if chosen == BEST_F1 else float(chosen)
    return Answers(values, threshold=threshold)


def _of_classes(answers: Sequence[RowAnswer], labels: TrueLabels) -> Answers:
    places = {name: place for place, name in enumerate(labels.classes)}
    values = np.array([places[str(answer.value)] for answer in answers])
    without = sum(not answer.probabilities for answer in answers)
    if without:
        why = f"{without:,} of {len(answers):,} answers have no probabilities"
        return Answers(values, labels.classes, no_probabilities=why)
    shares = np.array(
        [[answer.probabilities[name] for name in labels.classes] for answer in answers]
    )
    return Answers(values, labels.classes, probabilities=shares)


def too_many_unanswered(*, asked: int, without: int) -> bool:
    """Whether the rows without an answer that can be read are too many for a verdict."""
    return asked > 0 and without / asked > MOST_UNANSWERED
