import json
from pathlib import Path
from typing import Any

import pytest

from ratchet.demo import loop
from ratchet.deployment import facts, runs
from ratchet.deployment.reports import findings
from tests.unit.cli.fake_deployment import FakeRun, World, report


def broken(world: World, run: FakeRun, *, manifest: list[Any]) -> list[str]:
    state = runs.read(world.target, runs.find(world.target, run.id))
    found = findings(world.target, state)
    return loop.broken_claims(state, found, landed=["raw/a", "raw/b"], manifest=manifest)


MANIFEST = [{"prefix": "s3://data/"}, "raw/b", "raw/a"]


def test_a_run_that_shows_the_whole_loop_breaks_no_claim(world: World, passed: FakeRun) -> None:
    assert broken(world, passed, manifest=MANIFEST) == []


def test_a_manifest_that_lacks_a_landed_file_breaks_the_demo(world: World, passed: FakeRun) -> None:
    assert broken(world, passed, manifest=MANIFEST[:-1]) == ["the manifest names every landed file"]


def test_a_model_no_better_than_a_coin_breaks_the_demo(world: World, passed: FakeRun) -> None:
    body = json.dumps(report(candidate=0.5, champion=None)).encode()
    world.s3.objects["artifacts", "evaluate-1/evaluation.json"] = body
    assert broken(world, passed, manifest=MANIFEST) == ["the candidate has an AUC above a coin's"]


def test_a_halted_run_breaks_the_demo(world: World, halted: FakeRun) -> None:
    claims = broken(world, halted, manifest=MANIFEST)
    assert "the run succeeds (it is Failed)" in claims
    assert "a model is registered" in claims


def test_a_run_that_never_starts_ends_the_wait(world: World) -> None:
    waited: list[float] = []
    with pytest.raises(loop.DemoFailedError, match="no run of flights-dev-training has started"):
        loop.wait_for_run(world.target, pipeline="flights-dev-training", sleep=waited.append)
    assert sum(waited) == loop.START_SECONDS


def test_the_trigger_has_looked_when_it_noted_another_window_as_run(world: World) -> None:
    deployed = facts.read(world.target)

    def note(**state: Any) -> None:
        world.s3.objects["artifacts", "trigger/state.json"] = json.dumps(state).encode()

    def sleep(_: float) -> None:
        steps.pop(0)()

    note(run="first", pending=None)
    before = loop.last_seen(world.target, deployed)
    steps = [
        lambda: note(run="first", pending={"fingerprint": "second"}),
        lambda: note(run="second", pending=None),
    ]
    loop.wait_for_look(world.target, deployed, before, sleep=sleep)
    assert not steps

    before = loop.last_seen(world.target, deployed)
    with pytest.raises(loop.DemoFailedError, match="has not looked"):
        loop.wait_for_look(world.target, deployed, before, sleep=lambda _: None)


def test_three_months_land_as_three_folders_below_the_prefix(world: World, tmp_path: Path) -> None:
    drops = loop.write_drops(tmp_path, months=(1,))
    landed = loop.land(world.target, facts.read(world.target), drops)
    assert [one.parcel.key for one in landed] == [
        f"raw/2013-01/{name}.csv" for name in ("flights", "planes", "weather")
    ]
