"""An analysis in a notebook: how far each feature has moved, against how far it may. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from ratchet.api import html_parts as parts
from ratchet.deployment.monitoring.analyses import Distance
from ratchet.loop import names
from ratchet.views.drift import ALARM_WORDS, DriftView
from ratchet.views.wording import count

_OUTCOMES = {
    names.COMPLETED: ("no drift", parts.GOOD),
    names.COMPLETED_WITH_VIOLATIONS: ("violations", parts.BAD),
    names.TOO_FEW_ROWS: ("too few rows to say", parts.WARNING),
    "Failed": ("failed", parts.BAD),
}
_WIDTH, _HEIGHT = 260.0, 16.0
"""Of a bar."""
_LEAST, _FARTHEST = 3.0, 20.0
"""How many times the threshold a bar holds, at least and at most; what is farther is cut."""
_MOST = 30
"""Features that are drawn: the farthest first."""


def html(view: DriftView) -> str:
    """The outcome, then a bar for each feature."""
    words, colour = _OUTCOMES.get(view.outcome, (view.outcome, parts.SOFT))
    about = [view.engine, f"{view.started:%Y-%m-%d %H:%M:%S %Z}".rstrip()]
    about += [count(view.rows, "row")] if view.rows is not None else []
    if view.alarm:
        about.append(f"drift alarm: {ALARM_WORDS.get(view.alarm.state, view.alarm.state)}")
    shown = view.distances[:_MOST]
    more = len(view.distances) - len(shown)
    return parts.block(
        parts.line("analysis", parts.coloured(words, colour), parts.soft(" · ".join(about))),
        parts.line(escape(view.message)) if view.message else "",
        parts.rows(("feature", "distance", "of the threshold", ""), _rows(shown)) if shown else "",
        parts.line(parts.soft(f"… and {more:,} more: .distances has all")) if more else "",
        _others(view),
    )


def _rows(distances: Sequence[Distance]) -> Iterator[tuple[str, str, str, str]]:
    shares = [d.distance / d.threshold if d.threshold else None for d in distances]
    farthest = max((share for share in shares if share is not None), default=0.0)
    limit = _WIDTH / min(max(farthest, _LEAST), _FARTHEST)
    for distance, share in zip(distances, shares, strict=True):
        yield (
            escape(distance.feature),
            f"{distance.distance:.3f} {parts.soft(f'at most {distance.threshold:.3f}')}",
            "" if share is None else _bar(distance, share, limit),
            parts.strong("drifted") if distance.exceeds else "",
        )


def _bar(distance: Distance, share: float, limit: float) -> str:
    """`limit`: where the threshold stands."""
    length = min(share * limit, _WIDTH)
    colour = parts.BAD if distance.exceeds else parts.SOFT
    return parts.svg(
        _WIDTH + 60,
        _HEIGHT,
        parts.bar(0, 3, length, _HEIGHT - 6, colour, 0.8),
        parts.upright(limit, 0, _HEIGHT, "currentColor", dashed=True),
        parts.note(max(length, limit) + 6, 12, f"{share:.1f} ×", anchor="start"),
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
