"""The quantile sketch of a numerical feature: `distribution.kll.sketch` of statistics.json.

A sketch is a list of levels; an item of level h stands for 2**h rows of the column. Deequ, which
Model Monitor is built on, reads a sketch by exactly these weights (`QuantileNonSample.getRankMap`),
so a sketch written here can be read there and the other way round.

Model Monitor fills the levels while rows stream past, with random choices. Here the column is at
hand, sorted, so the choice is made once and without chance: the column is cut into runs of 2**H
rows and each run is represented by its middle row; what remains at the end is cut into shorter
runs, one for each binary digit. The weights add up to the row count, the same rows in any order
give the same sketch, and no rank is off by more than half a run: at most 1/K of the rows, where a
streaming sketch only promises that with high probability.

Shape of the file: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-byoc-statistics.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ratchet.monitoring.columns import Floats

# Model Monitor's own parameters. K bounds the number of items; C is the shrinking factor of a
# streaming sketch's levels, written because readers expect it and used by nothing here.
K = 2048
C = 0.64


@dataclass(frozen=True)
class Sketch:
    """levels[h] holds the items that stand for 2**h rows each."""

    levels: tuple[Floats, ...]

    @property
    def rows(self) -> int:
        return sum(len(items) << height for height, items in enumerate(self.levels))

    def distribution(self) -> tuple[Floats, Floats]:
        """Distinct items, ascending, and the share of rows that are no greater than each."""
        values = np.concatenate(self.levels)
        weights = np.concatenate(
            [np.full(len(items), 1 << height) for height, items in enumerate(self.levels)]
        )
        order = np.argsort(values, kind="stable")
        values, cumulated = values[order], np.cumsum(weights[order])
        last_of_ties = np.append(values[1:] != values[:-1], True)
        return values[last_of_ties], cumulated[last_of_ties] / cumulated[-1]

    def document(self) -> dict[str, Any]:
        return {
            "parameters": {"c": C, "k": float(K)},
            "data": [items.tolist() for items in self.levels],
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Sketch:
        """Read `distribution.kll.sketch`, whoever wrote it."""
        return cls(tuple(np.asarray(items, dtype=np.float64) for items in document["data"]))

    @classmethod
    def of_sorted(cls, values: Floats, *, k: int = K) -> Sketch:
        """The sketch of a whole column: finite values in ascending order, at least one."""
        height = max(0, (-(-len(values) // k) - 1).bit_length())
        run = 1 << height
        cut = len(values) - len(values) % run
        levels = [np.empty(0)] * height + [values[:cut][(run - 1) // 2 :: run].copy()]
        for lower in reversed(range(height)):
            length = 1 << lower
            if len(values) - cut >= length:
                levels[lower] = values[cut + (length - 1) // 2 : cut + (length - 1) // 2 + 1].copy()
                cut += length
        return cls(tuple(levels))


def largest_gap(current: Sketch, baseline: Sketch) -> float:
    """L-infinity distance: the largest difference between the two cumulative distributions, 0 to 1.

    Both are step functions, so the difference is largest at one of their steps.
    """
    current_values, current_shares = current.distribution()
    baseline_values, baseline_shares = baseline.distribution()
    steps = np.union1d(current_values, baseline_values)
    gap = _share_up_to(steps, current_values, current_shares) - _share_up_to(
        steps, baseline_values, baseline_shares
    )
    return float(np.abs(gap).max())


def _share_up_to(points: Floats, values: Floats, shares: Floats) -> Floats:
    positions = np.searchsorted(values, points, side="right")
    return np.concatenate(([0.0], shares))[positions]
