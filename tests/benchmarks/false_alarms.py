"""False alarms and power of the analyses: the rates that docs/guides/drift-analysis.md promises.

    python tests/benchmarks/false_alarms.py [--analyses 300] [--rows 100 300 1000 3000 8000]

The flights of February, as the demo's eval slice holds them, are both baseline and traffic:
a sample of n rows against all others of the month, with the constraints and the thresholds that the
project's own baseline step writes. Nothing has changed, so every violation is a false alarm.
Then one thing is changed, or the traffic is July's, and every analysis without a violation of that
column misses it. Answers of a model are drawn with labels of a given rarity, quality unchanged.
Exit status 1: false alarms in more than 1 % of analyses (with 95 % confidence).
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path[0] = str(ROOT)

from demo.flights import write_month
from ratchet.monitoring.baseline import Baseline
from ratchet.monitoring.comparison import DatasetComparison, compare
from ratchet.monitoring.constraints import suggest
from ratchet.monitoring.datasets import TableDataset, read_csv
from ratchet.monitoring.model_quality import (
    Quality,
    binary_quality,
    compare_quality,
    suggest_quality,
)
from ratchet.monitoring.profiles import profile

ALLOWED = 0.01
# The project's own: config/*.toml and ratchet/settings/schema.py.
EXCLUDED = ["late", "year", "month", "day", "time_hour"]
THRESHOLD = 0.1

Change = Callable[[pa.Table, np.random.Generator], pa.Table]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--analyses", type=int, default=300)
    parser.add_argument("--rows", type=int, nargs="+", default=[100, 300, 1000, 3000, 8000])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        february, july = (eval_slice(month, Path(scratch)) for month in (2, 7))
    too_many = drift_alarms(february, options.rows, options.analyses)
    too_many += quality_alarms(options.analyses)
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


def quality_alarms(analyses: int) -> int:
    """The same for the answers of a classifier, of unchanged quality."""
    too_many = 0
    write("\nModel quality, 10,000 answers in the baseline\n")
    write("| positives | rows | alarms | of | share | metrics |\n|---|---|---|---|---|---|\n")
    for positives in (0.01, 0.05, 0.2, 0.5):
        for rows in (100, 300, 1000, 10_000):
            random = np.random.default_rng(rows)
            alarms, metrics = 0, Counter[str]()
            for _ in range(analyses):
                baseline = answers(random, 10_000, positives)
                violations = compare_quality(
                    answers(random, rows, positives),
                    suggest_quality(baseline),
                    statistics=baseline.statistics(),
                ).violations
                alarms += bool(violations)
                metrics.update(violation["metric_name"] for violation in violations)
            too_many += exceeds(alarms, analyses)
            names = dict(metrics.most_common(4))
            write(f"| {positives:.0%} | {rows:,} | {share(alarms, analyses)} | {names} |\n")
    return too_many


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


def answers(random: np.random.Generator, rows: int, positives: float) -> Quality:
    """Recall 0.4 at the threshold, precision by the rarity of positives."""
    labels = random.random(rows) < positives
    scores = np.where(labels, 0.45, 0.2) + 0.2 * random.standard_normal(rows)
    return binary_quality(labels, np.clip(scores, 0, 1))


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
