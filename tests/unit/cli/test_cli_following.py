from collections.abc import Callable, Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from ratchet.cli.main import app
from ratchet.deployment.runs import executions as runs
from ratchet.deployment.runs import watch
from ratchet.deployment.target import environment as targets
from tests.unit.cli.fake_deployment import FakeRun, World, step


@pytest.fixture
def advance(
    world: World, running: FakeRun, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], None]:
    """Lets `running` end with a status while it is followed, one look later."""
    monkeypatch.setattr(targets, "open_target", lambda **_: world.target)

    def later(status: str) -> None:
        def end(_: float) -> None:
            running.status = status
            running.steps[-1] = step("train", 7204, 9, status)

        monkeypatch.setattr(watch.watch, "__kwdefaults__", {"sleep": end})

    return later


def test_each_look_is_yielded_until_the_run_has_ended(world: World, running: FakeRun) -> None:
    looks: list[float] = []

    def sleep(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 2:
            running.status = "Stopped"

    run = runs.find(world.target, "latest")
    states = list(watch.watch(world.target, run, sleep=sleep))
    assert [state.run.status for state in states] == ["Executing", "Executing", "Stopped"]
    assert looks == [watch.LOCAL_INTERVAL] * 2


def test_only_what_changed_between_two_looks_is_told(world: World, running: FakeRun) -> None:
    before = runs.read(world.target, runs.find(world.target, "latest"))
    assert watch.transitions(None, before) == ["prepare", "train"]
    running.steps[-1] = step("train", 7204, 9)
    after = runs.refresh(world.sagemaker, before)
    assert watch.transitions(before, after) == ["train"]


def test_without_a_terminal_each_change_is_one_line(
    advance: Callable[[str], None], running: FakeRun
) -> None:
    advance("Succeeded")
    result = CliRunner().invoke(app, ["show", "--follow"])
    assert result.exit_code == 0
    lines = [line.split(maxsplit=2)[2] for line in result.stdout.splitlines()[:3]]
    assert lines == ["prepare done 3.0 s", "train running", "train done 9.0 s"]


def test_following_to_a_failure_is_the_exit_status_of_run(
    advance: Callable[[str], None], world: World, running: FakeRun
) -> None:
    advance("Failed")
    world.sagemaker.start_pipeline_execution = (  # type: ignore[method-assign]
        lambda **_: {"PipelineExecutionArn": running.arn}
    )
    words = ["run", "training", "--as-deployed", "-p", "InputManifest=s3://m"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 1
    assert "train failed 9.0 s" in result.stdout


def test_ctrl_c_leaves_the_run_going_and_says_how_to_come_back(
    world: World, running: FakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(targets, "open_target", lambda **_: world.target)

    def interrupted(*_: Any, **__: Any) -> Iterator[Any]:
        raise KeyboardInterrupt

    monkeypatch.setattr("ratchet.cli.views.live.watch", interrupted)
    world.sagemaker.start_pipeline_execution = (  # type: ignore[method-assign]
        lambda **_: {"PipelineExecutionArn": running.arn}
    )
    words = ["run", "training", "--as-deployed", "-p", "InputManifest=s3://m"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 130
    assert f"ratchet show {running.id} --follow --local" in result.stderr
    assert f"ratchet stop {running.id} --local" in result.stderr
    assert not world.sagemaker.stopped
