"""Slices that cry wolf, and slices that are seen: the rates that docs/guides/evaluation.md states.

    python tests/benchmarks/slice_alarms.py [--runs 300] [--rows 6000 30000]

Two models that are equally good, over 20 slices whose sizes go as 1/rank: how often any slice is
called worse, first by the difference alone, then by a test of each slice, then by the gate's own
rule, without a tolerance and with one. Then one slice is harmed: how often each rule names it.
Exit status 1: the gate's rule calls a slice of equal models worse in more than 5 % of the runs
(with 95 % confidence).
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path[0] = str(ROOT)

from ratchet.judging.answers import Answers, TrueLabels
from ratchet.judging.comparison import Judging
from ratchet.judging.slices import LEVEL, Slices, compared_slices
from ratchet.loop.problems import BINARY, MULTICLASS, REGRESSION

Array = np.ndarray[Any, Any]

SLICES = 20
TOLERANCES = {"auc": 0.005, "recall": 0.005, "rmse": 0.02, "accuracy": 0.005}
HARM = {"auc": 1.0, "recall": 8.0, "rmse": 0.15, "accuracy": 0.5}
"""How much more noise one slice has, or how many more errors."""
HARMED = 3
"""The slice: the fourth in size."""
PROBLEMS = {"auc": BINARY, "recall": BINARY, "rmse": REGRESSION, "accuracy": MULTICLASS}


def pair(
    metric: str, cells: Array, random: np.random.Generator, harm: float
) -> tuple[TrueLabels, Answers, Answers]:
    """Labels, and two models that are equally good but on the harmed slice, where the first is
    worse."""
    rows = len(cells)
    more: Array = 1 + harm * (cells == HARMED)
    plain = np.ones(rows)
    if metric in ("auc", "recall"):
        truth = (random.random(rows) < 0.25).astype(int)
        signal = random.normal(1.2 * truth, 1)
        scores = [signal + random.normal(0, 0.4, rows) * noise for noise in (more, plain)]
        answers = [Answers(1 / (1 + np.exp(1 - score))) for score in scores]
        return TrueLabels(BINARY, truth, ("0", "1")), answers[0], answers[1]
    if metric == "rmse":
        label = random.gamma(2, 1, rows)
        shared = random.standard_t(4, rows) * 0.7
        numbers = [
            label + shared * noise + random.laplace(0, 0.3, rows) * noise for noise in (more, plain)
        ]
        return TrueLabels(REGRESSION, label), Answers(numbers[0]), Answers(numbers[1])
    place = random.integers(5, size=rows)
    often = np.where(random.random(rows) < 0.2, 0.5, 0.02)
    classes = tuple("abcde")
    named = []
    for noise in (more, plain):
        wrong = random.random(rows) < often * noise
        named.append(Answers(np.where(wrong, (place + 1) % 5, place), classes))
    return TrueLabels(MULTICLASS, place, classes), named[0], named[1]


def counted(metric: str, rows: int, runs: int, harm: float) -> Counter[str]:
    """In how many runs each rule calls a slice worse: any of equal models, the harmed one else."""
    shares = 1 / np.arange(1, SLICES + 1)
    shares /= shares.sum()
    judging, tolerance = Judging(PROBLEMS[metric], metric), TOLERANCES[metric]
    alarms: Counter[str] = Counter()
    for run in range(runs):
        random = np.random.default_rng([run, rows])
        cells = random.choice(SLICES, rows, p=shares)
        models = pair(metric, cells, random, harm)
        columns = {"cell": cells.astype(str)}
        for name, no_harm in (("no tolerance", 0.0), ("tolerance", tolerance)):
            compared, _ = compared_slices(
                judging, *models, Slices(columns=columns, tolerance=no_harm)
            )
            if harm:
                compared = [each for each in compared if each.value == str(HARMED)]
            if name == "no tolerance":
                alarms["difference"] += any(each.regression > tolerance for each in compared)
                alarms["each test"] += any(each.p <= LEVEL for each in compared)
            alarms[name] += any(each.worse for each in compared)
    return alarms


def is_beyond(alarms: int, runs: int) -> bool:
    """Whether so many alarms speak against LEVEL, with 95 % confidence."""
    return alarms / runs - 1.645 * math.sqrt(LEVEL * (1 - LEVEL) / runs) > LEVEL


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Alarms of slices")
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--rows", type=int, nargs="*", default=[6000, 30_000])
    args = parser.parse_args(arguments)
    rules = ("difference", "each test", "no tolerance", "tolerance")
    print(f"{'':24}" + "".join(f"{rule:>14}" for rule in rules))
    loud = False
    for metric in PROBLEMS:
        for harm in (0.0, HARM[metric]):
            for rows in args.rows:
                alarms = counted(metric, rows, args.runs, harm)
                loud |= not harm and is_beyond(alarms["tolerance"], args.runs)
                what = f"{metric} {'harmed' if harm else 'equal'} {rows:,}"
                shown = "".join(f"{alarms[rule] / args.runs:14.3f}" for rule in rules)
                print(f"{what:24}{shown}", flush=True)
    return int(loud)


if __name__ == "__main__":
    sys.exit(main())
