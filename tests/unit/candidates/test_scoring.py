"""A foundation model is scored by the metrics of the project, held here against scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from ratchet.candidates.answers import RowAnswer
from ratchet.candidates.champion_answers import answers_in
from ratchet.candidates.scoring import MOST_UNANSWERED, score, too_many_unanswered
from ratchet.judging.answers import Answers, TrueLabels
from ratchet.judging.comparison import Judging
from ratchet.judging.models import Asked
from ratchet.settings.schema import ModelSettings

ROWS = 240
RNG = np.random.default_rng(7)
LATE = RNG.integers(0, 2, ROWS)
OURS = np.round(np.clip(0.3 * LATE + RNG.random(ROWS) * 0.7, 0, 1), 2)
THEIRS = np.clip(0.5 * LATE + RNG.random(ROWS) * 0.5, 0, 1)
ANSWERED = np.array([row for row in range(ROWS) if row % 7])
BINARY = ModelSettings(problem="binary", label="late")
LABELS = TrueLabels("binary", LATE, ("0", "1"))
JUDGING = Judging("binary", "auc")


def answered(values: Any, rows: Any = ANSWERED) -> dict[int, RowAnswer]:
    return {int(row): RowAnswer(value=values[row].item()) for row in rows}


def test_both_models_are_scored_on_the_rows_that_both_have_answered() -> None:
    champion = Asked(answers=Answers(THEIRS))
    result = score(JUDGING, BINARY, LABELS, answered(OURS), champion)
    assert result.report is not None
    assert result.scored == result.report["rows"] == len(ANSWERED)
    ours = metrics.roc_auc_score(LATE[ANSWERED], OURS[ANSWERED])
    theirs = metrics.roc_auc_score(LATE[ANSWERED], THEIRS[ANSWERED])
    assert result.report["candidate"]["score"] == pytest.approx(ours, abs=1e-12)
    assert result.report["champion"]["score"] == pytest.approx(theirs, abs=1e-12)
    assert result.report["regression"] == pytest.approx(theirs - ours, abs=1e-12)
    interval = result.report["interval"]
    assert interval["low"] < theirs - ours < interval["high"]


def test_the_order_in_which_answers_came_does_not_matter() -> None:
    champion = Asked(answers=Answers(THEIRS))
    forwards = score(JUDGING, BINARY, LABELS, answered(OURS), champion)
    backwards = score(JUDGING, BINARY, LABELS, answered(OURS, ANSWERED[::-1]), champion)
    assert forwards == backwards


def test_without_a_champion_the_candidate_has_its_own_score_and_interval() -> None:
    result = score(JUDGING, BINARY, LABELS, answered(OURS), Asked())
    assert result.report is not None
    assert result.report["champion"]["score"] is None
    auc = metrics.roc_auc_score(LATE[ANSWERED], OURS[ANSWERED])
    assert result.own_interval is not None
    assert result.own_interval["low"] < auc < result.own_interval["high"]


def test_no_answers_are_no_score() -> None:
    result = score(JUDGING, BINARY, LABELS, {}, Asked(answers=Answers(THEIRS)))
    assert result.report is None
    assert result.reason == "no row has an answer that can be read"


def test_answered_rows_of_one_class_have_no_auc_and_the_reason_says_so() -> None:
    late = answered(OURS, np.flatnonzero(LATE))
    result = score(JUDGING, BINARY, LABELS, late, Asked(answers=Answers(THEIRS)))
    assert result.report is None
    assert "auc" in result.reason


def test_the_champion_answers_in_the_words_of_the_script_that_judges_it() -> None:
    written = pd.DataFrame(
        {"label": LATE, "probability": map(repr, THEIRS.tolist()), "prediction": "0"}
    )
    answers = answers_in(written, LABELS, BINARY, threshold=0.4)
    assert answers.values.tolist() == THEIRS.tolist()
    assert answers.threshold == 0.4
    result = score(JUDGING, BINARY, LABELS, answered(OURS), Asked(answers=answers))
    assert result.report is not None
    recall = metrics.recall_score(LATE[ANSWERED], THEIRS[ANSWERED] >= 0.4)
    assert result.report["champion"]["metrics"]["recall"] == pytest.approx(recall)


def test_several_classes_are_scored_with_and_without_probabilities() -> None:
    names = ("cat", "dog", "owl")
    truth = RNG.integers(0, 3, ROWS)
    shares = RNG.dirichlet([1, 1, 1], ROWS)
    labels = TrueLabels("multiclass", truth, names)
    model = ModelSettings(problem="multiclass", label="kind")
    taken = shares.argmax(axis=1)
    full = {
        row: RowAnswer(
            value=names[taken[row]], probabilities=dict(zip(names, shares[row], strict=True))
        )
        for row in range(ROWS)
    }
    result = score(Judging("multiclass", "macro_f1"), model, labels, full, Asked())
    assert result.report is not None
    ours = result.report["candidate"]["metrics"]
    f1 = metrics.f1_score(truth, taken, average="macro")
    assert ours["macro_f1"] == pytest.approx(f1)
    assert ours["log_loss"] == pytest.approx(metrics.log_loss(truth, shares))
    full[3] = RowAnswer(value="cat")
    less = score(Judging("multiclass", "macro_f1"), model, labels, full, Asked())
    assert less.report is not None
    assert less.report["candidate"]["metrics"]["log_loss"] is None
    none = score(Judging("multiclass", "log_loss"), model, labels, full, Asked())
    assert none.report is None
    assert "1 of 240 answers have no probabilities" in none.reason


def test_numbers_are_scored_and_the_smaller_error_is_the_better_one() -> None:
    truth = RNG.normal(100, 10, ROWS)
    ours, theirs = truth + RNG.normal(0, 4, ROWS), truth + RNG.normal(0, 2, ROWS)
    model = ModelSettings(problem="regression", label="price")
    labels = TrueLabels("regression", truth)
    champion = Asked(answers=Answers(theirs))
    result = score(Judging("regression", "rmse"), model, labels, answered(ours), champion)
    assert result.report is not None
    rmse = metrics.root_mean_squared_error(truth[ANSWERED], ours[ANSWERED])
    assert result.report["candidate"]["score"] == pytest.approx(rmse)
    assert result.report["regression"] > 0


def test_more_rows_without_an_answer_than_one_in_twenty_are_too_many_for_a_verdict() -> None:
    assert MOST_UNANSWERED == 0.05
    assert not too_many_unanswered(asked=200, without=10)
    assert too_many_unanswered(asked=200, without=11)
    assert not too_many_unanswered(asked=0, without=0)
