"""An analysis in a notebook: how far each feature has moved, against how far it may. Pure."""

from __future__ import annotations

from html import escape

from ratchet.api import html_parts as parts
from ratchet.deployment.monitoring.analyses import Distance
from ratchet.loop import names
from ratchet.views.drift import DriftView
from ratchet.views.wording import count

_OUTCOMES = {
    names.COMPLETED: ("no drift", parts.GOOD),
    names.COMPLETED_WITH_VIOLATIONS: ("violations", parts.BAD),
    names.TOO_FEW_ROWS: ("too few rows to say", parts.WARNING),
    "Failed": ("failed", parts.BAD),
}
_WIDTH, _LIMIT, _HEIGHT = 260.0, 80.0, 16.0
"""Of a bar, and where in it the threshold stands: three times as far is its end."""
_MOST = 30
"""Features that are drawn: the farthest first."""


def html(view: DriftView) -> str:
    """The outcome, then a bar for each feature."""
    words, colour = _OUTCOMES.get(view.outcome, (view.outcome, parts.SOFT))
    about = [view.engine, f"{view.started:%Y-%m-%d %H:%M:%S %Z}".rstrip()]
    about += [count(view.rows, "row")] if view.rows is not None else []
    about += [f"alarm {view.alarm.state}"] if view.alarm else []
    shown = view.distances[:_MOST]
    more = len(view.distances) - len(shown)
    return parts.block(
        parts.line("analysis", parts.coloured(words, colour), parts.soft(" · ".join(about))),
        parts.line(escape(view.message)) if view.message else "",
        parts.rows(("feature", "distance", "of the threshold", ""), map(_row, shown))
        if shown
        else "",
        parts.line(parts.soft(f"… and {more:,} more: .distances has all")) if more else "",
        _others(view),
    )


def _row(distance: Distance) -> tuple[str, str, str, str]:
    share = distance.distance / distance.threshold if distance.threshold else None
    return (
        escape(distance.feature),
        f"{distance.distance:.3f} {parts.soft(f'at most {distance.threshold:.3f}')}",
        _bar(distance, share),
        parts.strong("drifted") if distance.exceeds else "",
    )


def _bar(distance: Distance, share: float | None) -> str:
    if share is None:
        return ""
    length = min(share * _LIMIT, _WIDTH)
    colour = parts.BAD if distance.exceeds else parts.SOFT
    return parts.svg(
        _WIDTH + 60,
        _HEIGHT,
        parts.bar(0, 3, length, _HEIGHT - 6, colour, 0.8),
        parts.upright(_LIMIT, 0, _HEIGHT, "currentColor", dashed=True),
        parts.note(max(length, _LIMIT) + 6, 12, f"{share:.1f} ×", anchor="start"),
        title=f"{distance.feature}: {share:.1f} times its threshold",
    )


def _others(view: DriftView) -> str:
    """The violations that are no drift."""
    drawn = {distance.feature for distance in view.distances if distance.exceeds}
    lines = [
        (escape(v.feature), escape(v.check), parts.soft(v.description))
        for v in view.violations
        if v.feature not in drawn
    ]
    return parts.rows(("feature", "check", ""), lines) if lines else ""
