"""A run in a notebook: its graph with what became of each step, and the gate. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ratchet.api import html_parts as parts
from ratchet.api.gate_picture import gate
from ratchet.costs import money
from ratchet.review import svg
from ratchet.review.graph import Graph, graph_of
from ratchet.review.svg import NodeKind, NodeState
from ratchet.runner import CannotRunError
from ratchet.views import steps as words
from ratchet.views.amounts import RecordedCost
from ratchet.views.runs import RunDetail
from ratchet.views.steps import StepView
from ratchet.views.wording import duration

_KINDS: Mapping[str, NodeKind] = {
    "done": "done",
    "passed": "done",
    "cached": "cached",
    words.NO_NEW_MODEL: "done",
    words.NOT_PASSED: "halted",
    "halted": "halted",
    "failed": "failed",
    "stopped": "halted",
    "running": "running",
    "starting": "running",
}
_MARKS: Mapping[NodeKind, str] = {
    "done": "✓",
    "cached": "↺",
    "failed": "×",
    "halted": "■",
    "running": "…",
    "absent": "·",
}
_COLOURS = {"Succeeded": parts.GOOD, "Failed": parts.BAD, "Stopped": parts.WARNING}


def html(run: RunDetail, definition: str) -> str:
    """The run as a piece of a page.

    Args:
        definition: what it executed. Where the local reader cannot draw it, the steps are a table.
    """
    graph = _graph(definition)
    drawn = parts.wide(_picture(graph, run)) if graph else _table(run)
    about = [run.pipeline, f"started {run.started:%Y-%m-%d %H:%M:%S %Z}".rstrip()]
    about += [f"took {duration(run.seconds)}"] if run.seconds is not None else []
    about += [_cost(run.cost)] if run.cost else []
    colour = parts.WARNING if _halted(run) else _COLOURS.get(run.status, parts.SOFT)
    return parts.block(
        parts.line(parts.strong(run.name), parts.soft(run.id)),
        parts.line(parts.coloured(run.outcome, colour)),
        parts.line(parts.soft(" · ".join(about))),
        drawn,
        gate(run.gate) if run.gate and run.gate.passed is not None else "",
    )


def _halted(run: RunDetail) -> bool:
    return run.outcome.startswith("halted")


def _graph(definition: str) -> Graph | None:
    try:
        return graph_of(definition)
    except CannotRunError:
        return None


def _picture(graph: Graph, run: RunDetail) -> str:
    states = {step.name: _state(step) for step in run.steps}
    return svg.run_of(graph, states, title=f"run {run.name}: {run.outcome}", id=run.id)


def _state(step: StepView) -> NodeState:
    kind = _KINDS.get(step.word, "absent")
    return NodeState(kind=kind, note=" ".join(_note(step, kind)))


def _note(step: StepView, kind: NodeKind) -> Iterator[str]:
    yield f"{_MARKS[kind]} {step.word}"
    if step.seconds is not None:
        yield f"· {duration(step.seconds)}"
    if step.cost and step.cost.cost:
        yield f"· {money.shown(step.cost.cost)}"


def _table(run: RunDetail) -> str:
    lines = [
        (parts.strong(step.name), parts.soft(_state(step).note), parts.soft(step.detail))
        for step in run.steps
    ]
    return parts.rows(("step", "", ""), lines)


def _cost(cost: RecordedCost) -> str:
    """`cost $0.42, saved $0.10`; `≥` where a job has no known price."""
    saved = f", saved {money.shown(cost.saved)}" if cost.saved else ""
    return f"cost {'≥ ' if cost.unknown else ''}{money.shown(cost.cost)}{saved}"
