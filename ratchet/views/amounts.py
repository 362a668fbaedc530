"""What a run or one of its steps cost."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ratchet.deployment.costs.recorded import RunCost, StepCost


@dataclass(frozen=True, kw_only=True)
class RecordedCost:
    """A recorded cost, in US dollars."""

    cost: Decimal
    saved: Decimal
    """By the cache and by spot capacity, as far as it is known."""
    unknown: int
    """Jobs whose cost is not known; `cost` leaves them out."""


def recorded_cost(cost: RunCost | StepCost | None) -> RecordedCost | None:
    """None: nothing is recorded (yet)."""
    if cost is None:
        return None
    return RecordedCost(cost=cost.cost, saved=cost.saved, unknown=cost.unknown)
