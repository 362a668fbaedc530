"""Two projects in two folders with one installation: each command acts on the project that it is
typed in, wherever in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ratchet.cli.main import app
from ratchet.deployment.errors import DeploymentError
from ratchet.deployment.target import environment as targets
from ratchet.project import Project
from tests.projects import MODEL, ROOT, copy_of_project
from tests.unit.cli.test_cli_consent import ASK_EACH_TIME, CHANGES, COMMANDS, READS

LINE = {
    **CHANGES,
    **ASK_EACH_TIME,
    "costs estimate": ["training"],
    "graph": ["training"],
    "import": [__file__],
    "land": [__file__],
    "lineage": ["latest"],
    "logs": ["latest"],
    "monitor labels": [__file__],
    "notebook run": [str(ROOT / "notebooks" / MODEL / "explore.ipynb")],
    "predict": [__file__],
    "promote": ["explore.ipynb", "--step", "prepare"],
    "pull": ["latest", "prepare", "--to", "x"],
    "remove": [MODEL],
    "show": ["latest"],
}
"""What a command needs on the line."""

WITHOUT_A_PROJECT = {"init"}
WITHOUT_AN_ENVIRONMENT = {"graph"}
"""It reads the source alone, among the commands that know of environments."""


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of another name than the one that Ratchet is installed from."""
    folder = copy_of_project(tmp_path_factory.mktemp("shop"))
    settings = folder / "config" / "base.toml"
    settings.write_text(settings.read_text().replace('project = "flights"', 'project = "shop"'))
    return folder


def type_(*words: str) -> Result:
    return CliRunner().invoke(app, list(words), env={"COLUMNS": "400"})


def line(command: str) -> list[str]:
    return [*command.split(), *LINE.get(command, [])]


@pytest.fixture(params=[".", f"steps/{MODEL}"])
def inside(other: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The other project's folder; the working directory is in it."""
    monkeypatch.chdir(other / request.param)
    for name in ("RATCHET_ENV", "RATCHET_MODEL", "RATCHET_LOCAL"):
        monkeypatch.delenv(name, raising=False)
    return other


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - WITHOUT_A_PROJECT))
def test_outside_of_every_project_a_command_says_so_in_one_line(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = type_(*line(command))
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    (said,) = result.stderr.splitlines()
    assert said.startswith(f"error {tmp_path} is in no project: ")
    assert said.endswith("ratchet init NAME")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "command", sorted({*CHANGES, *ASK_EACH_TIME, *READS, "remove"} - WITHOUT_AN_ENVIRONMENT)
)
def test_a_command_opens_environments_of_the_project_that_it_is_typed_in(
    command: str, inside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    projects: list[Project] = []

    def open_target(**place: Any) -> None:
        projects.append(place["project"])
        raise DeploymentError("no further")

    monkeypatch.setattr(targets, "open_target", open_target)
    assert "no further" in type_(*line(command)).stderr
    assert projects
    for project in projects:
        assert project.root == inside
        assert project.settings("dev").prefix == f"shop-{MODEL}-dev"


@pytest.mark.parametrize("folder", [".", f"steps/{MODEL}"])
def test_a_pipeline_is_drawn_from_the_source_that_it_is_typed_in(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = copy_of_project(tmp_path / "shop")
    (project / "pipeline_defs" / MODEL / "__init__.py").write_text(
        "from ratchet.authoring import Pipeline\n"
        "def training(ctx):\n"
        "    p = Pipeline('training', ctx)\n"
        "    p.halt('only here', name='only-here')\n"
        "    return p\n"
        "PIPELINES = {'training': training}\n"
    )
    monkeypatch.chdir(project / folder)
    assert "only-here" in type_("graph", "training").stdout


def test_commands_of_this_machine_act_on_the_project_that_they_are_typed_in(inside: Path) -> None:
    assert "shop" in type_("settings", "project").stdout
    assert str(inside) in type_("cloud", "status").output
