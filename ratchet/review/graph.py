"""A pipeline definition as a graph: steps, and what of each goes into which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ratchet.definition.references import STEPS
from ratchet.definition.row import StepType
from ratchet.definition.step_types import row_of
from ratchet.review.flat import output_word
from ratchet.runner import validate
from ratchet.runner.definition import RunnableStep

BRANCHES = ("pass", "else")
"""Labels of the ways out of a Condition."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """A step. `gate` and `outcome` say the Condition and the branch that it is in."""

    name: str
    type: str
    gate: str | None = None
    outcome: bool | None = None
    cached_for: timedelta | None = None

    @property
    def row(self) -> StepType:
        """What the table of step types says of its type."""
        return row_of(self.type)

    @property
    def note(self) -> str:
        """Type, and what else a reader wants to know, in a few words."""
        cached = "" if self.cached_for is None else f" · cached {_period(self.cached_for)}"
        return f"{self.type}{cached}"


@dataclass(frozen=True, kw_only=True)
class Edge:
    """`target` waits for `source`. `label`: what it takes of it, or the branch of a Condition."""

    source: str
    target: str
    label: str = ""


@dataclass(frozen=True, kw_only=True)
class Graph:
    """`nodes` are in an order in which they could run; `edges` without those that others imply."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def sources(self, name: str) -> list[Edge]:
        return [edge for edge in self.edges if edge.target == name]


def graph_of(definition: Mapping[str, Any] | str) -> Graph:
    """The graph of a definition. Raises `ratchet.runner.DefinitionError`, with every mistake."""
    steps = validate(definition, stand_ins=None).steps
    order = _ordered(steps)
    direct = _without_implied(steps, order)
    edges = [
        Edge(source=source, target=name, label=_label(steps[name], source))
        for name in order
        for source in order
        if source in direct[name]
    ]
    return Graph(nodes=tuple(_node(steps[name]) for name in order), edges=tuple(edges))


def _node(step: RunnableStep) -> Node:
    gate, outcome = step.branch or (None, None)
    return Node(
        name=step.name, type=step.type, gate=gate, outcome=outcome, cached_for=step.cache_for
    )


def _ordered(steps: Mapping[str, RunnableStep]) -> list[str]:
    """The definition's order as far as nothing waits for what stands behind it. What a Condition
    leads to follows it."""
    order: list[str] = []
    waiting = list(steps)
    while waiting:
        ready = [name for name in waiting if steps[name].needs <= set(order)]
        last = order[-1] if order else None
        following = [name for name in ready if last in steps[name].needs]
        name = (following or ready)[0]
        order.append(name)
        waiting.remove(name)
    return order


def _without_implied(
    steps: Mapping[str, RunnableStep], order: Sequence[str]
) -> dict[str, set[str]]:
    """What each step waits for, without what something else that it waits for waits for."""
    above: dict[str, set[str]] = {}
    direct: dict[str, set[str]] = {}
    for name in order:
        needs = set(steps[name].needs)
        implied = set().union(*(above[other] for other in needs)) if needs else set()
        direct[name] = needs - implied
        above[name] = needs | implied
    return direct


def _label(step: RunnableStep, source: str) -> str:
    if step.branch is not None and step.branch.gate == source:
        return BRANCHES[0] if step.branch.outcome else BRANCHES[1]
    labels: dict[str, None] = {}
    for _, reference in step.references:
        if reference.root == STEPS and reference.name == source:
            labels[output_word(reference)] = None
    return ", ".join(filter(None, labels))


def _period(span: timedelta) -> str:
    days, hours = span.days, span.seconds // 3600
    return f"{days} d" if days else f"{hours} h" if hours else f"{span.seconds // 60} min"
