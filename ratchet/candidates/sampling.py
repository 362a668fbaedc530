"""Which rows of an eval slice a trial asks about (pure).

The sample is decided by the content of rows, so that the same slice gives the same rows again, in
whatever order it lists them. They are in the order of their digests, which has nothing to do with
what they say: a trial that stops early has scored a smaller sample, and not another one.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping

import numpy as np
import pandas as pd

from ratchet.candidates.eval_rows import EvalRows
from ratchet.loop.problems import REGRESSION


def sample(rows: EvalRows, size: int) -> EvalRows:
    """As many rows as `size`, of each class its share (and one at least); all where there are
    fewer."""
    digests = row_digests(rows.cells)
    order = np.array(sorted(range(len(digests)), key=digests.__getitem__), dtype=int)
    if size >= len(order):
        return rows.at(order)
    strata = np.zeros(len(order), dtype=int)
    if rows.labels.problem != REGRESSION:
        strata = rows.labels.values
    shares = allocation(Counter(strata.tolist()), size)
    drawn = [position for position in order if _draw(shares, int(strata[position]))]
    return rows.at(np.array(drawn, dtype=int))


def _draw(left: dict[int, int], stratum: int) -> bool:
    left[stratum] -= 1
    return left[stratum] >= 0


def allocation(sizes: Mapping[int, int], total: int) -> dict[int, int]:
    """How many of each stratum are drawn: by largest remainder, and one at least of each while
    `total` has room."""
    everything = sum(sizes.values())
    exact = {stratum: total * size / everything for stratum, size in sizes.items()}
    shares = {stratum: int(share) for stratum, share in exact.items()}
    by_remainder = sorted(exact, key=lambda stratum: (shares[stratum] - exact[stratum], stratum))
    for stratum in by_remainder[: total - sum(shares.values())]:
        shares[stratum] += 1
    for stratum in sorted(stratum for stratum, share in shares.items() if not share):
        largest = max(shares, key=lambda each: (shares[each], -each))
        if shares[largest] > 1:
            shares[largest] -= 1
            shares[stratum] = 1
    return shares


def row_digests(cells: pd.DataFrame) -> list[str]:
    """SHA-256 (hex) of each row's cells; of equal rows also of how many came before."""
    columns = sorted(cells.columns)
    before: Counter[str] = Counter()
    digests = []
    for row in cells[columns].to_numpy(dtype=str):
        text = "\x1e".join(f"{name}\x1f{cell}" for name, cell in zip(columns, row, strict=True))
        digests.append(hashlib.sha256(f"{text}\x1d{before[text]}".encode()).hexdigest())
        before[text] += 1
    return digests
