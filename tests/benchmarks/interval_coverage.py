"""How often the gate's 95 % interval holds the true difference of two models.

    python tests/benchmarks/interval_coverage.py [--pairs 1000] [--rows 300 5000] [--metrics auc …]

Both models of a pair are equally good and make mistakes of their own, so the true difference is 0.
Each pair is judged on rows of its own, by the interval that the evaluate step writes. Exit status
1: it holds the true difference in less than 93 % or more than 97 % of the pairs.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path[0] = str(ROOT)

from ratchet.judging.answers import Answers, TrueLabels
from ratchet.judging.comparison import bootstrap
from ratchet.judging.metrics import MEASURES

Array = np.ndarray[Any, Any]
Pair = tuple[TrueLabels, Answers, Answers]

LEAST, MOST = 0.93, 0.97
SHARES = [0.4, 0.3, 0.15, 0.1, 0.05]
"""Of classes."""


def auc(random: np.random.Generator, rows: int) -> Pair:
    """One row in four is positive; an AUC of about 0.72."""
    labels = (random.random(rows) < 0.25).astype(int)
    signal = labels + random.normal(size=rows)
    scores = [signal + 0.7 * random.normal(size=rows) for _ in range(2)]
    first, second = (Answers(1 / (1 + np.exp(-score))) for score in scores)
    return TrueLabels("binary", labels, ("0", "1")), first, second


def macro_f1(random: np.random.Generator, rows: int) -> Pair:
    """Five classes, the rarest of one row in twenty; a quarter of the rows is hard for both."""
    classes = tuple("abcde")
    labels = random.choice(5, size=rows, p=SHARES)
    hard = random.random(rows) < 0.25

    def answers() -> Answers:
        wrong = random.random(rows) < np.where(hard, 0.5, 0.08)
        return Answers(np.where(wrong, random.choice(5, size=rows, p=SHARES), labels), classes)

    return TrueLabels("multiclass", labels, classes), answers(), answers()


def rmse(random: np.random.Generator, rows: int) -> Pair:
    """Errors that both make, and errors of each."""
    labels = random.normal(100, 20, rows)
    shared = random.normal(0, 5, rows)
    first, second = (Answers(labels + shared + random.normal(0, 5, rows)) for _ in range(2))
    return TrueLabels("regression", labels), first, second


METRICS: dict[str, Callable[[np.random.Generator, int], Pair]] = {
    "auc": auc,
    "macro_f1": macro_f1,
    "rmse": rmse,
}


def covers(metric: str, random: np.random.Generator, rows: int, seed: int) -> tuple[bool, float]:
    """Whether the interval holds 0, and how wide it is."""
    labels, *models = METRICS[metric](random, rows)
    first, second = (MEASURES[labels.problem][metric](labels, answers) for answers in models)
    interval = bootstrap(labels, lambda draws: first.value(draws) - second.value(draws), seed=seed)
    assert interval is not None
    return interval["low"] <= 0 <= interval["high"], interval["high"] - interval["low"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--rows", type=int, nargs="+", default=[300, 5000])
    parser.add_argument("--metrics", nargs="+", default=list(METRICS), choices=METRICS)
    options = parser.parse_args()
    missed = 0
    print(f"{'metric':10} {'rows':>6} {'pairs':>6} {'covered':>8} {'mean width':>11} {'s':>6}")
    for rows in options.rows:
        for metric in options.metrics:
            started = time.monotonic()
            random = np.random.default_rng([rows, list(METRICS).index(metric)])
            results = [covers(metric, random, rows, seed) for seed in range(options.pairs)]
            share = sum(held for held, _ in results) / len(results)
            width = float(np.mean([width for _, width in results]))
            missed += not LEAST <= share <= MOST
            seconds = time.monotonic() - started
            print(
                f"{metric:10} {rows:6,} {options.pairs:6,} {share:8.3f} {width:11.4f} "
                f"{seconds:6.0f}",
                flush=True,
            )
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
