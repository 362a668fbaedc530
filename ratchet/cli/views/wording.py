"""States as marks and colours of a terminal, beside numbers and times in words. Pure."""

from __future__ import annotations

from ratchet.views.wording import count, duration, moment, number, shortened, size

__all__ = ["MARKS", "STYLES", "count", "duration", "moment", "number", "shortened", "size"]

MARKS = {
    "Succeeded": "[green]✓[/]",
    "Failed": "[red]✗[/]",
    "Stopped": "[yellow]■[/]",
    "Stopping": "[yellow]■[/]",
    "Executing": "[cyan]●[/]",
    "Starting": "[cyan]●[/]",
    "waiting": "[dim]○[/]",
    "not reached": "[dim]·[/]",
}
STYLES = {
    "Succeeded": "green",
    "Failed": "red",
    "Stopped": "yellow",
    "Stopping": "yellow",
    "Executing": "cyan",
    "Starting": "cyan",
}
