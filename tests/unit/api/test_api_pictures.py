"""What a run and an analysis look like in a notebook."""

from __future__ import annotations

import re
from dataclasses import replace
from html import escape
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ratchet.api import LoopConnection, drift_picture, run_picture
from ratchet.api.gate_picture import gate
from tests.unit.cli.fake_deployment import FakeRun, World
from tests.unit.cli.fake_serving import ServingWorld

TRAINING = (Path(__file__).parents[2] / "definitions" / "training.json").read_text()
EVIL = "<script>alert(1)</script>&\"'"
SVG = "{http://www.w3.org/2000/svg}"


def sound(html: str) -> ElementTree.Element:
    """The page as a tree; it has no script, and asks nothing of anybody."""
    tree = ElementTree.fromstring(html)
    assert "<script" not in html
    assert not re.findall(r"\bon\w+=", html)
    assert not re.findall(r'(?:src|href)="', html)
    assert "url(" not in html.replace("url(#", "")
    assert set(re.findall(r"https?://[^\"']+", html)) <= {"http://www.w3.org/2000/svg"}
    return tree


def test_a_run_is_drawn_as_its_graph_with_what_became_of_each_step(
    dev: LoopConnection, passed: FakeRun
) -> None:
    tree = sound(run_picture.html(dev.run().detail, TRAINING))
    texts = [text.text or "" for text in tree.iter(f"{SVG}text")]
    assert "↺ cached · 0.0 s" in texts
    assert "✓ done · 12 s" in texts
    assert "· not reached" in texts, "of halt"
    kinds = {str(box.get("class")).split()[-1] for box in tree.iter(f"{SVG}rect")}
    assert {"cached", "done", "absent"} <= kinds
    assert "registered version 1" in "".join(tree.itertext())


def test_styles_do_not_leak_into_the_notebook(dev: LoopConnection, passed: FakeRun) -> None:
    html = run_picture.html(dev.run().detail, TRAINING)
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    selectors = [part.strip() for part in re.findall(r"([^{}]+)\{", style)]
    each = [selector.strip() for part in selectors for selector in part.split(",")]
    assert each
    assert all(selector.startswith(".ratchet-run-graph") for selector in each)


def test_two_runs_on_a_page_have_different_ids(
    dev: LoopConnection, passed: FakeRun, halted: FakeRun
) -> None:
    pages = "".join(run_picture.html(dev.run(run.id).detail, TRAINING) for run in (passed, halted))
    ids = re.findall(r'\bid="([^"]+)"', pages)
    assert len(ids) == len(set(ids)) == 2


def test_a_definition_that_cannot_be_drawn_leaves_a_table(
    dev: LoopConnection, halted: FakeRun
) -> None:
    tree = sound(dev.run()._repr_html_())
    cells = ["".join(cell.itertext()) for cell in tree.iter("td")]
    assert "evaluate" in cells
    assert "■ halted · 0.0 s" in cells


def test_a_halted_gate_shows_scores_regression_interval_and_tolerance(
    dev: LoopConnection, halted: FakeRun
) -> None:
    view = dev.run().gate
    assert view is not None
    tree = sound(f"<div>{gate(view)}</div>")
    text = " ".join(tree.itertext())
    for words in ("not passed", "0.6900", "0.7103", "0.0203 worse", "0.005", "0.0110 worse"):
        assert words in text
    (dot,) = tree.iter(f"{SVG}circle")
    good, bad = (box for box in tree.iter(f"{SVG}rect"))
    place, limit = float(dot.get("cx", 0)), float(bad.get("x", 0))
    assert place > limit, "it lies beyond the tolerance"
    end = float(good.get("x", 0)) + float(good.get("width", 0))
    assert end == pytest.approx(limit, abs=0.2)


def test_a_gate_that_passed_lies_before_its_tolerance(
    dev: LoopConnection, unchanged: FakeRun
) -> None:
    view = dev.run().gate
    assert view is not None
    for shown in (view, replace(view, interval=None), replace(view, regression=0.0)):
        tree = sound(f"<div>{gate(shown)}</div>")
        (dot,) = tree.iter(f"{SVG}circle")
        _, bad = (box for box in tree.iter(f"{SVG}rect"))
        assert float(dot.get("cx", 0)) < float(bad.get("x", 0))


def test_without_a_champion_there_is_nothing_to_place_on_a_scale(
    dev: LoopConnection, passed: FakeRun
) -> None:
    view = dev.run().gate
    assert view is not None
    assert "<svg" not in gate(view)
    assert "none" in gate(view)


def test_nothing_of_a_run_breaks_out_of_its_picture(dev: LoopConnection, halted: FakeRun) -> None:
    detail = dev.run().detail
    assert detail.gate is not None
    evil = replace(
        detail,
        name=EVIL,
        outcome=EVIL,
        pipeline=EVIL,
        steps=tuple(replace(step, detail=EVIL, word=EVIL) for step in detail.steps),
        gate=replace(detail.gate, name=EVIL, metric=EVIL, champion=None, champion_status=EVIL),
    )
    for definition in (TRAINING, "{}"):
        html = run_picture.html(evil, definition)
        sound(html)
        assert escape(EVIL) in html


def test_drift_is_drawn_by_feature_against_its_threshold(
    serves: LoopConnection, analyzed: ServingWorld
) -> None:
    drift = serves.drift()
    assert drift is not None
    tree = sound(drift._repr_html_())
    lines = ["".join(row.itertext()) for row in tree.iter("tr")]
    (temp,) = (line for line in lines if line.startswith("temp"))
    assert "1.000 at most 0.100" in temp
    assert "10.0 ×" in temp
    assert temp.endswith("drifted")
    (carrier,) = (line for line in lines if line.startswith("carrier"))
    assert not carrier.endswith("drifted")
    bars = [float(box.get("width", 0)) for box in tree.iter(f"{SVG}rect")]
    assert bars == sorted(bars, reverse=True)
    assert any(line.startswith("dest") and "categorical" in line for line in lines)
    text = " ".join(tree.itertext())
    assert "drift alarm: in alarm" in text


def test_nothing_of_an_analysis_breaks_out_of_its_picture(
    serves: LoopConnection, analyzed: ServingWorld
) -> None:
    drift = serves.drift()
    assert drift is not None
    view = drift.detail
    evil = replace(
        view,
        message=EVIL,
        outcome=EVIL,
        engine=EVIL,
        distances=tuple(replace(d, feature=EVIL) for d in view.distances),
        violations=tuple(
            replace(v, feature=EVIL, check=EVIL, description=EVIL) for v in view.violations
        ),
    )
    sound(drift_picture.html(evil))


def test_an_analysis_of_model_monitor_has_no_distances_to_draw(
    serves: LoopConnection, analyzed: ServingWorld
) -> None:
    drift = serves.drift()
    assert drift is not None
    tree = sound(drift_picture.html(replace(drift.detail, distances=())))
    assert not list(tree.iter(f"{SVG}svg"))
    assert "temp" in "".join(tree.itertext())


def test_a_fake_definition_is_not_one_that_can_be_drawn(world: World) -> None:
    """Else the test of the table above would not see one."""
    definition = world.sagemaker.describe_pipeline_definition_for_execution()
    assert run_picture._graph(definition["PipelineDefinition"]) is None
    assert run_picture._graph(TRAINING) is not None
