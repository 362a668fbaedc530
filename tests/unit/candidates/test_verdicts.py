"""What a trial says about integrating a model."""

from __future__ import annotations

from typing import Any

import pytest

from ratchet.candidates.results import MetricPair
from ratchet.candidates.verdicts import verdict
from tests.unit.candidates.tried import trial


def interval(low: float, high: float) -> dict[str, float]:
    return {"low": low, "high": high, "confidence": 0.95, "resamples": 1000}


def test_a_model_that_is_worse_beyond_doubt_is_called_so_with_both_scores_and_its_price() -> None:
    assert verdict(trial()).text == (
        "Not better: auc 0.6102 against the champion's 0.7011 on the same 200 rows (0.0909 worse, "
        "95 % within 0.1500 worse to 0.0300 worse); $0.01 for 1,000 rows."
    )


@pytest.mark.parametrize(
    ("changes", "head"),
    [
        ({}, "Not better"),
        ({"regression": -0.05, "interval": interval(-0.09, -0.01)}, "Better"),
        ({"regression": -0.05, "interval": interval(-0.09, 0.01)}, "No difference"),
        ({"regression": 0.05, "interval": interval(-0.01, 0.09)}, "No difference"),
        ({"regression": 0.0, "interval": interval(0.0, 0.0)}, "No difference"),
        ({"interval": None}, "No verdict"),
        ({"unparsable": 11, "scored": 189}, "No verdict"),
        ({"unanswered": 6, "unparsable": 5, "scored": 189}, "No verdict"),
        ({"unparsable": 10, "scored": 190}, "Not better"),
        ({"not_asked": 150, "scored": 45, "unparsable": 5}, "No verdict"),
        ({"not_asked": 150, "scored": 50}, "Not better"),
        ({"regression": None, "interval": None, "champion": ""}, "No champion"),
        ({"regression": None, "interval": None, "champion_reason": "no xgboost"}, "No verdict"),
        ({"no_score": "no row has an answer that can be read", "metrics": ()}, "No score"),
    ],
)
def test_the_head_of_a_verdict_follows_the_interval_and_the_rows_without_an_answer(
    changes: dict[str, Any], head: str
) -> None:
    result = verdict(trial(**changes))
    assert result.head == head
    assert result.text.startswith(head)


def test_too_many_rows_without_an_answer_are_said_in_words_before_the_scores() -> None:
    text = verdict(trial(unanswered=30, unparsable=7, scored=163)).text
    assert text.startswith(
        "No verdict: 37 of 200 rows (18.5 %) have no answer that can be read, and the others may "
        "be the easy ones; at most 5 % may lack one. auc 0.6102 against"
    )


def test_without_a_champion_the_score_has_its_own_interval() -> None:
    pair = (MetricPair(name="auc", candidate=0.61, champion=None),)
    text = verdict(
        trial(metrics=pair, regression=None, interval=None, own_interval=interval(0.55, 0.67))
    ).text
    assert text == (
        "No champion: auc 0.6100 on 200 rows, 95 % within 0.5500 to 0.6700; $0.01 for 1,000 rows."
    )


def test_a_price_that_nobody_knows_is_not_said() -> None:
    assert "$" not in verdict(trial(cost_usd=None)).text
