"""A graph as a Mermaid flowchart, which GitHub and others draw in Markdown.

https://mermaid.js.org/syntax/flowchart.html
"""

from __future__ import annotations

from ratchet.review.graph import Graph, Node

_CLASSES = (
    "classDef cached stroke-dasharray: 4 3",
    "classDef halt stroke:#c0392b,color:#c0392b",
)


def text_of(graph: Graph) -> str:
    """The flowchart, from left to right. Names of steps are ids, so they are numbered."""
    ids = {node.name: f"s{number}" for number, node in enumerate(graph.nodes)}
    lines = ["flowchart LR"]
    lines += [f"    {ids[node.name]}{_shape(node)}" for node in graph.nodes]
    for edge in graph.edges:
        label = f'|"{_escaped(edge.label)}"|' if edge.label else ""
        lines.append(f"    {ids[edge.source]} -->{label} {ids[edge.target]}")
    lines += [f"    {line}" for line in _CLASSES]
    for name, applies in (("cached", _is_cached), ("halt", _is_halt)):
        if members := [ids[node.name] for node in graph.nodes if applies(node)]:
            lines.append(f"    class {','.join(members)} {name}")
    return "\n".join(lines) + "\n"


def _shape(node: Node) -> str:
    text = f'"{_escaped(node.name)}<br/><small>{_escaped(node.note)}</small>"'
    if node.row.holds_branches:
        return f"{{{text}}}"
    return f"([{text}])" if node.row.ends_run else f"[{text}]"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")


def _is_cached(node: Node) -> bool:
    return node.cached_for is not None


def _is_halt(node: Node) -> bool:
    return node.row.ends_run
