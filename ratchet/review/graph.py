"""A pipeline definition as a graph: steps, and what of each goes into which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ratchet.review.flat import taken_by
from ratchet.runner import validate
from ratchet.runner.definition import Step, without_branches
from ratchet.runner.expressions import parse_reference, walk


@dataclass(frozen=True, kw_only=True)
class Node:
    """A step. `gate` and `outcome` say the Condition and the branch that it is in."""

    name: str
    type: str
    gate: str | None = None
    outcome: bool | None = None
    cached_for: timedelta | None = None

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


def _node(step: Step) -> Node:
    gate, outcome = step.branch or (None, None)
    return Node(
        name=step.name, type=step.type, gate=gate, outcome=outcome, cached_for=step.cache_for
    )


def _ordered(steps: Mapping[str, Step]) -> list[str]:
    """The definition's order as far as nothing waits for what stands behind it. What a Condition
    leads to follows it."""
    order: list[str] = []
    waiting = list(steps)
    while waiting:
        ready = [name for name in waiting if steps[name].waits_for <= set(order)]
        last = order[-1] if order else None
        following = [name for name in ready if last in steps[name].waits_for]
        name = (following or ready)[0]
        order.append(name)
        waiting.remove(name)
    return order


def _without_implied(steps: Mapping[str, Step], order: Sequence[str]) -> dict[str, set[str]]:
    """What each step waits for, without what something else that it waits for waits for."""
    above: dict[str, set[str]] = {}
    direct: dict[str, set[str]] = {}
    for name in order:
        waits_for = set(steps[name].waits_for)
        implied = set().union(*(above[other] for other in waits_for)) if waits_for else set()
        direct[name] = waits_for - implied
        above[name] = waits_for | implied
    return direct


def _label(step: Step, source: str) -> str:
    if step.branch is not None and step.branch[0] == source:
        return "pass" if step.branch[1] else "else"
    labels: dict[str, None] = {}
    for _, function, argument in walk(without_branches(step.body), ""):
        if function == "Get":
            reference = parse_reference(argument)
            if reference.root == "Steps" and reference.name == source:
                labels[taken_by(reference)] = None
    return ", ".join(filter(None, labels))


def _period(span: timedelta) -> str:
    days, hours = span.days, span.seconds // 3600
    return f"{days} d" if days else f"{hours} h" if hours else f"{span.seconds // 60} min"
