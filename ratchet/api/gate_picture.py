"""The gate of a run in a notebook: both scores, the regression with its interval, and the
tolerance. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from ratchet.api import html_parts as parts
from ratchet.loop.numbers import difference_text, interval_text, score_text
from ratchet.views.gates import GateView
from ratchet.views.wording import count

_WIDTH, _HEIGHT, _EDGE = 560.0, 74.0, 48.0
_ROOM = 1.15
"""How much wider the scale is than what it has to show."""


def gate(view: GateView) -> str:
    """A line with the outcome, the numbers, and the regression on a scale."""
    passed = view.passed is True
    word = "passed" if passed else "not passed"
    outcome = parts.coloured(word, parts.GOOD if passed else parts.WARNING)
    about = []
    if view.metric:
        about.append(f"{view.metric} decides, {view.better} is better")
    if view.rows is not None:
        about.append(count(view.rows, "row"))
    return (
        parts.line(f"gate {parts.strong(view.name)}", outcome, parts.soft(" · ".join(about)))
        + parts.facts(_facts(view))
        + (parts.wide(_scale(view, view.regression)) if view.regression is not None else "")
    )


def _facts(view: GateView) -> Iterator[tuple[str, str]]:
    if view.candidate is not None:
        yield "candidate", escape(_score(view.candidate))
    if view.champion is not None:
        yield "champion", escape(_score(view.champion))
    elif view.champion_status is not None:
        yield "champion", escape(view.champion_status)
    if view.regression is not None:
        yield "difference", escape(difference_text(view.regression, like=view.champion))
    if within := interval_text(view.interval, like=view.champion):
        yield "interval", escape(within)
    if view.tolerance is not None:
        yield "tolerance", escape(f"{view.tolerance:.10g}")


def _scale(view: GateView, regression: float) -> str:
    """The regression, worse to the right: what lies left of the tolerance passes."""
    interval = view.interval if {"low", "high"} <= (view.interval or {}).keys() else None
    marks = [0.0, regression, *((interval["low"], interval["high"]) if interval else ())]
    marks += [] if view.tolerance is None else [view.tolerance]
    reach = max(map(abs, marks)) * _ROOM or 1.0

    def x(value: float) -> float:
        return _EDGE + (value + reach) / (2 * reach) * (_WIDTH - 2 * _EDGE)

    return parts.svg(
        _WIDTH,
        _HEIGHT,
        *_ground(view, x(view.tolerance) if view.tolerance is not None else None),
        parts.upright(x(0), 18, 50, parts.SOFT),
        *(_interval(x(interval["low"]), x(interval["high"])) if interval else ()),
        _dot(x(regression)),
        parts.note(x(0), 12, "the same"),
        *([parts.note(x(view.tolerance), 64, "tolerance")] if view.tolerance is not None else []),
        parts.note(4, 38, "better", anchor="start"),
        parts.note(_WIDTH - 4, 38, "worse", anchor="end"),
        title=f"regression {_score(regression)}",
    )


def _ground(view: GateView, limit: float | None) -> Iterator[str]:
    if limit is None:
        return
    yield parts.bar(_EDGE, 22, limit - _EDGE, 24, parts.GOOD, 0.16)
    yield parts.bar(limit, 22, _WIDTH - _EDGE - limit, 24, parts.BAD, 0.16)
    yield parts.upright(limit, 18, 52, parts.WARNING, dashed=True)


def _interval(low: float, high: float) -> tuple[str, ...]:
    line = f'<line x1="{low:.1f}" x2="{high:.1f}" y1="34" y2="34" stroke="currentColor"/>'
    return (
        line,
        parts.upright(low, 29, 39, "currentColor"),
        parts.upright(high, 29, 39, "currentColor"),
    )


def _dot(x: float) -> str:
    return f'<circle cx="{x:.1f}" cy="34" r="5" fill="currentColor"/>'


def _score(value: float) -> str:
    return score_text(value).replace("-", "−")
