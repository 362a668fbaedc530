"""Draws `ratchet show`: a run, its steps, the gate's numbers, the model. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from ratchet.cli.views.judgement_view import judgement
from ratchet.cli.views.model_view import copyable
from ratchet.cli.views.run_list import spent
from ratchet.cli.views.wording import MARKS, STYLES, duration, moment, number
from ratchet.costs import money
from ratchet.deployment.registry.versions import ModelVersion
from ratchet.deployment.runs.executions import RunState
from ratchet.deployment.runs.gate import Gate, GateComparison, Operand
from ratchet.deployment.runs.reports import Findings, evaluation
from ratchet.loop.names import NEW_MODEL_GATE
from ratchet.loop.numbers import score_text
from ratchet.views.metrics import is_judgement
from ratchet.views.missing_permissions import missing_permissions
from ratchet.views.outcomes import no_new_model, seconds
from ratchet.views.steps import NO_NEW_MODEL, NOT_PASSED, WAITING, StepView, steps

if TYPE_CHECKING:
    from ratchet.deployment.costs.recorded import RunCost

_SPINNER = Spinner("dots", style="cyan")
_WIDE = 80


def heading(
    state: RunState, *, now: datetime, live: bool = False, cost: RunCost | None = None
) -> RenderableType:
    """The run's name and status, then its place, times, reason and parameters."""
    run = state.run
    style = STYLES.get(run.status, "default")
    took = duration(seconds(state, now))
    lines = [
        f"{MARKS.get(run.status, '')} [bold]{escape(run.name)}[/] [dim]{run.id}[/]  "
        f"[{style}]{run.status}[/]{' after ' if run.finished else ' for '}{took}",
        f"  [dim]{run.pipeline} · started {moment(run.started, now)}[/]{_cost(cost)}",
    ]
    if run.description:
        lines.append(f"  [dim]{escape(run.description)}[/]")
    lines += [
        f"  [dim]{escape(name)}[/] {escape(value)}" for name, value in state.parameters.items()
    ]
    # URIs are there to be copied: a terminal breaks a long line without tearing it apart, but a
    # picture that is drawn again and again must know how many lines it has.
    text = Text.from_markup("\n".join(lines))
    text.no_wrap, text.overflow = True, "ellipsis" if live else "ignore"
    return Group(text)  # printed by itself a text loses these two


def _cost(cost: RunCost | None) -> str:
    """` · cost $0.42 so far, saved $0.10`; empty where nothing is recorded."""
    if cost is None:
        return ""
    so_far = " so far" if cost.so_far else ""
    saved = f"[dim], saved {money.shown(cost.saved)}[/]" if cost.saved else ""
    return f"[dim] · [/]cost {spent(cost)}{so_far}{saved}"


def step_table(
    state: RunState,
    *,
    now: datetime,
    live: bool = False,
    cost: RunCost | None = None,
    width: int = _WIDE,
) -> RenderableType:
    """One line per step of the plan; what lies behind a gate is indented. In a narrow terminal,
    what there is to say of a step stands below the table, where there is room for it."""
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    drawn.add_column("", width=1)
    drawn.add_column("step", no_wrap=True)
    drawn.add_column("", no_wrap=True)
    drawn.add_column("took", justify="right", no_wrap=True)
    if cost:
        drawn.add_column("cost", justify="right", no_wrap=True)
    wide = width >= _WIDE
    if wide:
        drawn.add_column("", overflow="fold", style="dim")
    below = []
    for step in steps(state, now=now, cost=cost):
        stopped_here = step.word == NOT_PASSED
        status = step.status or WAITING
        style = "yellow" if stopped_here else STYLES.get(status, "dim")
        mark = "[yellow]✗[/]" if stopped_here else MARKS.get(status, "")
        running = live and status in ("Executing", "Starting")
        drawn.add_row(
            _SPINNER if running else mark,
            f"{'  ' if step.gate else ''}{step.name}",
            f"[{style}]{step.word}[/]",
            duration(step.seconds),
            *([spent(step.cost)] if cost else []),
            *([_detail(step)] if wide else []),
        )
        if step.detail and not wide:
            below.append(Text.from_markup(f"  {step.name}: {_detail(step)}", style="dim"))
    return Group(drawn, *below, Text()) if below else drawn


def _detail(step: StepView) -> str:
    return f"[{'red' if step.status == 'Failed' else 'default'}]{escape(step.detail)}[/]"


def gate_lines(gate: Gate, *, metric: str = "") -> Text:
    """`gate no-regression passed`, then each comparison with its numbers.

    Args:
        metric: the one that decides, in whose unit regressions are.
    """
    words = {True: "[green]passed[/]", False: "[red]not passed[/]", None: "[dim]not decided[/]"}
    marks = {True: "[green]✓[/]", False: "[red]✗[/]", None: " "}
    if gate.name == NEW_MODEL_GATE:
        words[False], marks[False] = NO_NEW_MODEL, "[dim]=[/]"
    lines = [f"[bold]gate[/] {gate.name} {words[gate.passed]}"]
    lines += [
        f"  {marks[comparison.holds]} {escape(sentence(comparison, metric=metric))}"
        for comparison in gate.comparisons
    ]
    return Text.from_markup("\n".join(lines))


def sentence(comparison: GateComparison, *, metric: str = "") -> str:
    """`regression of rmse −1.820 ≤ MaxRegression 0.5`: a score with the decimals that it needs, and
    a limit as it was written."""
    if comparison.any_of:
        # That the candidate is a new model is another gate's to say, and makes this one longer.
        about = [part for part in comparison.any_of if part.left.label != "candidate.status"]
        return " or ".join(sentence(part, metric=metric) for part in about or comparison.any_of)
    left = _side(comparison.left, metric)
    right = comparison.right
    listed = isinstance(right.value, list)
    return f"{left} {comparison.sign} {right.label if listed else _side(right, metric)}"


def _side(operand: Operand, metric: str) -> str:
    value, label = operand.value, operand.label
    if str(value) == label:
        return _limit(value)
    if value is None:
        return f"{label} ?"
    if label == "regression" and metric:
        label = f"regression of {metric}"
    if isinstance(value, float) and operand.measured:
        return f"{label} {score_text(value)}".replace("-", "−")
    return f"{label} {_limit(value)}"


def _limit(value: Any) -> str:
    return f"{value:.10g}".replace("-", "−") if isinstance(value, float) else number(value)


def report_table(name: str, report: Any) -> RenderableType | None:
    """A report's numbers: parts that hold the same metrics side by side, then the rest in lines.

    Returns:
        None for a report that holds nothing to show.
    """
    if not isinstance(report, Mapping):
        return None
    parts = {key: value for key, value in report.items() if isinstance(value, Mapping)}
    compared = {
        key: part
        for key, part in parts.items()
        if any(other != key and _share(part, parts[other]) for other in parts)
    }
    metrics = list(dict.fromkeys(m for part in compared.values() for m in _numbers(part)))
    drawn: list[RenderableType] = []
    if compared:
        table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
        table.add_column("")
        for part in compared:
            table.add_column(part, justify="right")
        for metric in metrics:
            table.add_row(f"  {metric}", *(number(p.get(metric)) for p in compared.values()))
        drawn.append(table)
    drawn += [Text(f"  {line}") for line in _other_lines({**report, **parts}, compared, metrics)]
    return Group(Text(f"report {name}", style="bold"), *drawn) if drawn else None


def _numbers(part: Mapping[str, Any]) -> list[str]:
    return [k for k, v in part.items() if isinstance(v, int | float) and not isinstance(v, bool)]


def _share(report: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether a number of one has a place in the other, be it empty there."""
    return not (
        other.keys().isdisjoint(_numbers(report)) and report.keys().isdisjoint(_numbers(other))
    )


def _other_lines(
    report: Mapping[str, Any], compared: Mapping[str, Any], metrics: Sequence[str]
) -> Iterator[str]:
    """Numbers of the top level in one line, a line for each part, a line for each text."""
    numbers = [f"{key} {number(report[key])}" for key in _numbers(report)]
    if numbers:
        yield " · ".join(numbers)
    for key, value in report.items():
        if isinstance(value, str):
            yield f"{key}: {value}"
        if isinstance(value, Mapping):
            scalars = [
                f"{inner} {number(scalar)}"
                for inner, scalar in value.items()
                if scalar is not None
                and not isinstance(scalar, Mapping | list)
                and not (key in compared and inner in metrics)
            ]
            if scalars:
                yield f"{key}: {' · '.join(scalars)}"


def model_lines(model: ModelVersion) -> Text:
    """The registered version, whether it is approved, and its metadata."""
    style = {"Approved": "green", "Rejected": "red"}.get(model.approval, "yellow")
    approval = f"[{style}]{_spaced(model.approval)}[/]"
    lines = [
        f"[bold]model[/] {model.group} version {model.version} {approval}",
        f"  [dim]{model.arn}[/]",
    ]
    return Text.from_markup("\n".join(lines))


def _spaced(words: str) -> str:
    """PendingManualApproval → pending manual approval."""
    return "".join(f" {c.lower()}" if c.isupper() else c for c in words).strip()


def document(
    state: RunState,
    results: Findings,
    *,
    now: datetime,
    cost: RunCost | None = None,
    label: str = "",
    width: int = _WIDE,
) -> list[RenderableType]:
    """Everything about a run, in reading order, with blank lines between.

    Args:
        label: the column whose unit some metrics have.
    """
    parts: list[RenderableType] = [
        heading(state, now=now, cost=cost),
        step_table(state, now=now, cost=cost, width=width),
    ]
    parts += [permission_lines(name, lack) for name, lack in missing_permissions(state).items()]
    metric = str(evaluation(results.reports).get("metric", ""))
    parts += [
        _followed(gate_lines(gate, metric=metric))
        for gate in results.gates
        if _decided(gate, state)
    ]
    names = Counter(name for _, name in results.reports)
    for (step, name), report in results.reports.items():
        title = name if names[name] == 1 else f"{name} of {step}"
        drawn = (
            judgement(title, report, label=label)
            if is_judgement(report)
            else report_table(title, report)
        )
        if drawn:
            parts.append(Group(drawn, Text()))
    if results.notebooks:
        parts.append(notebook_lines(results.notebooks))
    parts += [_followed(model_lines(model)) for model in results.models]
    if state.no_new_model:
        parts.append(Text(f"{no_new_model(state)}; nothing is registered\n"))
    return parts


def _decided(gate: Gate, state: RunState) -> bool:
    """Whether there is something to say of it: that a model is new goes without saying."""
    return gate.passed is not None and (gate.name != NEW_MODEL_GATE or state.no_new_model)


def notebook_lines(notebooks: Mapping[str, str]) -> RenderableType:
    """Where the executed notebooks of a run are."""
    return copyable(
        [
            *(
                f"[dim]executed notebook of[/] {escape(step)} {escape(uri)}"
                for step, uri in notebooks.items()
            ),
            "",
        ]
    )


def permission_lines(name: str, lack: Mapping[str, Any]) -> RenderableType:
    """The statement that lets a step do what it was refused, to be pasted into a policy."""
    statement = escape(json.dumps(lack["statement"], indent=2))
    heading = f"[bold]{escape(name)} needs this statement in a policy of role {lack['role']}[/]"
    return copyable([heading, statement, ""])


def _followed(text: Text) -> Text:
    text.append("\n")
    return text
