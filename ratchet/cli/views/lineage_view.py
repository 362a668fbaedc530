"""Draws `ratchet lineage`: a version as a tree of its sources. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from rich.console import RenderableType
from rich.markup import escape

from ratchet.cli.views.judgement_view import slice_name, worst_first
from ratchet.cli.views.model_view import APPROVALS, copyable
from ratchet.cli.views.wording import MARKS, count, duration, moment, number
from ratchet.deployment.registry.lineage import Data, Lineage
from ratchet.loop import names
from ratchet.loop.evaluations import as_of_now
from ratchet.loop.numbers import beats_text, difference_text, interval_text, score_text
from ratchet.views.outcomes import seconds

MARK = 12
"""Characters of a digest that are shown; `--json` has all of them."""


@dataclass
class LineageBranch:
    """A line of markup, and the lines that hang below it."""

    text: str
    below: list[LineageBranch] = field(default_factory=list)

    def add(self, text: str) -> LineageBranch:
        branch = LineageBranch(text)
        self.below.append(branch)
        return branch

    def lines(self, guide: str = "") -> Iterator[str]:
        """The tree as lines of markup. Rich's own tree would cut URIs at the terminal's width."""
        yield self.text
        for place, branch in enumerate(self.below):
            last = place == len(self.below) - 1
            first, *following = branch.lines()
            yield f"[dim]{guide}{'└── ' if last else '├── '}[/]{first}"
            yield from (f"[dim]{guide}{'    ' if last else '│   '}[/]{line}" for line in following)


def tree(lineage: Lineage, *, now: datetime) -> RenderableType:
    """The version at the root, then run, data, code, training, evaluation."""
    version = lineage.version
    registered = f" [dim]registered {moment(version.created, now)}[/]" if version.created else ""
    root = LineageBranch(
        f"[bold]{version.group} version {version.version}[/] "
        f"{APPROVALS.get(version.approval, version.approval)}{registered}"
    )
    root.add(f"[dim]model[/] {escape(version.artifact)}")
    for name, uri in version.baselines.items():
        root.add(f"[dim]{name} baseline[/] {escape(uri)}")
    _run(root, lineage, now)
    if lineage.data:
        _data(root, lineage.data)
    _code(root, lineage)
    _training(root, lineage)
    _notebooks(root, lineage)
    _comparison(root, lineage)
    return copyable(list(root.lines()))


def _run(root: LineageBranch, lineage: Lineage, now: datetime) -> None:
    state = lineage.run
    if state is None:
        arn = lineage.version.run_arn
        gone = f"{escape(arn)} [dim](not there any more)[/]" if arn else "none: registered by hand"
        root.add(f"[dim]run[/] {gone}")
        return
    run = state.run
    branch = root.add(
        f"[dim]run[/] {escape(run.name)} [dim]{run.id}[/] {MARKS.get(run.status, '')} "
        f"{moment(run.started, now)}, took {duration(seconds(state, now))}"
    )
    if run.description:
        branch.add(f"[dim]{escape(run.description)}[/]")
    for name, value in state.parameters.items():
        branch.add(f"[dim]{escape(name)}[/] {escape(value)}")
    cached = [f"{step.name} from {step.cached_from}" for step in state.steps if step.cached_from]
    if cached:
        branch.add(f"[dim]cached[/] {', '.join(cached)}")


def _data(root: LineageBranch, data: Data) -> None:
    branch = root.add(f"[dim]data[/] {escape(data.manifest)}")
    folders = Counter(key.rsplit("/", 1)[0] if "/" in key else "" for key in data.keys)
    for folder, files in sorted(folders.items()):
        branch.add(f"{escape(data.bucket)}{escape(folder)}/ [dim]{count(files, 'object')}[/]")
    if not data.keys:
        branch.add("[dim]the manifest is not there any more[/]")


def _code(root: LineageBranch, lineage: Lineage) -> None:
    if not lineage.code:
        return
    branch = root.add("[dim]code[/]")
    widest = max(len(code.step) for code in lineage.code)
    for code in lineage.code:
        branch.add(f"{code.step:{widest}} {code.digest[:MARK]} [dim]{escape(code.uri)}[/]")


def _training(root: LineageBranch, lineage: Lineage) -> None:
    if lineage.hyperparameters:
        listed = [f"{n} [bold]{escape(v)}[/]" for n, v in sorted(lineage.hyperparameters.items())]
        root.add(f"[dim]hyperparameters[/] {' · '.join(listed)}")
    if lineage.training_image:
        root.add(f"[dim]image[/] {escape(lineage.training_image)}")
    if lineage.metrics:
        listed = [f"{escape(n)} {number(v)}" for n, v in sorted(lineage.metrics.items())]
        root.add(f"[dim]training metrics[/] {' · '.join(listed)}")


def _notebooks(root: LineageBranch, lineage: Lineage) -> None:
    for step, uri in lineage.notebooks.items():
        root.add(f"[dim]executed notebook of[/] {escape(step)} {escape(uri)}")


def _comparison(root: LineageBranch, lineage: Lineage) -> None:
    report = as_of_now(lineage.evaluation)
    ours, theirs = report.get("candidate"), report.get("champion") or {}
    if not isinstance(ours, Mapping) or ours.get("score") is None:
        return
    metric = escape(str(report.get("metric", "")))
    rows = f" on {report['rows']:,} rows" if isinstance(report.get("rows"), int) else ""
    threshold = ours.get("threshold")
    at = "" if threshold is None else f", threshold {threshold:g}"
    branch = root.add(
        f"[dim]evaluation[/] {metric} {_score(ours['score'])}{at}{rows} "
        f"[dim]({report['better']} is better)[/]"
    )
    version, score = lineage.champion_number, theirs.get("score")
    if version is None or (score is None and theirs.get("status") == names.NONE):
        branch.add("[dim]no champion to compare with[/]")
        return
    gone = "" if lineage.champion else " [dim](deleted since)[/]"
    if score is None:
        branch.add(f"[yellow]version {version} could not be scored[/]{gone}")
        return
    if ours.get("digest", names.NONE) == theirs.get("digest") != names.NONE:
        branch.add(f"no new model: it is version {version} itself{gone}")
        return
    regression = float(report.get("regression") or 0)
    verb = beats_text(regression, like=score)
    within = interval_text(report.get("interval"), like=score)
    branch.add(
        f"{verb} version {version}{gone}: {metric} {_score(score)}, "
        f"{difference_text(regression, like=score)}" + (f" [dim]({within})[/]" if within else "")
    )
    for part in worst_first(report.get("slices") or ()):
        if part.get("worse"):
            branch.add(
                f"[yellow]worse[/] for {escape(slice_name(part))}: "
                f"{difference_text(part['regression'], like=score)}"
            )


def _score(score: float) -> str:
    return score_text(score).replace("-", "−")
