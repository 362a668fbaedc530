"""Pictures of pipelines: what is joined with what, for a terminal, Mermaid and a browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from ratchet.review import mermaid, svg, terminal
from ratchet.review.graph import Edge, Graph, graph_of
from ratchet.runner import CannotRunError
from tests.runner.workbench import (
    compare,
    condition,
    definition,
    fail,
    get,
    invoke,
)

ROOT = Path(__file__).parents[3]
DEFINITIONS = ROOT / "tests" / "definitions"


def drawn(name: str) -> Graph:
    return graph_of((DEFINITIONS / f"{name}.json").read_text())


def number(step: str) -> dict[str, str]:
    return get(f"Steps.{step}.OutputParameters['n']")


def chain() -> dict[str, Any]:
    gate = condition(
        "gate",
        compare("GreaterThan", number("b"), 3),
        then=[invoke("d", {}, n=number("a"))],
        otherwise=[fail("halt", "no")],
    )
    return definition(
        invoke("a", {"n": "Integer"}),
        invoke("b", {"n": "Integer"}, n=number("a")),
        invoke("c", {}, n=number("a"), m=number("b")),
        gate,
    )


def test_a_step_is_joined_with_what_it_takes_but_not_with_what_that_implies() -> None:
    assert set(graph_of(chain()).edges) == {
        Edge(source="a", target="b", label="n"),
        Edge(source="b", target="c", label="n"),
        Edge(source="b", target="gate", label="n"),
        Edge(source="gate", target="d", label="pass"),
        Edge(source="gate", target="halt", label="else"),
    }


def test_the_training_pipeline_reads_in_a_terminal_like_its_picture() -> None:
    assert terminal.text_of(drawn("training")).splitlines() == [
        "●   prepare           Processing · cached 30 d",
        "●   train             Training · cached 30 d",
        "│ ● champion          Lambda",
        "●─╯ evaluate          Processing · cached 30 d",
        "├─◆ no-regression     Condition",
        "│ ✖ halt              Fail                      if no-regression does not pass",
        "◆   new-model         Condition",
        "├─● baseline          Processing · cached 30 d  if new-model passes",
        "● │ quality-baseline  Processing · cached 30 d  if new-model passes",
        "●─╯ register          RegisterModel             if new-model passes",
    ]


def test_two_gates_that_one_step_feeds_stand_one_after_the_other() -> None:
    assert [line.rails for line in terminal.lines_of(drawn("monitoring"))] == [
        "●  ",
        "├─◆",
        "│ ●",
        "│ ●",
        "◆  ",
        "●  ",
        "●  ",
    ]


@pytest.mark.parametrize("file", sorted(ROOT.glob("tests/sdk/golden/*/definition.json")), ids=str)
def test_definitions_of_the_sdk_are_drawn_too(file: Path) -> None:
    graph = graph_of(file.read_text())
    lines = terminal.text_of(graph).splitlines()
    assert len(lines) == len(graph.nodes)
    for line, node in zip(lines, graph.nodes, strict=True):
        assert f" {node.name} " in line


def test_mermaid_has_a_node_for_each_step_and_an_arrow_for_each_edge() -> None:
    graph = drawn("training")
    lines = mermaid.text_of(graph).splitlines()
    assert lines[0] == "flowchart LR"
    arrows = [line.split() for line in lines if "-->" in line]
    assert len(arrows) == len(graph.edges)
    declared = {m[1] for line in lines if (m := re.match(r'\s+(s\d+)[\[{(]+"', line))}
    assert {words[0] for words in arrows} | {words[-1] for words in arrows} <= declared
    assert '    s4{"no-regression<br/><small>Condition</small>"}' in lines
    assert "    class s5 halt" in lines


def test_names_cannot_break_out_of_a_picture() -> None:
    graph = graph_of(definition(fail("halt", "x")))
    odd = Graph(nodes=(graph.nodes[0],), edges=())
    picture = svg.text_of(odd, title="<script>&")
    assert "<script>" not in picture
    assert mermaid._escaped('a"<b>') == "a&quot;&lt;b>"


def test_the_svg_is_sound_and_no_two_steps_lie_on_each_other() -> None:
    for file in (DEFINITIONS / "training.json", *ROOT.glob("tests/sdk/golden/*/definition.json")):
        graph = graph_of(file.read_text())
        picture = ElementTree.fromstring(svg.text_of(graph, title="x"))
        boxes = [
            (float(box.get("x", 0)), float(box.get("y", 0)))
            for box in picture.iter("{http://www.w3.org/2000/svg}rect")
            if "box" in str(box.get("class"))
        ]
        assert len(boxes) == len(graph.nodes)
        width, height = float(picture.get("width", 0)), float(picture.get("height", 0))
        for index, (x, y) in enumerate(boxes):
            assert 0 <= x < width
            assert 0 <= y < height
            for other_x, other_y in boxes[index + 1 :]:
                assert x != other_x or abs(y - other_y) >= svg._HEIGHT


def test_a_definition_with_mistakes_is_not_drawn() -> None:
    step = invoke("a", {}, n=get("Steps.nowhere.OutputParameters['n']"))
    with pytest.raises(CannotRunError, match="no such step"):
        graph_of(definition(step))
