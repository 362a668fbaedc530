"""What people are told of each outcome of each problem, from reports as they are really written."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

from notice_texts import NoticeTexts
from ratchet.cli.views.judgement_view import judgement
from ratchet.judging.answers import Answers, read_labels
from ratchet.judging.comparison import Judging, compare, judge
from ratchet.judging.copies import RegistryState
from ratchet.judging.models import Asked
from ratchet.loop.packages import PENDING
from ratchet.loop.problems import BINARY, MULTICLASS, PROBLEMS, REGRESSION, Kind
from ratchet.views.metrics import is_judgement
from record_evaluation import evaluation
from record_evaluation.evaluation import Standards
from tests.unit.cli.golden_files import drawn
from topic import Notice

LOOP = NoticeTexts(project="shop", environment="dev")
ROWS = 300
METRICS = [(BINARY, "log_loss"), (MULTICLASS, "macro_f1"), (REGRESSION, "rmse")]
REASON = "KeyError: 'seats'"


@cache
def report(problem: Kind, metric: str, outcome: str) -> dict[str, Any]:
    random = np.random.default_rng(3)
    truth = random.integers(0, 3 if problem == MULTICLASS else 2, ROWS)
    labels = read_labels(problem, [str(value) for value in truth])

    def answers(errors: float) -> Answers:
        noise = np.random.default_rng(5).random(ROWS)
        if problem == MULTICLASS:
            return Answers(np.where(noise < errors, (truth + 1) % 3, truth), labels.classes)
        return Answers(np.clip(np.abs(truth - noise * errors), 0.01, 0.99))

    def asked(errors: float, digest: str) -> Asked:
        return Asked(answers=answers(errors), digest=digest)

    good, bad = asked(0.2, "good"), asked(0.6, "bad")
    copy = RegistryState(
        champion_version="1", newest_version="3", newest_digest="good", newest_approval=PENDING
    )
    candidate, champion, registry = {
        "better": (good, bad, None),
        "worse": (bad, good, None),
        "tie": (good, asked(0.2, "other"), None),
        "copy of the champion": (good, good, copy),
        "copy of the newest": (good, bad, copy),
        "no champion": (good, Asked(), None),
        "unscorable": (good, Asked(reason=REASON, digest="bad"), None),
    }[outcome]
    made = compare(Judging(problem, metric), labels, candidate, champion, registry)
    return dict(json.loads(json.dumps(made)))


def waiting(report: dict[str, Any]) -> Notice:
    champion = "none" if report["champion"]["status"] == "none" else "1"
    metadata = {
        "metric": report["metric"],
        "better": report["better"],
        "candidate-score": str(report["candidate"]["score"]),
        "champion-version": champion,
        "champion-status": report["champion"]["status"],
        "regression": str(report["regression"]),
    }
    return LOOP.waiting(2, description=report["verdict"], metadata=metadata)


def halted(report: dict[str, Any]) -> Notice:
    return LOOP.halted("abc123", verdict=report["verdict"])


def no_new_model(report: dict[str, Any]) -> Notice:
    return LOOP.no_new_model("abc123", verdict=report["verdict"])


Make = Callable[[dict[str, Any]], Notice]
OUTCOMES: list[tuple[str, Make, str]] = [
    ("better", waiting, " better than version 1, which it was judged against."),
    ("tie", waiting, "It ties with version 1, which it was judged against."),
    ("worse", waiting, " worse than version 1, which it was judged against."),
    ("no champion", waiting, "there is no champion to compare with."),
    ("unscorable", waiting, f"the champion cannot be scored: {REASON}."),
    ("worse", halted, " worse, 95 % within "),
    ("unscorable", halted, f"the champion cannot be scored: {REASON}."),
    ("copy of the champion", no_new_model, "it is the champion itself (version 1): no new model."),
    ("copy of the newest", no_new_model, "version 3 already, which waits for approval"),
]


@pytest.mark.parametrize(("problem", "metric"), METRICS)
@pytest.mark.parametrize(
    ("outcome", "make", "words"), OUTCOMES, ids=[f"{o}-{m.__name__}" for o, m, _ in OUTCOMES]
)
def test_each_outcome_of_each_problem_has_its_words(
    problem: Kind, metric: str, outcome: str, make: Make, words: str
) -> None:
    notice = make(report(problem, metric, outcome))
    assert words in notice.text
    assert metric in f"{notice.title} {notice.text}"
    others = {name for kind in PROBLEMS.values() for name in kind.metrics} - {metric}
    assert not others & set(notice.text.replace(".", " ").split()), "names no other metric"
    assert "beat" not in notice.text
    assert (" better than" in notice.text) == (outcome == "better")


@pytest.mark.parametrize(("problem", "metric"), METRICS)
def test_a_version_that_is_unscorable_is_not_compared_by_its_regression_of_0(
    problem: Kind, metric: str
) -> None:
    text = waiting(report(problem, metric, "unscorable")).text
    assert "ties" not in text
    assert "the same" not in text


@pytest.mark.parametrize(("problem", "metric"), METRICS)
@pytest.mark.parametrize("errors", ["worse", "better"])
def test_an_evaluation_that_is_worse_than_its_limit_is_told_with_the_limit(
    problem: Kind, metric: str, errors: str
) -> None:
    sides = report(problem, metric, "better")
    score = sides["champion"]["score"]
    alone = {**sides, "candidate": None, "regression": None}
    judged = evaluation.judged(alone, uri="s3://report")
    by = 0.1 if errors == "worse" else -0.1
    worse = score + by if sides["better"] == "higher" else score - by
    standards = Standards(floor=worse, max_regression=0.01, minimum_rows=1)
    violations = list(evaluation.violations(judged, standards, registered=worse))
    assert bool(violations) == (errors == "worse")
    if violations:
        notice = LOOP.evaluated_worse(2, data="2013-07", violations=violations, retrains=True)
        limit = "below the floor" if sides["better"] == "higher" else "above the ceiling"
        assert f"{metric} " in notice.text
        assert limit in notice.text
        assert "at registration" in notice.text


@pytest.mark.parametrize(("problem", "metric"), METRICS)
@pytest.mark.parametrize("outcome", sorted({outcome for outcome, _, _ in OUTCOMES}))
def test_a_report_that_is_really_written_is_drawn(problem: Kind, metric: str, outcome: str) -> None:
    made = report(problem, metric, outcome)
    assert is_judgement(made)
    text = drawn([judgement("evaluation", made, label="price")], width=80)
    assert f"{metric} decides, {made['better']} is better" in text
    assert made["verdict"].split(":")[0] in " ".join(text.split())
    assert ("in the unit of price" in text) == (metric == "rmse")


def test_a_champion_alone_is_drawn_too() -> None:
    labels = read_labels(REGRESSION, [str(value) for value in range(ROWS)])
    alone = judge(Judging(REGRESSION, "rmse"), labels, Asked(Answers(np.arange(ROWS) + 1.5)))
    text = drawn([judgement("evaluation", alone)])
    assert "1.5000" in text
    assert "candidate" not in text
