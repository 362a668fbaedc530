"""A graph as an SVG picture: self-contained, in the light or the dark of whoever looks at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from html import escape
from typing import Literal

from ratchet.review.graph import BRANCHES, Edge, Graph, Node

_WIDTH, _HEIGHT = 168, 46  # of a step
_ACROSS, _DOWN = 92, 22  # between steps
_MARGIN = 20
_SWEEPS = 6
_LONGEST_LABEL = 14

_STYLE = """
svg { --ink: #1f2933; --soft: #66727f; --line: #8a97a5; --fill: #f6f8fa; --gate: #fff6dd;
  --halt: #fdecea; --halt-ink: #b3261e; --back: #ffffff; font: 13px system-ui, sans-serif; }
@media (prefers-color-scheme: dark) { svg { --ink: #e6edf3; --soft: #9aa7b4; --line: #6b7785;
  --fill: #1c232b; --gate: #33290f; --halt: #3a1c1a; --halt-ink: #ff8a80; --back: #0d1117; } }
.back { fill: var(--back); } .name { fill: var(--ink); font-weight: 600; }
.note, .label { fill: var(--soft); font-size: 10.5px; }
.label { paint-order: stroke; stroke: var(--back); stroke-width: 4px; }
.box { fill: var(--fill); stroke: var(--line); stroke-width: 1.2; }
.cached { stroke-dasharray: 5 3; } .gate { fill: var(--gate); }
.halt { fill: var(--halt); stroke: var(--halt-ink); }
.way { fill: none; stroke: var(--line); stroke-width: 1.4; } .tip { fill: var(--line); }
"""
_RUN = "ratchet-run-graph"
# In a page of somebody else, light or dark: its own ink, and colours that are readable on both.
_RUN_STYLE = f"""
.{_RUN} {{ font: 13px system-ui, sans-serif; }}
.{_RUN} text {{ fill: currentColor; }} .{_RUN} .name {{ font-weight: 600; }}
.{_RUN} .note, .{_RUN} .label {{ font-size: 11px; fill-opacity: .8; }}
.{_RUN} .box {{ fill: currentColor; fill-opacity: .05; stroke: #8a97a5; stroke-width: 1.6; }}
.{_RUN} .done {{ stroke: #2f9e5b; }} .{_RUN} .cached {{ stroke: #8172d5; stroke-dasharray: 5 3; }}
.{_RUN} .failed {{ stroke: #d9534f; stroke-width: 2.4; }}
.{_RUN} .halted {{ stroke: #c98500; stroke-width: 2.4; }} .{_RUN} .running {{ stroke: #3b82f6; }}
.{_RUN} .absent {{ stroke-dasharray: 2 3; fill-opacity: 0; }}
.{_RUN} .way {{ fill: none; stroke: #8a97a5; stroke-width: 1.4; }} .{_RUN} .tip {{ fill: #8a97a5; }}
"""
_TIP = (
    '<defs><marker id="{id}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"'
    ' orient="auto"><path class="tip" d="M0,0 L8,4 L0,8 z"/></marker></defs>'
)

Place = tuple[float, float]
NodeKind = Literal["done", "cached", "failed", "halted", "running", "absent"]


@dataclass(frozen=True, kw_only=True)
class NodeState:
    """What has become of a step in a run. `note` says it in words, so that no colour has to."""

    kind: NodeKind
    note: str


def text_of(graph: Graph, *, title: str) -> str:
    """The picture, with `title` for those who hear it read."""
    boxes = {node.name: (_kinds(node), node.note) for node in graph.nodes}
    back = '<rect class="back" width="100%" height="100%"/>'
    return _drawn(graph, boxes, head=f"<title>{escape(title)}</title><style>{_STYLE}</style>{back}")


def run_of(graph: Graph, states: Mapping[str, NodeState], *, title: str, id: str) -> str:  # noqa: A002
    """The picture of a run, to stand in a page of somebody else.

    Args:
        states: of each step, by name; of one without, only its type is said.
        id: letters, digits and hyphens that no other picture of the page has.
    """
    boxes = {
        node.name: (["box", state.kind], state.note)
        if (state := states.get(node.name))
        else (["box"], node.type)
        for node in graph.nodes
    }
    head = f"<title>{escape(title)}</title><style>{_RUN_STYLE}</style>"
    # What passes between steps is in the pipeline's picture; in a run's, labels say what decided.
    edges = tuple(
        edge if edge.label in BRANCHES else replace(edge, label="") for edge in graph.edges
    )
    return _drawn(
        replace(graph, edges=edges),
        boxes,
        head=head,
        tip=f"tip-{id}",
        attributes=f' class="{_RUN}"',
    )


def _drawn(
    graph: Graph,
    boxes: Mapping[str, tuple[list[str], str]],
    *,
    head: str,
    tip: str = "tip",
    attributes: str = "",
) -> str:
    """`boxes`: of each step its classes, and what stands below its name."""
    places = _places(graph, _layers(graph))
    width = _MARGIN * 2 + (max(x for x, _ in places.values()) + _WIDTH)
    height = _MARGIN * 2 + (max(y for _, y in places.values()) + _HEIGHT)
    ways = "".join(_way(edge, places, tip) for edge in graph.edges)
    drawn = "".join(_box(node, places[node.name], *boxes[node.name]) for node in graph.nodes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg"{attributes} viewBox="0 0 {width:g} {height:g}"'
        f' width="{width:g}" height="{height:g}" role="img">{head}{_TIP.format(id=tip)}'
        f'<g transform="translate({_MARGIN},{_MARGIN})">{ways}{drawn}</g></svg>\n'
    )


def _layers(graph: Graph) -> list[list[str]]:
    """Columns: each step as far left as what it waits for allows, and what starts the run right
    before it is needed."""
    depth: dict[str, int] = {}
    for node in graph.nodes:
        depth[node.name] = max((depth[e.source] + 1 for e in graph.sources(node.name)), default=0)
    for node in graph.nodes:
        uses = [depth[edge.target] for edge in graph.edges if edge.source == node.name]
        if depth[node.name] == 0 and uses:
            depth[node.name] = min(uses) - 1
    columns: list[list[str]] = [[] for _ in range(max(depth.values()) + 1)]
    for node in graph.nodes:
        columns[depth[node.name]].append(node.name)
    return columns


def _places(graph: Graph, layers: list[list[str]]) -> dict[str, Place]:
    """Steps of a column ordered by the mean height of what they are joined with, over and over
    (the barycentre heuristic), and then as near to it as the column allows."""
    row: dict[str, float] = {name: at for layer in layers for at, name in enumerate(layer)}
    joined: dict[str, list[str]] = {name: [] for name in row}
    for edge in graph.edges:
        joined[edge.source].append(edge.target)
        joined[edge.target].append(edge.source)
    for _ in range(_SWEEPS):
        for layer in layers:
            ideal = {
                name: sum(row[other] for other in joined[name]) / len(joined[name])
                if joined[name]
                else row[name]
                for name in layer
            }
            layer.sort(key=lambda name: ideal[name])
            at = -1.0
            for name in layer:
                at = row[name] = max(ideal[name], at + 1)
    top = min(row.values())
    return {
        name: (column * (_WIDTH + _ACROSS), (row[name] - top) * (_HEIGHT + _DOWN))
        for column, layer in enumerate(layers)
        for name in layer
    }


def _way(edge: Edge, places: dict[str, Place], tip: str) -> str:
    (x1, y1), (x2, y2) = places[edge.source], places[edge.target]
    x1, y1, y2 = x1 + _WIDTH, y1 + _HEIGHT / 2, y2 + _HEIGHT / 2
    bend = min(70.0, (x2 - x1) / 2)
    path = f"M{x1:g},{y1:g} C{x1 + bend:g},{y1:g} {x2 - bend:g},{y2:g} {x2:g},{y2:g}"
    drawn = f'<path class="way" d="{path}" marker-end="url(#{tip})"/>'
    if not edge.label:
        return drawn
    text = edge.label
    if len(text) > _LONGEST_LABEL:
        text = text[: _LONGEST_LABEL - 1] + "…"
    # Near its end, where the ways of one step have parted.
    x, y = x2 - _ACROSS / 2, y2 + (y1 - y2) * 0.18 - 5
    return (
        f'{drawn}<text class="label" x="{x:g}" y="{y:g}" text-anchor="middle">{escape(text)}</text>'
    )


def _kinds(node: Node) -> list[str]:
    kinds = ["box"]
    kinds += ["cached"] if node.cached_for is not None else []
    return kinds + (["gate"] if node.row.holds_branches else ["halt"] if node.row.ends_run else [])


def _box(node: Node, place: Place, kinds: list[str], note: str) -> str:
    x, y = place
    round_by = _HEIGHT / 2 if node.row.holds_branches or node.row.ends_run else 8
    middle = x + _WIDTH / 2
    return (
        f'<rect class="{" ".join(kinds)}" x="{x:g}" y="{y:g}" width="{_WIDTH}" height="{_HEIGHT}"'
        f' rx="{round_by:g}"/><text class="name" x="{middle:g}" y="{y + 20:g}"'
        f' text-anchor="middle">{escape(_short(node.name))}</text>'
        f'<text class="note" x="{middle:g}" y="{y + 35:g}"'
        f' text-anchor="middle">{escape(_short(note, 28))}</text>'
    )


def _short(name: str, longest: int = 22) -> str:
    return name if len(name) <= longest else name[: longest - 1] + "…"
