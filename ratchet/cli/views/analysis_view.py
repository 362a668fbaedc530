"""Draws `ratchet monitor show`. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ratchet.cli.views import distributions
from ratchet.cli.views.model_view import copyable
from ratchet.cli.views.status_view import alarm
from ratchet.cli.views.wording import count, duration, moment
from ratchet.deployment.monitoring.analyses import Analysis
from ratchet.deployment.standing import Alarm
from ratchet.loop import names

_OUTCOMES = {
    names.COMPLETED: ("green", "no drift"),
    names.COMPLETED_WITH_VIOLATIONS: ("red", "violations"),
    names.TOO_FEW_ROWS: ("yellow", "too few rows to say"),
    "Failed": ("red", "failed"),
}
PICTURES = 8
"""Drifted features that get a picture; the table names them all."""


def document(
    analysis: Analysis, *, drift: Alarm | None, now: datetime, pictures: int = PICTURES
) -> list[RenderableType]:
    """The outcome, the violations, pictures of what drifted, and the alarm."""
    parts: list[RenderableType] = [heading(analysis, now=now)]
    if analysis.violations:
        parts.append(violations(analysis))
    drawn = list(_pictures(analysis, pictures))
    if drawn:
        parts.append(_plain("\n".join([*drawn, ""])))
    if drift is not None:
        parts.append(Text.from_markup(f"[bold]drift alarm[/] {alarm(drift, now)}"))
    return parts


def heading(analysis: Analysis, *, now: datetime) -> RenderableType:
    """`analysis CompletedWithViolations`, then its traffic and the location of its reports."""
    style, words = _OUTCOMES.get(analysis.outcome, ("cyan", analysis.outcome))
    source = analysis.source
    took = (
        f" · took {duration((analysis.ended - source.started).total_seconds())}"
        if analysis.ended
        else ""
    )
    rows = f" · {count(analysis.rows, 'row')}" if analysis.rows is not None else ""
    lines = [
        f"[bold]analysis[/] [{style}]{words}[/]",
        f"  [dim]{source.engine} · {moment(source.started, now)}{took}{rows} · "
        f"{escape(source.job)}[/]",
    ]
    if analysis.message:
        lines.append(f"  {escape(analysis.message)}")
    if analysis.report_uri:
        lines.append(f"  [dim]reports   {escape(analysis.report_uri)}/[/]")
    if analysis.baseline_uri:
        lines.append(f"  [dim]baseline  {escape(analysis.baseline_uri)}[/]")
    return copyable(lines)


def violations(analysis: Analysis) -> Table:
    """One line for each violation, drift first with its distance."""
    distances = {d.feature: d for d in analysis.distances}
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    drawn.add_column("feature", no_wrap=True)
    drawn.add_column("check", no_wrap=True)
    drawn.add_column("distance", justify="right", no_wrap=True)
    drawn.add_column("at most", justify="right", no_wrap=True)
    drawn.add_column("", overflow="fold")
    ordered = sorted(
        analysis.violations,
        key=lambda v: (v.check != "baseline_drift_check", _rank(v.feature, analysis)),
    )
    for violation in ordered:
        distance = distances.get(violation.feature)
        drift = violation.check == "baseline_drift_check"
        drawn.add_row(
            escape(violation.feature),
            violation.check.removesuffix("_check").replace("_", " "),
            f"{distance.distance:.3f}" if drift and distance else "",
            f"{distance.threshold:.3f}" if drift and distance else "",
            "" if drift and distance else escape(violation.description),
        )
    return drawn


def _rank(feature: str, analysis: Analysis) -> int:
    features = [distance.feature for distance in analysis.distances]
    return features.index(feature) if feature in features else len(features)


def _pictures(analysis: Analysis, most: int) -> Iterator[str]:
    """The drifted features, then those with values that the baseline does not know."""
    unknown = [v.feature for v in analysis.violations if v.check == "categorical_values_check"]
    features = list(dict.fromkeys([*analysis.drifted, *unknown]))
    shown = features[:most]
    widest = max((len(name) for name in shown), default=0)
    for name in shown:
        drawn = distributions.picture(
            distributions.feature_of(analysis.baseline, name),
            distributions.feature_of(analysis.statistics, name),
        )
        if drawn is not None:
            yield from distributions.lines(f"{name:{widest}}", drawn)
    if len(features) > most:
        yield f"  … and {len(features) - most} more: --pictures {len(features)}"


def _plain(text: str) -> RenderableType:
    """Lines that a narrow terminal cuts rather than folds: a folded picture is none."""
    drawn = Text(text)
    drawn.no_wrap, drawn.overflow = True, "crop"
    return Group(drawn)
