"""False alarms and power of the analyses: the rates that docs/guides/drift-analysis.md promises.

    python tests/benchmarks/false_alarms.py [--analyses 300] [--rows 100 300 1000 3000 8000]
                                            [--only drift quality power]

The flights of February, as the demo's eval slice holds them, are both baseline and traffic:
a sample of n rows against all others of the month, with the constraints and the thresholds that the
project's own baseline step writes. Nothing has changed, so every violation is a false alarm.
Then one thing is changed, or the traffic is July's, and every analysis without a violation of that
column misses it.

Answers of models of each problem are drawn with labels, quality unchanged, for the baseline and for
a window: how often any metric is worse, first than the baseline's value itself, then than the
threshold that is written for Model Monitor's engine, then by our analysis. And with answers that
are worse, how often our analysis says so.
Exit status 1: false alarms in more than 1 % of analyses (with 95 % confidence).
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path[0] = str(ROOT)

from demo.flights import write_month
from ratchet.judging.answers import Answers, TrueLabels
from ratchet.loop.problems import PROBLEMS
from ratchet.monitoring.baseline import Baseline
from ratchet.monitoring.comparison import DatasetComparison, compare
from ratchet.monitoring.constraints import suggest
from ratchet.monitoring.datasets import TableDataset, read_csv
from ratchet.monitoring.findings import MINIMUM_ROWS
from ratchet.monitoring.model_quality import compare_quality
from ratchet.monitoring.profiles import profile
from ratchet.monitoring.quality_baseline import suggested
from ratchet.monitoring.quality_metrics import BELOW, Quality, quality_of, worse_sides
from ratchet.monitoring.quality_rows import LabelCoverage, QualityRows
from tests.unit.monitoring.labelled import baseline_of as quality_baseline_of

ALLOWED = 0.01
# The project's own: config/*.toml and ratchet/settings/schema.py.
EXCLUDED = ["late", "year", "month", "day", "time_hour"]
THRESHOLD = 0.1

PARTS = ["drift", "quality", "power"]

Draw = Callable[[int, np.random.Generator, float], Quality]
"""Rows, random numbers, and how much worse than usual the answers are."""
Change = Callable[[pa.Table, np.random.Generator], pa.Table]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--analyses", type=int, default=300)
    parser.add_argument("--rows", type=int, nargs="+", default=[100, 300, 1000, 3000, 8000])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    options = parser.parse_args()
    too_many = 0
    with tempfile.TemporaryDirectory() as scratch:
        if {"drift", "power"} & set(options.only):
            february, july = (eval_slice(month, Path(scratch)) for month in (2, 7))
        if "drift" in options.only:
            too_many += drift_alarms(february, options.rows, options.analyses)
        if "quality" in options.only:
            too_many += quality_alarms(Path(scratch), options.analyses)
        if "power" in options.only:
            power(february, july, max(20, options.analyses // 5))
    return 1 if too_many else 0


def eval_slice(month: int, scratch: Path) -> pa.Table:
    """The columns that are compared, of the eval slice of a training on two months."""
    raw, slice_ = scratch / f"raw-{month}", scratch / f"eval-{month}"
    for drop in (month - 1, month):
        write_month(drop, raw)
    folders: list[str | Path] = ["--raw", raw, "--train", scratch / "train", "--eval", slice_]
    prepare = next(ROOT.glob("steps/**/prepare.py"))
    subprocess.run([sys.executable, prepare, *folders], check=True, capture_output=True)
    table = read_csv([slice_ / "eval.csv"]).table.drop_columns(EXCLUDED)
    return table.unify_dictionaries().combine_chunks()


def drift_alarms(month: pa.Table, sizes: list[int], analyses: int) -> int:
    """Print a line for each number of rows; return how many lines are above what is allowed."""
    too_many = 0
    write(f"\nFebruary against the others of its month, {month.num_columns} columns\n")
    write("| rows | baseline's rows | alarms | of | share | checks |\n|---|---|---|---|---|---|\n")
    for rows in sizes:
        random = np.random.default_rng(rows)
        alarms, checks = 0, Counter[str]()
        for _ in range(analyses):
            order = random.permutation(len(month))
            traffic, remainder = (
                month.take(pa.array(order[:rows])),
                month.take(pa.array(order[rows:])),
            )
            violations = analyze(traffic, baseline_of(remainder)).violations
            alarms += bool(violations)
            checks.update({violation.check for violation in violations})
        too_many += exceeds(alarms, analyses)
        write(f"| {rows:,} | {len(remainder):,} | {share(alarms, analyses)} | {dict(checks)} |\n")
    whole, random = baseline_of(month), np.random.default_rng(1)
    write("\nSamples of the eval slice itself\n| rows | alarms | of | share |\n|---|---|---|---|\n")
    for rows in sizes:
        alarms = sum(
            bool(analyze(sample(month, rows, random), whole).violations) for _ in range(analyses)
        )
        too_many += exceeds(alarms, analyses)
        write(f"| {rows:,} | {share(alarms, analyses)} |\n")
    return too_many


def quality_alarms(scratch: Path, analyses: int) -> int:
    """The same for the answers of models, and the power where they are worse."""
    too_many = 0
    write(f"\nModel quality: windows with an alarm, {analyses} each\n")
    write("| answers | baseline, window | than the value | than the threshold | by the analysis |")
    write(" worse answers |\n|---|---|---|---|---|---|\n")
    for name, (draw, worse) in MODELS.items():
        for before, after in ((300, 300), (3000, 300), (3000, 3000)):
            random = np.random.default_rng(before + after)
            alarms = np.zeros(4)
            for _ in range(analyses):
                first, second = draw(before, random, 1.0), draw(after, random, 1.0)
                baseline = quality_baseline_of(first, scratch / "quality")
                alarms += [
                    exceeded(second, values_of(first)),
                    exceeded(second, suggested(first, minimum_rows=MINIMUM_ROWS)),
                    bool(compare_quality(second, baseline).violations),
                    bool(compare_quality(draw(after, random, worse), baseline).violations),
                ]
            too_many += exceeds(int(alarms[2]), analyses)
            shares = " | ".join(f"{alarm / analyses:.1%}" for alarm in alarms)
            write(f"| {name} | {before:,}, {after:,} | {shares} |\n")
    return too_many


def exceeded(quality: Quality, constraints: Mapping[str, Any]) -> bool:
    """Whether any metric is worse than the threshold itself: what an engine does that knows no
    chance."""
    limits = constraints[PROBLEMS[quality.problem].constraints]
    for name, limit in limits.items():
        value, threshold = quality.value(name), limit["threshold"]
        if value is not None and (
            value < threshold if limit["comparison_operator"] == BELOW else value > threshold
        ):
            return True
    return False


def values_of(quality: Quality) -> dict[str, Any]:
    """Constraints without a margin."""
    return {
        PROBLEMS[quality.problem].constraints: {
            name: {"threshold": quality.value(name), "comparison_operator": side}
            for name, side in worse_sides(quality.problem).items()
            if quality.value(name) is not None
        }
    }


def classifier(positives: float) -> Draw:
    """Scores of which the noise grows."""

    def draw(rows: int, random: np.random.Generator, worse: float) -> Quality:
        labels = (random.random(rows) < positives).astype(int)
        scores = np.where(labels, 0.55, 0.25) + 0.2 * worse * random.standard_normal(rows)
        truth = TrueLabels("binary", labels, ("0", "1"))
        return measured(truth, Answers(np.clip(scores, 0, 1)))

    return draw


def classes(*shares: float) -> Draw:
    """A tenth of the answers is any class; times `worse`."""
    names = tuple(map(str, range(len(shares))))

    def draw(rows: int, random: np.random.Generator, worse: float) -> Quality:
        labels = random.choice(len(shares), rows, p=shares)
        others = random.integers(len(shares), size=rows)
        answers = np.where(random.random(rows) < 0.1 * worse, others, labels)
        return measured(TrueLabels("multiclass", labels, names), Answers(answers, names))

    return draw


def numbers(noise: Callable[[np.random.Generator, int], np.ndarray[Any, Any]]) -> Draw:
    """Errors of which the size grows."""

    def draw(rows: int, random: np.random.Generator, worse: float) -> Quality:
        labels = random.normal(0, 2, rows)
        answers = labels + worse * noise(random, rows)
        return measured(TrueLabels("regression", labels), Answers(answers))

    return draw


def counts(rows: int, random: np.random.Generator, worse: float) -> Quality:
    """The error grows with the label, as it does of numbers of bikes."""
    labels = random.gamma(2, 50, rows)
    answers = labels * np.exp(random.normal(0, 0.4 * worse, rows))
    return measured(TrueLabels("regression", labels), Answers(answers))


def measured(labels: TrueLabels, answers: Answers) -> Quality:
    return quality_of(QualityRows(labels, answers, LabelCoverage(rows=labels.rows)))


MODELS: Mapping[str, tuple[Draw, float]] = {
    "binary, 1 % positive": (classifier(0.01), 1.5),
    "binary, 5 % positive": (classifier(0.05), 1.5),
    "binary, 50 % positive": (classifier(0.5), 1.5),
    "ten even classes": (classes(*[0.1] * 10), 1.5),
    "three uneven classes": (classes(0.9, 0.08, 0.02), 1.5),
    "numbers, normal errors": (numbers(lambda random, n: random.normal(size=n)), 1.15),
    "numbers, errors of t3": (numbers(lambda random, n: random.standard_t(3, size=n)), 1.15),
    "counts, errors in proportion": (counts, 1.15),
}


def power(february: pa.Table, july: pa.Table, analyses: int) -> None:
    """How many analyses name the column that has changed."""
    changes: list[tuple[str, str, pa.Table, Change]] = [
        ("July against February", "temp", july, lambda table, _: table),
        ("missing 0 → 2 %", "distance", february, without("distance", 0.02)),
        ("missing 0 → 5 %", "distance", february, without("distance", 0.05)),
        ("missing 16 → 21 %", "plane_year", february, without("plane_year", 0.06)),
        ("all missing", "distance", february, without("distance", 1.0)),
        ("temperature in °C", "temp", february, celsius),
    ]
    sizes = (300, 2000)
    write("\nPower: analyses that name the column\n")
    write(f"| change | column | {' | '.join(f'{rows:,} rows' for rows in sizes)} |\n")
    write("|---|---|---|---|\n")
    for label, column, source, change in changes:
        shares = []
        for rows in sizes:
            random, seen = np.random.default_rng(rows), 0
            for _ in range(analyses):
                order = random.permutation(len(february))
                baseline = baseline_of(february.take(pa.array(order[10_000:])))
                pool = source if source is not february else source.take(pa.array(order[:10_000]))
                traffic = change(sample(pool, rows, random), random)
                violations = analyze(traffic, baseline).violations
                seen += column in {violation.feature for violation in violations}
            shares.append(f"{seen / analyses:.0%}")
        write(f"| {label} | {column} | {' | '.join(shares)} |\n")
    write(f"\n({analyses} analyses each)\n")


def without(column: str, lost: float) -> Change:
    def change(table: pa.Table, random: np.random.Generator) -> pa.Table:
        mask = pa.array(random.random(len(table)) < lost)
        values = table.column(column).combine_chunks()
        emptied = pa.compute.if_else(mask, pa.scalar(None, values.type), values)
        return table.set_column(table.column_names.index(column), column, emptied)

    return change


def celsius(table: pa.Table, _: np.random.Generator) -> pa.Table:
    values = pa.compute.multiply(pa.compute.subtract(table.column("temp"), 32.0), 5 / 9)
    return table.set_column(table.column_names.index("temp"), "temp", values)


def sample(table: pa.Table, rows: int, random: np.random.Generator) -> pa.Table:
    return table.take(pa.array(random.permutation(len(table))[:rows]))


def baseline_of(table: pa.Table) -> Baseline:
    described = profile(TableDataset(table))
    constraints = suggest(described, threshold=THRESHOLD, domain_threshold=1 - THRESHOLD)
    return Baseline(described.statistics(), constraints)


def analyze(table: pa.Table, baseline: Baseline) -> DatasetComparison:
    return compare(profile(TableDataset(table), expected=baseline.types), baseline)


def share(alarms: int, analyses: int) -> str:
    return f"{alarms} | {analyses} | {alarms / analyses:.1%}"


def exceeds(alarms: int, analyses: int) -> bool:
    """More than the 95 % point of the binomial distribution with the share that is allowed."""
    below = sum(
        math.comb(analyses, i) * ALLOWED**i * (1 - ALLOWED) ** (analyses - i) for i in range(alarms)
    )
    return below > 0.95


def write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
