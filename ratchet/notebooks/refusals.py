"""Why a step cannot be promoted: the place, the reason, and what to edit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ratchet.notebooks.cells import Cell
from ratchet.notebooks.errors import NotebookError


@dataclass(frozen=True)
class Refusal:
    """One reason.

    Attributes:
        where: the place for people, such as `cell 3, line 2`; "" when it is no one place.
        reason: what stands against the promotion.
        edit: what to change; "" when the reason says it.
        cell: the cell's index, from 0; None when it is no one place.
        line: the line in the cell, from 1.
    """

    where: str
    reason: str
    edit: str = ""
    cell: int | None = None
    line: int = 1

    def __str__(self) -> str:
        text = f"{self.where}: {self.reason}" if self.where else self.reason
        return f"{text}; {self.edit}" if self.edit else text

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def refusal(cell: Cell, line: int, reason: str, edit: str = "") -> Refusal:
    """A refusal of what stands on a line of a cell."""
    return Refusal(cell.where(line), reason, edit, cell.index, line)


class NotPromotableError(NotebookError):
    """The step cannot be promoted as it is."""

    def __init__(self, step: str, refusals: Sequence[Refusal]) -> None:
        self.step, self.refusals = step, tuple(refusals)
        super().__init__("\n".join(self._lines()))

    def _lines(self) -> Iterator[str]:
        yield f"the step `{self.step}` cannot be promoted as it is; nothing was written"
        for each in self.refusals:
            yield f"  - {each}"
