"""Where a candidate is worse: slices that differ by more than chance, and no others."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from ratchet.judging.answers import Answers, TrueLabels
from ratchet.judging.comparison import Judging
from ratchet.judging.slices import (
    ComparedSlice,
    Slices,
    compared_slices,
    holm,
    p_of,
    slices_text,
)
from ratchet.loop.problems import PROBLEMS
from tests.unit.judging.conftest import Job

GOOD = "def answer(x): return x"
BACKWARDS_BELOW_HALF = "def answer(x): return x if x > .5 else 1 - x"


def prices(rows: int, *, off: float, where: slice, seed: int = 0) -> tuple[Any, Any, Any]:
    """Labels, and answers that are equally good but on some rows, where the first is off."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=rows)
    ours, theirs = truth + rng.normal(size=rows), truth + rng.normal(size=rows)
    ours[where] += off
    return TrueLabels("regression", truth), Answers(ours), Answers(theirs)


RMSE = Judging("regression", "rmse")
SHOPS = np.repeat(["a", "b", "c", "d"], 250)


def compared(*, off: float, tolerance: float = 0.0) -> list[ComparedSlice]:
    models = prices(1000, off=off, where=slice(250, 500))
    slices, _ = compared_slices(RMSE, *models, Slices(columns={"shop": SHOPS}, tolerance=tolerance))
    return slices


def test_the_slice_that_is_worse_is_named_with_by_how_much() -> None:
    first, *others = compared(off=1.0)
    assert (first.column, first.value, first.rows, first.worse) == ("shop", "b", 250, True)
    assert first.regression == pytest.approx(0.41, abs=0.15)
    assert first.p < 1e-4
    assert not first.look_at
    assert not any(each.worse for each in others)
    assert slices_text([first, *others], like=1.0).startswith("worse for shop=b (0.")


def test_what_is_within_the_tolerance_is_no_harm() -> None:
    assert compared(off=1.0)[0].worse
    assert not any(each.worse or each.look_at for each in compared(off=1.0, tolerance=0.6))


def test_what_is_worse_by_itself_but_not_among_all_is_to_be_looked_at() -> None:
    rng = np.random.default_rng(1)
    labels, ours, theirs = prices(5000, off=0.0, where=slice(0))
    columns = {f"c{n}": rng.choice(["x", "y", "z"], 5000) for n in range(10)}
    slices, _ = compared_slices(RMSE, labels, ours, theirs, Slices(columns=columns))
    assert [each for each in slices if each.look_at]
    assert not [each for each in slices if each.worse]
    assert slices_text(slices, like=1.0) == ""


def test_equal_answers_are_never_worse() -> None:
    labels, ours, _ = prices(1000, off=0, where=slice(0))
    slices, _ = compared_slices(RMSE, labels, ours, ours, Slices(columns={"shop": SHOPS}))
    assert [(each.regression, each.p, each.worse) for each in slices] == [(0.0, 1.0, False)] * 4


@pytest.mark.parametrize(("rows", "compares"), [(99, False), (100, True)])
def test_a_slice_of_fewer_than_100_rows_is_left_out(rows: int, compares: bool) -> None:
    models = prices(1000, off=9, where=slice(0, rows))
    values = np.where(np.arange(1000) < rows, "few", "many")
    slices, left_out = compared_slices(RMSE, *models, Slices(columns={"shop": values}))
    assert ("few" in {each.value for each in slices}) is compares
    assert left_out == (0 if compares else 1)


@pytest.mark.parametrize(("positives", "compares"), [(19, False), (20, True)])
def test_a_slice_with_fewer_than_20_of_a_class_is_left_out(positives: int, compares: bool) -> None:
    values = np.zeros(300, dtype=int)
    values[:positives] = 1
    for truth in (values, 1 - values):
        labels = TrueLabels("binary", truth, ("0", "1"))
        answers = Answers(np.random.default_rng(0).random(300))
        columns = {"shop": np.full(300, "a")}
        judging = Judging("binary", "auc")
        slices, _ = compared_slices(judging, labels, answers, answers, Slices(columns=columns))
        assert bool(slices) is compares


def test_rows_of_weight_0_do_not_make_a_slice_large_enough() -> None:
    labels, ours, theirs = prices(150, off=1, where=slice(0, 150))
    weights = np.where(np.arange(150) < 60, 0.0, 1.0)
    weighted = TrueLabels("regression", labels.values, weights=weights)
    columns = {"shop": np.full(150, "a")}
    assert compared_slices(RMSE, weighted, ours, theirs, Slices(columns=columns)) == ([], 1)


@pytest.mark.parametrize(
    ("p", "beyond"),
    [
        ([], 0),
        ([0.05], 1),
        ([0.051], 0),
        ([0.025, 0.05], 2),
        ([0.026, 0.03], 0),
        ([0.01, 0.026, 0.03], 1),
        ([0.01, 0.024, 0.06], 2),
    ],
)
def test_holm_compares_the_smallest_with_the_level_over_their_number(
    p: list[float], beyond: int
) -> None:
    assert holm(p) == beyond


@pytest.mark.parametrize(
    ("difference", "error", "p"),
    [
        (0.0, 1.0, 0.5),
        (1.6448536269514722, 1.0, 0.05),
        (-1.6448536269514722, 1.0, 0.95),
        (0.2, 0.1, 0.022750131948179195),
        (0.1, 0.0, 0.0),
        (0.0, 0.0, 1.0),
        (-0.1, 0.0, 1.0),
    ],
)
def test_p_is_one_sided(difference: float, error: float, p: float) -> None:
    assert math.isclose(p_of(difference, error), p, abs_tol=1e-12)


def slice_of(**parts: Any) -> ComparedSlice:
    about = {"column": "carrier", "value": "AA", "rows": 100, "regression": 0.03, "error": 0.01}
    return ComparedSlice(**{**about, "p": 0.0, "worse": True, "look_at": False, **parts})


@pytest.mark.parametrize(
    ("slices", "text"),
    [
        ([slice_of()], "worse for carrier=AA (0.0300 worse)"),
        ([slice_of(value="")], "worse for carrier=(empty) (0.0300 worse)"),
        ([slice_of(value="a\tb" * 40)], f"worse for carrier={('a b' * 40)[:40]} (0.0300 worse)"),
        ([slice_of()] * 2, "worse for carrier=AA (0.0300 worse) and 1 more slice"),
        ([slice_of()] * 4, "worse for carrier=AA (0.0300 worse) and 3 more slices"),
        ([slice_of(worse=False)], ""),
    ],
)
def test_the_verdict_names_the_first_and_counts_the_others(
    slices: list[ComparedSlice], text: str
) -> None:
    assert slices_text(slices, like=0.7) == text


@pytest.fixture
def halves(job: Job) -> Job:
    """Rows with the half that x is in."""
    lines = (job.root / "eval/eval.csv").read_text().split()[1:]
    halved = [f"{line},{'low' if float(line.split(',')[1]) < 0.5 else 'high'}" for line in lines]
    job.rows("\n".join(["late,x,half", *halved]) + "\n")
    return job


def test_the_report_holds_every_slice_and_how_many_are_worse(halves: Job) -> None:
    halves.model("candidate", BACKWARDS_BELOW_HALF)
    halves.model("champion", GOOD)
    report = halves.report("--slice", "half", "--slice-tolerance", "0.005")
    low, high = report["slices"]
    assert set(low) == {
        *("column", "value", "rows", "regression", "error", "p", "worse", "look_at"),
    }
    assert (low["value"], low["worse"], high["worse"]) == ("low", True, False)
    assert low["rows"] + high["rows"] == 300
    assert (report["worse_slices"], report["slices_left_out"]) == (1, 0)
    assert "; worse for half=low (0." in report["verdict"]


def test_without_a_champion_or_without_a_new_model_no_slices_are_compared(halves: Job) -> None:
    halves.model("candidate", GOOD)
    report = halves.report("--slice", "half")
    assert (report["slices"], report["worse_slices"]) == ([], 0)
    halves.model("champion", GOOD)
    report = halves.report("--slice", "half")
    assert (report["slices"], report["worse_slices"]) == ([], 0)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("halve", "no column 'halve', a slice of .gate.; did you mean 'half'"),
        ("x", "column 'x', a slice of .gate.: 300 values; expected at most 100"),
    ],
)
def test_a_column_that_cannot_be_a_slice_fails_the_step_before_a_model_is_asked(
    halves: Job, column: str, message: str
) -> None:
    with pytest.raises(SystemExit, match=message):
        halves.report("--slice", column)


@pytest.mark.parametrize(
    ("problem", "metric"), [(p.name, m) for p in PROBLEMS.values() for m in p.metrics]
)
def test_the_table_says_which_metrics_have_a_standard_error(problem: Any, metric: str) -> None:
    truth = np.arange(12) % 3
    if problem == "regression":
        labels, answers = TrueLabels(problem, truth + 1.0), Answers(truth + 1.5)
    elif problem == "binary":
        labels, answers = TrueLabels(problem, truth % 2, ("0", "1")), Answers(truth / 2)
    else:
        shares = np.full((12, 3), 1 / 3)
        labels = TrueLabels(problem, truth, ("a", "b", "c"))
        answers = Answers(truth, labels.classes, probabilities=shares)
    measure = Judging(problem, metric).measure(labels, answers)
    about = PROBLEMS[problem].metrics[metric]
    assert (measure.without_each() is not None) is about.has_standard_error
