"""A graph for a terminal: a line for each step, with the ways between them at the left.

The ways are drawn as `git log --graph` draws history, the other way round: a way leaves a step to
the right or goes on below it, and ends where the last step that takes something from it stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ratchet.review.graph import Edge, Graph, Node

_GATE, _HALT, _STEP = "◆", "✖", "●"


@dataclass(frozen=True, kw_only=True)
class GraphLine:
    """`rails` end in the step's glyph's column or behind it; `when` is empty for what always
    runs."""

    rails: str
    name: str
    note: str
    when: str


def lines_of(graph: Graph) -> list[GraphLine]:
    """A line for each step, from the first to the last."""
    rails = _rails(graph)
    width = max(map(len, rails), default=0)
    return [
        GraphLine(rails=rail.ljust(width), name=node.name, note=node.note, when=_when(node))
        for node, rail in zip(graph.nodes, rails, strict=True)
    ]


def text_of(graph: Graph) -> str:
    """The lines, in columns."""
    lines = lines_of(graph)
    names = max((len(line.name) for line in lines), default=0)
    notes = max((len(line.note) for line in lines), default=0)
    shown = [
        f"{line.rails} {line.name.ljust(names)}  {line.note.ljust(notes)}  {line.when}".rstrip()
        for line in lines
    ]
    return "\n".join(shown) + "\n"


def _glyph(node: Node) -> str:
    if node.row.holds_branches:
        return _GATE
    return _HALT if node.row.ends_run else _STEP


def _when(node: Node) -> str:
    if node.gate is None:
        return ""
    return f"if {node.gate} passes" if node.outcome else f"if {node.gate} does not pass"


def _rails(graph: Graph) -> list[str]:
    """For each step its part of the drawing."""
    last_use = _last_uses(graph)
    lanes: list[str | None] = []  # the step whose way is in each column
    drawn = []
    for index, node in enumerate(graph.nodes):
        sources = [edge.source for edge in graph.sources(node.name)]
        joined = sorted(lanes.index(source) for source in dict.fromkeys(sources))
        ending = [column for column in joined if last_use[lanes[column] or ""] == index]
        column = _column(lanes, joined, ending)
        drawn.append(_row(lanes, joined, ending, column, _glyph(node)))
        for ended in ending:
            lanes[ended] = None
        if node.name in last_use:
            lanes[column] = node.name
        while lanes and lanes[-1] is None:
            lanes.pop()
    return drawn


def _last_uses(graph: Graph) -> dict[str, int]:
    """Of each step that others wait for: the place of the last of them."""
    places: Mapping[str, int] = {node.name: place for place, node in enumerate(graph.nodes)}
    last: dict[str, int] = {}
    edges: tuple[Edge, ...] = graph.edges
    for edge in edges:
        last[edge.source] = max(last.get(edge.source, 0), places[edge.target])
    return last


def _column(lanes: list[str | None], joined: list[int], ending: list[int]) -> int:
    """Where a step stands: on a way that ends at it, or else right of what it takes from."""
    if ending:
        return ending[0]
    after = max(joined, default=-1) + 1
    for column in range(after, len(lanes)):
        if lanes[column] is None:
            return column
    lanes.append(None)
    return len(lanes) - 1


def _row(
    lanes: list[str | None], joined: list[int], ending: list[int], column: int, glyph: str
) -> str:
    left, right = min([*joined, column]), max([*joined, column])
    cells = []
    for place, lane in enumerate(lanes):
        inside = left <= place < right
        if place == column:
            mark = glyph
        elif place in joined:
            mark = _joint(place, left, right, ends=place in ending)
        elif lane is not None:
            mark = "│"
        else:
            mark = "─" if left < place < right else " "
        cells.append(mark + ("─" if inside else " "))
    return "".join(cells).rstrip()


def _joint(place: int, left: int, right: int, *, ends: bool) -> str:
    """The corner or crossing where a step takes something from a way in another column."""
    if place == left:
        return "╰" if ends else "├"
    if place == right:
        return "╯" if ends else "┤"
    return "┴" if ends else "┼"
