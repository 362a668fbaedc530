"""Draws a version's evaluations for `ratchet models VERSION`: metrics over time. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ratchet.cli.views.wording import moment, number
from ratchet.loop import names
from ratchet.loop.evaluations import EvaluationRecord
from ratchet.loop.numbers import LIMITS, score_text

_BARS = "▁▂▃▄▅▆▇█"
_WIDE = 80
_MOST = 60  # points of the spark line, and rows of the table: the newest ones

_OUTCOMES = {
    names.COMPLETED: "[green]fine[/]",
    names.COMPLETED_WITH_VIOLATIONS: "[red]raised the alarm[/]",
    names.TOO_FEW_ROWS: "[dim]too few rows[/]",
}


def series(
    evaluations: Sequence[EvaluationRecord], *, now: datetime, width: int = _WIDE
) -> RenderableType | None:
    """The newest evaluations, oldest first, under a spark line; None when there are none. A narrow
    terminal gets neither data nor intervals: `--json` has them."""
    if not evaluations:
        return None
    shown = evaluations[-_MOST:]
    newest = shown[-1]
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    drawn.add_column("evaluated", overflow="fold")
    wide = width >= _WIDE
    if wide:
        drawn.add_column("data", overflow="fold")
    drawn.add_column("rows", justify="right", no_wrap=True)
    drawn.add_column(escape(newest.metric), justify="right", no_wrap=True)
    if wide:
        drawn.add_column("interval", overflow="fold")
    limit, _ = LIMITS[newest.better]
    drawn.add_column(limit, justify="right", no_wrap=True)
    drawn.add_column("registered", justify="right", no_wrap=True)
    drawn.add_column("", overflow="fold")
    for evaluation in shown:
        drawn.add_row(
            moment(evaluation.time, now),
            *([escape(evaluation.data or evaluation.manifest)] if wide else []),
            number(evaluation.rows),
            _score(evaluation.score),
            *([_interval(evaluation)] if wide else []),
            _score(evaluation.floor),
            _score(evaluation.registered),
            _outcome(evaluation),
        )
    title = f"[bold]evaluations[/] {spark([evaluation.score for evaluation in shown])}"
    if len(shown) < len(evaluations):
        title += f" [dim]the newest {len(shown)} of {len(evaluations):,}[/]"
    return Group(Text.from_markup(title), drawn)


def spark(scores: Sequence[float | None]) -> str:
    """A character a score, from the lowest to the highest of them; × where there is none."""
    numbers = [score for score in scores if score is not None]
    low, high = min(numbers, default=0.0), max(numbers, default=0.0)

    def bar(score: float | None) -> str:
        if score is None:
            return "×"
        if high == low:
            return _BARS[len(_BARS) // 2]
        return _BARS[round((score - low) / (high - low) * (len(_BARS) - 1))]

    return "".join(map(bar, scores))


def _interval(evaluation: EvaluationRecord) -> str:
    if not evaluation.interval:
        return ""
    low, high = (_score(evaluation.interval[end]) for end in ("low", "high"))
    return f"{low} to {high}"


def _score(score: float | None) -> str:
    return number(score) if score is None else score_text(score).replace("-", "−")


def _outcome(evaluation: EvaluationRecord) -> str:
    if evaluation.outcome == names.COMPLETED_WITH_VIOLATIONS and not evaluation.served:
        return "[yellow]no longer served[/]"
    if evaluation.score is None and evaluation.outcome == names.COMPLETED_WITH_VIOLATIONS:
        return f"[red]{escape(evaluation.verdict)}[/]"
    return _OUTCOMES.get(evaluation.outcome, escape(evaluation.outcome))
