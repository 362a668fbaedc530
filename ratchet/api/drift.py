"""An analysis of the captured traffic, as a notebook reads it."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from ratchet.api import tables

if TYPE_CHECKING:
    import pandas as pd

    from ratchet.views.drift import AlarmView, DriftView


class DriftResult:
    """The newest analysis of the captured traffic."""

    def __init__(self, detail: DriftView) -> None:
        self._detail = detail

    def __repr__(self) -> str:
        drifted = ", ".join(self.drifted) or "none"
        return f"<drift {self.outcome}, features that drifted: {drifted}>"

    @property
    def detail(self) -> DriftView:
        """Everything that `ratchet monitor show --json` prints, as one frozen dataclass."""
        return self._detail

    @property
    def outcome(self) -> str:
        """`Completed`, `CompletedWithViolations`, `TooFewRows`, `Failed` or `InProgress`."""
        return self._detail.outcome

    @property
    def started(self) -> datetime:
        return self._detail.started

    @property
    def rows(self) -> int | None:
        """Rows of captured traffic; None: not known."""
        return self._detail.rows

    @property
    def drifted(self) -> tuple[str, ...]:
        """The features whose distribution moved too far, the farthest first."""
        return self._detail.drifted

    @property
    def alarm(self) -> AlarmView | None:
        """The drift alarm: its `state` is `OK`, `ALARM` or `INSUFFICIENT_DATA`."""
        return self._detail.alarm

    @cached_property
    def distances(self) -> pd.DataFrame:
        """How far each compared feature has moved, and how far it may; the farthest first.

        Columns: feature, method, distance, threshold, exceeds.
        """
        return tables.table(self._detail.distances, tables.DISTANCES)

    @cached_property
    def violations(self) -> pd.DataFrame:
        """The constraints of the baseline that the traffic breaks.

        Columns: feature, check, description.
        """
        return tables.table(self._detail.violations, tables.VIOLATIONS)

    def _repr_html_(self) -> str:
        from ratchet.api.drift_picture import html

        return html(self._detail)
