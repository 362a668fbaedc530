"""`ratchet settings`, and what a mistake in them does to other commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ratchet.cli.main import app
from tests.projects import MODEL, copy_of_project

Typed = Callable[..., Any]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the options of a script are kept, so that the same script is asked once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def project(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = copy_of_project(tmp_path / "project")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    return folder


def typed(*words: str) -> Any:
    return CliRunner().invoke(app, words)


def add(project: Path, file: str, text: str) -> None:
    path = project / "config" / file
    path.write_text(path.read_text() + text)


def test_settings_are_listed_with_their_files(project: Path) -> None:
    result = typed("settings", "trigger")
    assert result.exit_code == 0, result.output
    assert "settle_seconds = 5             # config/dev.toml" in result.stdout
    assert 'timezone = "UTC"               # default' in result.stdout
    assert f"{MODEL} in dev" in result.stderr


def test_environment_and_model_are_chosen_as_everywhere(project: Path) -> None:
    result = typed("-e", "prod", "settings", "steps", "-m", MODEL, "--json")
    values = {each["key"]: each for each in json.loads(result.stdout)}
    assert values["steps.train.instance_type"]["file"] == "config/prod.toml"


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("dev.toml", "\n[steps.trian]\nspot = true\n", "[steps.trian]: no pipeline of"),
        ("dev.toml", "\n[hyperparameters]\nnum_rounds = 1\n", "did you mean num_round?"),
        ("dev.toml", '\n[steps.train]\ninstance_type = "ml.m5.lagre"\n', "'ml.m5.large'?"),
    ],
)
def test_a_mistake_is_said_below_the_list_and_refused_before_anything_is_deployed(
    project: Path, file: str, text: str, words: str
) -> None:
    add(project, file, text)
    listed = typed("settings")
    assert listed.exit_code == 1
    assert "project = " in listed.stdout
    assert f"error config/{file}: " in listed.stderr
    assert words in listed.stderr
    deployed = typed("deploy", "--local")
    assert deployed.exit_code == 1
    assert words in deployed.stderr
    assert not (project / ".ratchet").exists()  # no local cloud was started


def test_a_mistake_in_prod_does_not_keep_dev_from_being_listed(project: Path) -> None:
    add(project, "prod.toml", "\nno_such_key = 1\n")
    assert typed("settings").exit_code == 0
    assert "no_such_key = 1: there is no such key" in typed("settings", "-e", "prod").stderr


def test_a_wrong_key_says_the_nearest(project: Path) -> None:
    result = typed("settings", "endpont")
    assert result.exit_code == 1
    assert "did you mean endpoint?" in result.stderr
