"""What the shell completes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ratchet.cli import completion
from ratchet.deployment.target import environment as targets
from ratchet.local_cloud import control
from tests.unit.cli.fake_deployment import FakeRun
from tests.unit.cli.fake_serving import ServingWorld
from tests.unit.cli.test_cli_target import project_of


def line(*parents: dict[str, Any], **params: Any) -> Any:
    """The context of a command, with what was typed before it."""
    ctx: Any = None
    for given in (*parents, params):
        ctx = SimpleNamespace(params=given, parent=ctx)
    return ctx


def complete(words: str, folder: Path) -> list[str]:
    """What a shell shows after `words`, which end where the cursor is."""
    variables = {
        **os.environ,
        "_RATCHET_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    program = "import sys; sys.argv[0] = 'ratchet'; from ratchet.cli.main import app; app()"
    done = subprocess.run(
        [sys.executable, "-c", program], env=variables, cwd=folder, capture_output=True, text=True
    )
    assert not done.stderr
    return done.stdout.split()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    project = project_of(tmp_path, "bikes", "demand", dev='account = "local"\n')
    (project.config / "prod.toml").touch()
    return tmp_path


def test_a_shell_is_told_the_names_of_the_project(folder: Path) -> None:
    assert complete("ratchet -e ", folder) == ["dev", "prod"]
    assert complete("ratchet status --env p", folder) == ["prod"]
    assert complete("ratchet runs -m ", folder) == ["bikes", "demand"]
    assert complete("ratchet diff --format m", folder) == ["markdown"]


def test_where_there_is_no_project_there_is_nothing_to_complete(tmp_path: Path) -> None:
    assert complete("ratchet -e ", tmp_path) == []


def test_pipelines_are_those_of_the_source() -> None:
    assert "training" in completion.pipelines(line({"model": "flights"}), "train")


def test_runs_and_versions_are_those_of_the_environment_on_the_line(
    serving: ServingWorld, passed: FakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving.sagemaker.runs = [passed]
    asked: list[dict[str, Any]] = []

    def opened(**given: Any) -> targets.Target:
        asked.append(given)
        return serving.world.target

    monkeypatch.setattr(targets, "open_target", opened)
    monkeypatch.setattr(control, "status", lambda folder: object())
    assert completion.runs(line({"environment": "staging"}, local=True), "") == [
        "latest",
        passed.id,
    ]
    assert completion.versions(line({"environment": "staging"}, environment=None), "") == [
        "latest",
        "3",
        "2",
        "1",
    ]
    assert [given["environment"] for given in asked] == ["staging", "staging"]
    assert all(given["seconds"] == completion.SECONDS for given in asked)


def test_a_completion_starts_no_cloud_and_is_never_a_mistake(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("started")

    monkeypatch.setattr(control, "status", lambda folder: None)
    monkeypatch.setattr(control, "up", never)
    assert completion.runs(line(environment="dev", local=True), "") == []
    assert completion.versions(line(environment="nowhere"), "") == []
    assert completion.pipelines(line(model="nothing"), "") == []
