"""Draws cost allocation tags."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from ratchet.deployment.costs.allocation_tags import AllocationTag

_SHOWN = {
    "active": "[green]✓ active[/]",
    "inactive": "[yellow]○ not active[/]",
    "not seen": "[dim]· not seen yet[/]",
}


def table(tags: Sequence[AllocationTag]) -> Table:
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("tag", "as a cost allocation tag", "last used"):
        drawn.add_column(title, header_style="dim")
    for tag in tags:
        drawn.add_row(tag.key, _SHOWN[tag.status], tag.used)
    return drawn
