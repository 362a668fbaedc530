"""`ratchet import`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ratchet.cli.main import app
from tests.projects import copy_of_project
from tests.sdk.imports import GOLDEN, HERE, TELL, scripts_of_steps

FILE = GOLDEN / "v3" / "definition.json"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(copy_of_project(tmp_path / "project"))
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path / "project"


def type_(*words: str) -> Result:
    return CliRunner().invoke(app, ["import", *words])


def options(folder: Path) -> list[str]:
    given = scripts_of_steps(folder / "sourcedir.tar.gz")
    code = [word for one in given for word in ("--code", f"{one.key}={one.path}")]
    return [*code, "--bucket-map", "s3://acme-landing=data", "--arn-map", f"{TELL}={HERE}"]


def test_it_says_each_change_with_before_after_and_why(repository: Path) -> None:
    ended = type_(str(FILE), "--name", "house-prices", *options(repository))
    assert ended.exit_code == 0, ended.output
    assert "  RoleArn  the pipeline's own narrow role" in ended.output
    assert "- arn:aws:iam::111122223333:role/service-role/AmazonSageMaker" in ended.output
    assert "+ ${ratchet:role}" in ended.output
    assert "Written: pipelines/flights/house-prices" in ended.output
    assert "ratchet run house-prices" in ended.output
    folder = repository / "pipelines" / "flights" / "house-prices"
    assert (folder / "definition.json").is_file()
    assert (folder / "code/Train/source/train.py").is_file()


def test_the_json_holds_what_the_text_says(repository: Path) -> None:
    ended = type_(str(FILE), "--name", "x", "--json", *options(repository))
    said = json.loads(ended.stdout)
    assert said["written"] == "pipelines/flights/x"
    assert {"step", "argument", "before", "after", "why"} == set(said["changes"][0])
    assert [r["argument"] for r in said["remarks"]] == ["CacheConfig"]


def test_with_a_problem_nothing_is_written_and_each_step_says_what_to_add(
    repository: Path,
) -> None:
    ended = type_(str(FILE), "--name", "house-prices")
    assert ended.exit_code == 1
    assert ended.output.count("--code ") == 3
    assert not (repository / "pipelines").exists()


def test_a_dry_run_writes_nothing(repository: Path) -> None:
    ended = type_(str(FILE), "--name", "house-prices", "--dry-run", *options(repository))
    assert ended.exit_code == 0, ended.output
    assert "Nothing was written" in ended.output
    assert not (repository / "pipelines").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing.json"], "nothing.json is not there"),
        ([str(FILE), "--name", "training"], "is the name of a pipeline of this project"),
        ([str(FILE), "--name", "no name"], "letters, digits and hyphens"),
        ([str(FILE), "--code", "Train"], "is not of the form OLD=NEW"),
        ([str(FILE), "--name", "x", "--code", "Train=nowhere"], "nowhere is not there"),
    ],
)
def test_a_mistake_is_answered_with_what_is_expected(
    repository: Path, words: list[str], said: str
) -> None:
    ended = type_(*words)
    assert ended.exit_code != 0
    assert said in " ".join(ended.output.split())
    assert not (repository / "pipelines").exists()


def test_an_option_that_meets_nothing_is_refused(repository: Path) -> None:
    """A slip would otherwise look as if it had been obeyed."""
    for slip in (["--code", "Trian=."], ["--bucket-map", "s3://acme-landng=data"]):
        ended = type_(str(FILE), "--name", "x", *options(repository), *slip)
        assert ended.exit_code == 1, slip
        assert slip[1].split("=")[0] in ended.output
