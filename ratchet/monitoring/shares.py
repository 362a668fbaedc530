"""Whether a share of values has grown since the baseline by more than chance makes.

Model Monitor compares the share itself with a constant, which another sample of the same data
misses about half of the time. Here a share has grown when both of this holds:

    chance   Fisher's exact test of the two samples says so, by Holm's method over all of an
             analysis: one false alarm in a hundred analyses (chance.ALPHA), whatever their size
    effect   it has grown by a point at least (EFFECT)

Where a person has set a limit, the baseline counts as if its rows had just met that limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ratchet.monitoring.chance import ALPHA, holm, more_often, odds

EFFECT = 0.01
"""One point: a complete column may lose a value in twenty thousand rows."""

_ROUNDING = 1e-12


@dataclass(frozen=True)
class ShareComparison:
    """`seen` of `rows` here, and `seen_before` of `rows_before` in the baseline or by a limit.

    `lead` is Model Monitor's own sentence; `what` follows "3 of 300 rows", in our sentence.
    """

    feature: str
    check: str
    lead: str
    what: str
    seen: int
    rows: int
    seen_before: int
    rows_before: int
    is_limit: bool = False
    clumps: int = 0
    """Above 0: what is seen comes in clumps of rows, so fewer rows than there are speak."""

    @cached_property
    def p_value(self) -> float:
        if not self.clumps:
            return more_often(self.seen, self.rows, self.seen_before, self.rows_before)
        size = self.rows_before / (self.rows_before + self.clumps * self.rows)
        return more_often(
            int(self.seen * size), int(self.rows * size), self.seen_before, self.rows_before
        )

    @property
    def growth(self) -> float:
        return _ratio(self.seen, self.rows) - _ratio(self.seen_before, self.rows_before)

    @property
    def description(self) -> str:
        before = _counted(self.seen_before, self.rows_before)
        before = f"the limit is {before}" if self.is_limit else f"in the baseline {before}"
        return (
            f"{self.lead}{self.feature}: {_counted(self.seen, self.rows)} {self.what}; {before}. "
            f"Without a change this happens {odds(self.p_value)}."
        )

    def document(self) -> dict[str, object]:
        return {
            "feature_name": self.feature,
            "constraint_check_type": self.check,
            "count": self.seen,
            "rows": self.rows,
            "baseline_count": self.seen_before,
            "baseline_rows": self.rows_before,
            "p_value": self.p_value,
        }


def grown(shares: Sequence[ShareComparison], *, tests: int) -> list[bool]:
    """Which shares have grown; `tests` is how many tests of any kind the analysis makes."""
    alpha = ALPHA * len(shares) / max(tests, 1)
    significant = holm([share.p_value for share in shares], alpha)
    return [
        beyond_chance and share.growth >= EFFECT - _ROUNDING
        for share, beyond_chance in zip(shares, significant, strict=True)
    ]


def _counted(count: int, rows: int) -> str:
    return f"{count:,} of {rows:,} rows ({100 * _ratio(count, rows):.3g} %)"


def _ratio(count: int, rows: int) -> float:
    return count / rows if rows else 0.0
