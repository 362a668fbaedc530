"""Draws `ratchet models`. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ratchet.cli.views.wording import moment, shortened
from ratchet.deployment.registry.versions import ModelVersion
from ratchet.loop import names, packages
from ratchet.loop.numbers import difference_text, score_text
from ratchet.loop.versions import COMPLETE

EDIT = "by hand, from an edit"
APPROVALS = {
    "Approved": "[green]approved[/]",
    "Rejected": "[red]rejected[/]",
    packages.PENDING: "[yellow]waits for approval[/]",
}


_JUDGED = {
    packages.METRIC_KEY,
    packages.BETTER_KEY,
    packages.CANDIDATE_SCORE_KEY,
    packages.THRESHOLD_KEY,
    packages.CHAMPION_VERSION_KEY,
    packages.CHAMPION_STATUS_KEY,
    packages.REGRESSION_KEY,
}
"""Metadata that stands in a line of its own, in words."""


def table(
    versions: Sequence[ModelVersion], *, serving: int | None, now: datetime, width: int
) -> RenderableType:
    """Newest first, as given; `serving` is marked. Why a deployment failed follows below."""
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    drawn.add_column("", width=1)
    drawn.add_column("version", justify="right", no_wrap=True)
    drawn.add_column("registered", no_wrap=True)
    drawn.add_column("approval", overflow="fold")
    scores = {v.version: packages.registered_score(v.metadata) for v in versions}
    metrics = {score.metric for score in scores.values() if score}
    drawn.add_column(*metrics if len(metrics) == 1 else ["score"], justify="right", no_wrap=True)
    drawn.add_column("against", overflow="fold")
    failures = []
    for version in versions:
        drawn.add_row(
            "[green]●[/]" if version.version == serving else "",
            str(version.version),
            moment(version.created, now) if version.created else "",
            ", ".join(
                [APPROVALS.get(version.approval, version.approval), *_remarks(version, serving)]
            ),
            _score(scores[version.version], named=len(metrics) > 1),
            against(version),
        )
        if version.failed:
            reason = escape(shortened(version.failure, width))
            failures.append(
                f"version {version.version}: [red]deployment failed[/] "
                f"{moment(version.failed, now)}: {reason}"
            )
    return Group(drawn, *map(Text.from_markup, failures)) if failures else drawn


def _remarks(version: ModelVersion, serving: int | None) -> Iterator[str]:
    if version.version == serving:
        yield "[green]serves[/]"
    if version.status != COMPLETE:
        yield f"[red]cannot serve: its package is {escape(version.status)}[/]"
    if version.of_edit:
        yield "from an edit"
    if version.failed:
        yield "[red]deployment failed[/]"


def _score(score: packages.Score | None, *, named: bool) -> str:
    """The score that a version was registered by; empty if it has none."""
    if score is None:
        return ""
    text = score_text(score.value).replace("-", "−")
    return f"{escape(score.metric)} {text}" if named else text


def against(version: ModelVersion) -> str:
    """`version 1: 0.0503 better`: the version that it was compared with, and by how much it is
    better."""
    status = version.metadata.get(packages.CHAMPION_STATUS_KEY, "")
    if status != names.SCORED:
        return {names.NONE: "no champion", names.UNSCORABLE: "champion unscorable"}.get(status, "")
    score = packages.registered_score(version.metadata)
    regression = packages.registered_regression(version.metadata)
    difference = (
        "?"
        if regression is None
        else difference_text(regression, like=score.value if score else None)
    )
    return f"version {version.metadata.get(packages.CHAMPION_VERSION_KEY, '?')}: {difference}"


def detail(version: ModelVersion, *, serving: int | None, now: datetime) -> RenderableType:
    """One version with everything the registry holds of it."""
    state = " [green]serves[/]" if version.version == serving else ""
    registered = f"registered {moment(version.created, now)}" if version.created else ""
    lines = [
        f"[bold]model[/] {version.group} version {version.version} "
        f"{APPROVALS.get(version.approval, version.approval)}{state}",
        f"  [dim]{version.arn}[/]",
        f"  [dim]{registered}{f', {EDIT}' if version.of_edit else ''}[/]",
    ]
    if version.approval_note:
        lines.append(f"  {escape(version.approval_note)}")
    if version.description:
        lines.append(f"  {escape(version.description)}")
    if judged := _judged(version):
        lines.append(f"  {judged}")
    if version.failed:
        lines.append(
            f"  [red]deployment failed {moment(version.failed, now)}[/]: {escape(version.failure)}"
        )
    shown: dict[str, str] = {"artifact": version.artifact, "run": version.run_arn}
    shown |= {f"{name} baseline": uri for name, uri in version.baselines.items()}
    elsewhere = {packages.DEPLOYMENT_MARK_KEY} if version.failed else set()
    if _judged(version):
        elsewhere |= _JUDGED
    shown |= {name: value for name, value in version.metadata.items() if name not in elsewhere}
    widest = max(len(name) for name in shown)
    lines += [f"  [dim]{name:{widest}}[/]  {escape(v)}" for name, v in shown.items() if v]
    return copyable(lines)


def _judged(version: ModelVersion) -> str:
    """`rmse 43.200 (lower is better), version 1: 1.800 better`; empty for a version without."""
    score = packages.registered_score(version.metadata)
    if score is None:
        return ""
    threshold = version.metadata.get(packages.THRESHOLD_KEY)
    at = f", threshold {escape(threshold)}" if threshold else ""
    compared = f", {against(version)}" if against(version) else ""
    return f"{_score(score, named=True)} ({score.better} is better){at}{compared}"


def copyable(lines: Sequence[str]) -> RenderableType:
    """Lines of markup that are never torn apart: URIs and ARNs are there to be copied."""
    text = Text.from_markup("\n".join(lines))
    text.no_wrap, text.overflow = True, "ignore"
    return Group(text)  # printed by itself a text loses these two
