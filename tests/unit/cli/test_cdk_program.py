"""`cdk`, typed by hand, in a project with environments on the local cloud and on AWS."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from ratchet import cdk_cli
from ratchet.cli import cdk as program
from ratchet.deployment.errors import DeploymentError
from ratchet.deployment.target import environment as targets
from tests.unit.cli.fake_deployment import World
from tests.unit.cli.test_cli_target import project_of


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """dev and test on the local cloud, prod on AWS."""
    project_of(tmp_path, "flights", dev='account = "local"\n')
    (tmp_path / "config" / "test.toml").write_text('account = "local"\n')
    (tmp_path / "config" / "prod.toml").touch()
    monkeypatch.chdir(tmp_path)
    for name in ("AWS_ENDPOINT_URL", "RATCHET_LOCAL", "RATCHET_MODEL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def opened(world: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The environments that were opened on the local cloud."""
    names: list[str] = []

    def open_target(**given: Any) -> targets.Target:
        names.append(given["environment"])
        return world.target

    monkeypatch.setattr(targets, "open_target", open_target)
    return names


def type_cdk(monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[list[str], dict[str, str]]:
    """What the CDK CLI is started with: its arguments and its environment."""
    before = dict(os.environ)
    monkeypatch.setattr(sys, "argv", ["cdk", *words])
    started: list[tuple[list[str], dict[str, str]]] = []
    monkeypatch.setattr(cdk_cli, "main", lambda: started.append((sys.argv[1:], dict(os.environ))))
    try:
        program.main()
    finally:
        os.environ.clear()
        os.environ.update(before)
    (call,) = started
    return call


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("verb", ["deploy", "destroy", "diff"])
def test_stacks_of_a_local_environment_go_to_the_local_cloud(
    opened: list[str], monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    words, variables = type_cdk(monkeypatch, verb, "dev/**", "--force")
    assert opened == ["dev"]
    assert words == [verb, "dev/**", "--force", "--context", "local=true"]
    assert "AWS_PROFILE" not in variables


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "words", [["deploy", "prod/**"], ["synth", "dev/**"], ["ls"], ["deploy", "--all"], []]
)
def test_everything_else_goes_where_the_cdk_sends_it(
    opened: list[str], monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    typed, variables = type_cdk(monkeypatch, *words)
    assert typed == words
    assert variables["AWS_PROFILE"] == "mine"
    assert not opened


@pytest.mark.usefixtures("folder")
def test_a_shell_that_was_pointed_to_a_cloud_keeps_it(
    opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert type_cdk(monkeypatch, "deploy", "dev/**")[0] == ["deploy", "dev/**"]
    assert not opened


@pytest.mark.usefixtures("folder")
def test_the_variable_overrules_the_settings(
    opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RATCHET_LOCAL", "no")
    assert type_cdk(monkeypatch, "deploy", "dev/**")[0] == ["deploy", "dev/**"]
    monkeypatch.setenv("RATCHET_LOCAL", "yes")
    assert type_cdk(monkeypatch, "deploy", "prod/**")[0][-1] == "local=true"
    assert opened == ["prod"]


def test_two_places_at_once_are_refused(folder: Path, opened: list[str]) -> None:
    from ratchet.project import Project

    with pytest.raises(DeploymentError, match="dev is on the local cloud and prod on AWS"):
        program.local_target_of(Project(folder), ["deploy", "dev/**", "prod/**"])
    assert not opened


def test_an_app_that_is_none_of_ours_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert type_cdk(monkeypatch, "deploy", "dev/x")[0] == ["deploy", "dev/x"]
