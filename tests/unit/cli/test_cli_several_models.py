"""A project with several models: listed, deployed together, removed by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ratchet.cli.commands import deploy as deploy_command
from ratchet.cli.commands import remove as remove_command
from ratchet.cli.main import app
from ratchet.cli.views import project_models
from ratchet.deployment.pipelines import source
from ratchet.project import Project
from ratchet.settings.toml_reader import SettingsError
from tests.projects import small_project

Type = Callable[..., Result]


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = small_project(
        tmp_path / "bikes",
        "bikes",
        "demand",
        files={f"steps/{name}/train.py": "" for name in ("bikes", "demand")},
    )
    base = root / "config" / "base.toml"
    base.write_text(base.read_text().replace('"flights"', '"bikes"'))
    dev = root / "config" / "dev.toml"
    dev.write_text('account = "local"\n')
    monkeypatch.chdir(root)
    monkeypatch.delenv("RATCHET_MODEL", raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    return root


def typed(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def test_a_command_about_all_models_takes_all_unless_one_is_meant(
    two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Project(two)
    assert project.chosen() == ["bikes", "demand"]
    assert project.chosen("demand") == ["demand"]
    monkeypatch.chdir(two / "steps" / "demand")
    assert project.chosen() == ["demand"]
    monkeypatch.setenv("RATCHET_MODEL", "bikes")
    assert project.chosen() == ["bikes"]
    with pytest.raises(SettingsError, match="no model"):
        project.chosen("deman")


def test_deploy_deploys_every_model(two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deployed: list[str] = []

    def record(arguments: list[str], environment: str, model: str, *_: Any, **__: Any) -> None:
        deployed.append(f"{environment}/{model}")

    monkeypatch.setattr(deploy_command, "_deploy", record)
    monkeypatch.setattr(source, "check", lambda settings, *, root: None)  # it has no pipelines
    assert typed("deploy").exit_code == 0
    assert typed("deploy", "-m", "demand").exit_code == 0
    assert deployed == ["dev/bikes", "dev/demand", "dev/demand"]


def test_the_models_of_a_project_are_a_line_each() -> None:
    rows = [
        project_models.ProjectModel(
            name="bikes", problem="regression", metric="rmse", deployed=True, versions=2, serving=1,
            pending=1,
        ),
        project_models.ProjectModel(
            name="demand", problem="binary", metric="auc", deployed=False
        ),
    ]  # fmt: skip
    table = project_models.table(rows)
    cells = [list(column.cells) for column in table.columns]
    assert cells[0] == ["bikes", "demand"]
    assert cells[3] == ["[green]version 1[/]", ""]
    assert cells[4] == [
        "[yellow]1 waits for approval[/]",
        "[dim]not deployed: ratchet deploy -m demand[/]",
    ]


def test_a_model_is_removed_from_every_folder_and_the_other_stays(two: Path) -> None:
    listed = typed("remove", "demand")
    assert listed.exit_code == 0
    assert "config/demand/" in listed.output
    assert (two / "config" / "demand").is_dir(), "nothing is deleted without --yes"
    assert typed("remove", "demand", "--yes").exit_code == 0
    assert not list(two.glob("*/demand"))
    assert (two / "config" / "bikes" / "base.toml").is_file()


def test_a_model_whose_stacks_are_there_keeps_its_files(
    two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def left(project: Project, environment: str, model: str) -> list[str]:
        return [f"{environment} still has bikes-demand-dev-foundation."]

    monkeypatch.setattr(remove_command, "_left", left)
    refused = typed("remove", "demand", "--yes")
    assert refused.exit_code == 1
    assert "bikes-demand-dev-foundation" in refused.output
    assert (two / "config" / "demand").is_dir()
    assert typed("remove", "demand", "--yes", "--unchecked", "dev").exit_code == 0


def test_names_of_resources_that_begin_alike_are_refused(two: Path) -> None:
    """Model dev of project bikes, and environment dev of its model bikes."""
    (two / "config" / "demand").rename(two / "config" / "dev")
    with pytest.raises(SettingsError, match="have names that begin alike"):
        Project(two).settings("dev", "bikes")


def test_names_that_are_too_long_for_a_monitoring_schedule_are_refused(two: Path) -> None:
    long = "d" * 20
    (two / "config" / "demand").rename(two / "config" / long)
    base = two / "config" / "base.toml"
    base.write_text(base.read_text().replace('"bikes"', f'"{"b" * 20}"'))
    (two / "config" / "dev.toml").rename(two / "config" / f"{'e' * 20}.toml")
    with pytest.raises(SettingsError, match="expected at most 48"):
        Project(two).settings("e" * 20, long)
