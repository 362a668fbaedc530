"""Where options may stand on the line, and what a slip does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from ratchet.cli import acting_project
from ratchet.cli.main import app
from ratchet.deployment.target import environment as targets
from ratchet.version import version
from tests.unit.cli.fake_deployment import World


@pytest.fixture
def opened(world: World, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the environment was opened with."""
    places: list[dict[str, Any]] = []

    def open_target(**given: Any) -> targets.Target:
        places.append(given)
        return world.target

    monkeypatch.setattr(targets, "open_target", open_target)
    for name in ("RATCHET_ENV", "RATCHET_MODEL", "RATCHET_LOCAL"):
        monkeypatch.delenv(name, raising=False)
    return places


def type_(*words: str, **variables: str) -> Any:
    return CliRunner().invoke(app, list(words), env=variables)


@pytest.mark.parametrize(
    "words",
    [
        ["-e", "prod", "-m", "bikes", "--local", "runs"],
        ["runs", "-e", "prod", "-m", "bikes", "--local"],
        ["--env", "prod", "runs", "--model", "bikes", "--local"],
        ["--local", "runs", "-m", "bikes", "-e", "prod"],
        ["-e", "prod", "runs", "-m", "bikes", "-e", "prod", "--local"],
        ["-m", "bikes", "costs", "-e", "prod", "reconcile", "--local"],
        ["costs", "-m", "bikes", "-e", "prod", "--local"],
        ["-e", "prod", "monitor", "-m", "bikes", "show", "--local"],
    ],
)
def test_environment_and_model_are_named_anywhere_on_the_line(
    opened: list[dict[str, Any]], words: list[str]
) -> None:
    type_(*words)
    (place,) = opened
    assert (place["environment"], place["model"], place["local"]) == ("prod", "bikes", True)


def test_a_word_of_the_line_wins_over_a_variable_wherever_it_stands(
    opened: list[dict[str, Any]],
) -> None:
    type_("-e", "prod", "runs", RATCHET_ENV="staging", RATCHET_MODEL="demand")
    type_("runs", RATCHET_ENV="staging", RATCHET_MODEL="demand")
    type_("runs")
    assert [(place["environment"], place["model"]) for place in opened] == [
        ("prod", "demand"),
        ("staging", "demand"),
        ("dev", None),
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-e", "prod", "runs", "-e", "dev"], "it is there twice: 'prod' and 'dev'"),
        (["-e", "prod", "costs", "estimate", "training", "-e", "dev"], "it is there twice"),
        (["-e", "prod", "cloud", "down"], "down has no such option"),
        (["cloud", "-m", "bikes", "status"], "status has no such option"),
        (["-e", "prod", "upgrade"], "upgrade has no such option"),
        (["-m", "flights", "remove", "flights"], "remove has no such option"),
        (["approve", "3", "-m", "flights", "--becuse", "x"], "Did you mean --because"),
        (["models", "1", "2"], "'1' and '2' are several; expected one version"),
        (["models", "show"], "show which version?"),
        (["run", "training", "-p", "MaxRegression"], "not of the form Name=value"),
        (["run", "training", "--stand-in", "train"], "not of the form STEP=FILE"),
        (["cloud", "up", "--port", "99999"], "less than or equal to 65535"),
        (["costs", "--since", "8w", "reconcile"], "after the command's name"),
        (["costs", "--since", "yesterday"], "yesterday"),
        (["costs", "estimate", "training", "--assume", "train"], "expected STEP=TIME"),
        (["monitor", "run", "--engine", "x"], "'x' is not one of"),
        (["diff", "--file", "x"], "it goes with --base"),
        (["logs", "--xyz"], "No such option: --xyz"),
        (["nonsense"], "No such command"),
        (["show", "a", "b"], "unexpected extra argument"),
    ],
)
def test_a_mistake_of_the_line_is_2_and_touches_nothing(
    opened: list[dict[str, Any]], words: list[str], message: str
) -> None:
    result = CliRunner().invoke(app, words, env={"COLUMNS": "200"})
    assert result.exit_code == 2, result.output
    assert message in " ".join(result.output.split())
    assert not opened
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["runs", "-e", "nowhere"], "'nowhere' is no environment"),
        (["runs", "-m", "nothing"], "'nothing' is no model"),
        (["graph", "trainin"], "did you mean training?"),
        (["import", "not-there.json"], "not-there.json is not there"),
    ],
)
def test_a_name_that_is_not_there_is_1(words: list[str], message: str) -> None:
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 1, result.output
    assert message in " ".join(result.stderr.split())
    assert "Traceback" not in result.output


def test_only_deploy_passes_words_on_and_none_ignores_an_option() -> None:
    from tests.unit.cli.test_cli_consent import COMMANDS

    for setting, lax in (("allow_extra_args", ["deploy"]), ("ignore_unknown_options", [])):
        chosen = [
            name for name, command in COMMANDS.items() if command.context_settings.get(setting)
        ]
        assert chosen == lax, setting


def test_the_version_is_that_of_the_distribution() -> None:
    result = type_("--version")
    assert result.stdout == f"ratchet {version()}\n"
    assert result.exit_code == 0


def test_help_names_no_type_for_a_switch() -> None:
    for words in (["--help"], ["status", "--help"], ["costs", "--help"]):
        assert "<bool>" not in type_(*words).stdout.replace("--help", "")


NEED_A_PROJECT = [
    ["runs"],
    ["deploy"],
    ["graph"],
    ["diff"],
    ["check"],
    ["upgrade"],
    ["import", "x.json"],
    ["cloud", "up"],
    ["cloud", "status"],
    ["costs"],
    ["monitor", "show"],
]


@pytest.mark.parametrize("words", NEED_A_PROJECT, ids=" ".join)
def test_outside_a_project_a_command_says_what_to_do(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = type_(*words)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error {tmp_path} is in no project: ")
    assert result.stderr.endswith("or make one: ratchet init NAME\n")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["runs", "--help"]], ids=" ".join)
def test_outside_a_project_help_and_version_answer(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert type_(*words).exit_code == 0


def test_the_ratchet_of_another_clone_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own edits would have no effect, and those of the other clone would be deployed."""
    project(tmp_path)
    (tmp_path / "ratchet").mkdir()
    (tmp_path / "ratchet" / "machinery.py").touch()
    monkeypatch.chdir(tmp_path)
    result = type_("graph")
    assert result.exit_code == 1
    assert f"{tmp_path} has a Ratchet of its own" in result.stderr
    assert f"source {tmp_path}/.venv/bin/activate" in result.stderr


def test_the_ratchet_of_another_environment_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project(tmp_path)
    own = tmp_path / ".venv" / "bin" / "ratchet"
    own.parent.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    assert acting_project.acting_project().root == tmp_path
    assert not capsys.readouterr().err
    own.touch()
    acting_project.acting_project()
    assert "the project has its own: source .venv/bin/activate" in capsys.readouterr().err
    monkeypatch.setattr("sys.prefix", str(tmp_path / ".venv"))
    acting_project.acting_project()
    assert not capsys.readouterr().err


def project(root: Path) -> None:
    (root / "config").mkdir()
    (root / "config" / "base.toml").touch()
    (root / "cdk.json").write_text("{}")


def test_every_group_hands_its_place_on() -> None:
    groups = [typer.main.get_command(app)]
    while groups:
        group = groups.pop()
        names = {param.name for param in group.params}
        assert {"environment", "model", "local"} <= names, group.name
        groups += [each for each in group.commands.values() if hasattr(each, "commands")]  # type: ignore[attr-defined]
