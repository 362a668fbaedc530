"""The demo's acts and claims, held against what fakes show."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from demo import loop, traffic
from demo.acts import SERVING, TRAINING
from demo.acts import serving as serving_acts
from demo.stage import Act, DemoFailedError, Play, claim, perform
from ratchet.deployment.monitoring.analyses import Analysis
from ratchet.deployment.runs import executions as runs
from ratchet.deployment.runs.executions import Run, RunState
from ratchet.deployment.runs.reports import findings
from ratchet.deployment.serving.request_rows import Batch
from ratchet.deployment.standing import Alarm
from ratchet.deployment.target import facts
from ratchet.deployment.target.environment import Target
from tests.unit.cli.fake_deployment import FakeRun, World, report
from tests.unit.cli.fake_serving import FakeRuntime, ServingWorld, refusal


class Silent:
    """A stage that notes what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    @contextmanager
    def chapter(self, title: str) -> Iterator[None]:
        self.said.append(f"# {title}")
        yield

    def say(self, text: str) -> None:
        self.said.append(text)

    @contextmanager
    def waiting(self, text: str) -> Iterator[Callable[[str], None]]:
        yield lambda line: None

    def follow(self, target: Target, run: Run) -> RunState:
        return runs.read(target, run)

    def analysis(self, analysis: Analysis, drift: Alarm | None) -> None:
        self.said.append(analysis.outcome)


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.meanwhile: list[Callable[[], None]] = []

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.meanwhile:
            self.meanwhile.pop(0)()

    def __call__(self) -> float:
        return self.now


def play_at(target: Target, tmp_path: Path, *, seconds: float = 60) -> tuple[Play, Clock]:
    clock = Clock()
    play = Play(
        stage=Silent(),
        project=target.project,
        settings=target.settings,
        cloud=tmp_path / "cloud",
        data=tmp_path / "data",
        sleep=clock.sleep,
        clock=clock,
    )
    play.target = target
    play.deployed = facts.read(target)
    play.deadline = seconds
    return play, clock


def broken(world: World, run: FakeRun, *, manifest: list[Any]) -> list[str]:
    state = runs.read(world.target, runs.find(world.target, run.id))
    found = findings(world.target, state)
    claims = loop.first_run_claims(state, found, landed=["raw/a", "raw/b"], manifest=manifest)
    return [text for text, held in claims.items() if not held]


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


def test_a_challenge_must_name_drift_and_beat_version_1(world: World, passed: FakeRun) -> None:
    state = runs.read(world.target, runs.find(world.target, passed.id))
    claims = loop.challenge_claims(
        state, findings(world.target, state), landed=["raw/a"], manifest=MANIFEST
    )
    assert [text for text, held in claims.items() if not held] == [
        "its description says that drift started it",
        "the manifest names every landed file",
        "the champion was scored on the same rows",
        "it was version 1",
        "the candidate is better",
        "version 2 is registered",
    ]


def test_a_run_that_never_starts_ends_the_wait(world: World, tmp_path: Path) -> None:
    play, clock = play_at(world.target, tmp_path, seconds=10)
    with pytest.raises(DemoFailedError, match="in vain: no further run of flights-dev-training"):
        loop.wait_for_run(play, after=0)
    assert clock.now == pytest.approx(10, abs=1)


def test_the_trigger_has_looked_when_it_noted_another_window_as_run(
    world: World, tmp_path: Path
) -> None:
    play, clock = play_at(world.target, tmp_path)

    def note(**state: Any) -> None:
        world.s3.objects["artifacts", "trigger/state.json"] = json.dumps(state).encode()

    note(run="first", pending=None)
    before = loop.last_seen(world.target, play.deployed)
    clock.meanwhile = [
        lambda: note(run="first", pending={"fingerprint": "second"}),
        lambda: note(run="second", pending=None),
    ]
    loop.wait_for_look(play, before)
    assert not clock.meanwhile

    before = loop.last_seen(world.target, play.deployed)
    with pytest.raises(DemoFailedError, match="has not looked"):
        loop.wait_for_look(play, before)


def test_three_months_land_as_three_folders_below_the_prefix(world: World, tmp_path: Path) -> None:
    deployed = facts.read(world.target)
    drops = loop.write_drops(tmp_path, months=(1,))
    landed = loop.land(world.target, deployed, drops)
    keys = [f"raw/2013-01/{name}.csv" for name in ("flights", "planes", "weather")]
    assert [one.parcel.key for one in landed] == keys
    assert loop.keys_of(drops, deployed) == set(keys)


def test_every_broken_claim_is_named() -> None:
    with pytest.raises(DemoFailedError, match=r"did not hold: b; c$"):
        claim({"a": True, "b": False, "c": False})


def test_an_act_that_takes_too_long_fails_the_demo(world: World, tmp_path: Path) -> None:
    play, _ = play_at(world.target, tmp_path)
    slow = Act(title="slow", seconds=1, play=lambda play: play.sleep(2))
    never = Act(title="never", seconds=1, play=lambda _: pytest.fail("comes after"))
    with pytest.raises(DemoFailedError, match="took 2 s"):
        perform([slow, never], play)


def test_each_act_has_a_title_of_its_own_and_a_bound() -> None:
    acts = [*TRAINING, *SERVING]
    assert len({act.title for act in acts}) == len(acts)
    assert all(0 < act.seconds <= 300 for act in acts)


def test_a_version_serves_when_stack_endpoint_and_baseline_say_so(
    serving: ServingWorld, tmp_path: Path
) -> None:
    play, clock = play_at(serving.world.target, tmp_path)
    play.serving = facts.read_serving(play.target)
    serving.sagemaker.endpoint = None
    clock.meanwhile = [lambda: serving.sagemaker.serve(1, "Creating"), lambda: serving.deploy(1)]
    wait = serving_acts.wait_until_served
    assert wait(play, 1).deployed == 1
    serving.cloudformation.parameters["BaselineUri"] = "s3://artifacts/baselines/2"
    with pytest.raises(DemoFailedError, match="the monitor reads version 1's own baseline"):
        wait(play, 1)


def test_a_deployment_that_fails_ends_the_demo_with_its_reason(
    serving: ServingWorld, tmp_path: Path
) -> None:
    mark = {"ratchet-deployment": "failed 2013-04-02T09:00:00Z: an alarm went off"}
    serving.sagemaker.packages[2]["CustomerMetadataProperties"] = mark
    serving.sagemaker.endpoint = None
    play, _ = play_at(serving.world.target, tmp_path)
    with pytest.raises(DemoFailedError, match="version 1 failed: an alarm went off"):
        serving_acts.wait_until_served(play, 1)


def test_requests_carry_the_columns_of_the_eval_slice_without_the_label() -> None:
    flights = traffic.flights_of(2, rows=12, label="late")
    assert len(flights) == 12
    assert "late" not in flights[0].columns
    assert {"carrier", "temp", "plane_seats"} <= flights[0].columns.keys()
    assert {flight.columns["month"] for flight in flights} == {"2"}
    assert flights[0].columns["day"] != flights[-1].columns["day"], "evenly through the month"
    first, second = traffic.requests_of(flights, size=10)
    assert (len(first.rows), len(second.rows), second.first) == (10, 2, 11)
    assert first.body.splitlines()[0] == second.body.splitlines()[0]


BATCH = Batch(body=b"a\n1\n", content_type="text/csv", rows=({"a": "1"},), first=1)


def test_the_client_counts_what_fails_and_calls_on() -> None:
    runtime = FakeRuntime(problem=refusal("ServiceUnavailable", "try later"))
    with traffic.Client(runtime, "e", BATCH, pause=0.001) as client:
        while client.tally.calls < 5:
            time.sleep(0.001)
        runtime.problem = None
        while not client.tally.answers:
            time.sleep(0.001)
    assert len(client.tally.failures) >= 4
    assert "try later" in client.tally.failures[0]
    assert client.tally.calls == len(client.tally.failures) + len(client.tally.answers)


def test_the_probabilities_of_an_answer_are_checked() -> None:
    assert serving_acts._probabilities([0, 0.5, 1])
    assert not serving_acts._probabilities([0.5, 1.1])
    assert not serving_acts._probabilities([])
