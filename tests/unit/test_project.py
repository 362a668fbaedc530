"""The project that a command acts on, and the model that is meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from ratchet import project
from ratchet.project import MODEL_VARIABLE, NoProjectError, Project
from ratchet.settings.toml_reader import SettingsError
from tests.projects import ROOT, small_project


@pytest.fixture(autouse=True)
def nothing_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(MODEL_VARIABLE, raising=False)


@pytest.fixture
def two(tmp_path: Path) -> Project:
    """With two models, and folders for each."""
    root = small_project(tmp_path.resolve() / "shop", "churn", "demand")
    for folder in ("steps/churn/deep", "pipeline_defs/demand", "tests/churn", "docs/guides"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    return Project(root)


def refusal(chosen: Project, name: str | None = None, *, folder: Path | None = None) -> str:
    with pytest.raises(SettingsError) as refused:
        chosen.model(name, folder=folder or chosen.root)
    return str(refused.value)


# -- which project ---------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", ["", "steps", "steps/churn/deep", "config"])
def test_a_project_is_found_from_each_folder_in_it(two: Project, folder: str) -> None:
    assert project.find(two.root / folder) == two


def test_the_nearest_project_counts(two: Project) -> None:
    inner = small_project(two.root / "examples" / "inner", "churn")
    assert project.find(inner / "config").root == inner
    assert project.find(inner.parent) == two


@pytest.mark.parametrize("missing", ["cdk.json", "config/base.toml"])
def test_half_of_a_project_is_none(two: Project, missing: str) -> None:
    (two.root / missing).unlink()
    with pytest.raises(NoProjectError):
        project.find(two.root)


def test_a_folder_in_no_project_is_told_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(NoProjectError) as refused:
        project.find(tmp_path)
    message = str(refused.value)
    assert str(tmp_path) in message
    assert "cdk.json and config/base.toml" in message
    assert "ratchet init NAME" in message


def test_the_working_directory_says_which_project_wherever_the_code_is_installed(
    two: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(two.root / "steps" / "churn")
    assert project.current() == two
    assert project.environments() == ["dev"]
    assert project.load("dev").model_name == "churn"
    monkeypatch.chdir(ROOT)
    assert project.current().root == ROOT.resolve()


def test_a_working_directory_that_was_deleted_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(NoProjectError, match="not there any more"):
        project.current()


def test_a_link_to_a_project_leads_to_the_project(two: Project, tmp_path: Path) -> None:
    link = tmp_path / "here"
    link.symlink_to(two.root, target_is_directory=True)
    assert project.find(link / "steps" / "churn") == two
    assert two.model(folder=link / "steps" / "churn") == "churn"


def test_a_link_out_of_a_project_leads_out_of_it(two: Project, tmp_path: Path) -> None:
    """As `cd` and `pwd -P` have it: the files there are not the project's."""
    outside = tmp_path / "elsewhere" / "churn"
    outside.mkdir(parents=True)
    (two.root / "steps" / "demand").symlink_to(outside, target_is_directory=True)
    with pytest.raises(NoProjectError):
        project.find(two.root / "steps" / "demand")


def test_a_file_that_is_a_link_counts_as_the_file(two: Project, tmp_path: Path) -> None:
    shared = tmp_path / "shared.json"
    (two.root / "cdk.json").rename(shared)
    (two.root / "cdk.json").symlink_to(shared)
    assert project.find(two.root) == two


# -- which model -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("folder", "model"),
    [
        ("steps/churn", "churn"),
        ("steps/churn/deep", "churn"),
        ("pipeline_defs/demand", "demand"),
        ("config/demand", "demand"),
        ("tests/churn", "churn"),
    ],
)
def test_a_models_folder_says_which_is_meant(two: Project, folder: str, model: str) -> None:
    assert two.model(folder=two.root / folder) == model


def test_the_working_directory_is_looked_at_without_a_folder(
    two: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(two.root / "steps" / "churn")
    assert two.model() == "churn"
    assert two.chosen() == ["churn"]


def test_what_is_typed_wins_over_the_variable_and_that_over_the_folder(
    two: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = two.root / "steps" / "churn"
    monkeypatch.setenv(MODEL_VARIABLE, "demand")
    assert two.model(folder=folder) == "demand"
    assert two.model("churn", folder=two.root / "pipeline_defs" / "demand") == "churn"
    monkeypatch.setenv(MODEL_VARIABLE, "")
    assert two.model(folder=folder) == "churn"


def test_the_only_model_needs_no_name(tmp_path: Path) -> None:
    one = Project(small_project(tmp_path.resolve(), "churn"))
    assert one.model(folder=one.root) == "churn"
    assert one.model(folder=tmp_path.parent) == "churn"


@pytest.mark.parametrize("folder", ["", "steps", "docs/guides", "config"])
def test_which_of_several_is_meant_is_asked_with_the_choices(two: Project, folder: str) -> None:
    message = refusal(two, folder=two.root / folder)
    assert "has 2 models; say which: -m churn or -m demand" in message
    assert str(two.root) in message


def test_another_projects_folder_says_nothing(two: Project, tmp_path: Path) -> None:
    other = small_project(tmp_path / "other", "churn")
    assert "say which" in refusal(two, folder=other / "config" / "churn")


@pytest.mark.parametrize("by", ["name", "variable"])
def test_a_model_that_is_not_there_is_told_which_there_are(
    two: Project, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if by == "variable":
        monkeypatch.setenv(MODEL_VARIABLE, "chrun")
    message = refusal(two, "chrun" if by == "name" else None)
    assert "'chrun' is no model" in message
    assert "churn, demand" in message
    assert "ratchet init --model chrun" in message


def test_a_project_without_a_model_is_told_how_to_add_one(tmp_path: Path) -> None:
    none = Project(small_project(tmp_path.resolve()))
    assert "has no model; add one: ratchet init --model NAME" in refusal(none)
    with pytest.raises(SettingsError, match="has no model"):
        none.chosen()


def test_a_command_about_all_models_takes_each_unless_one_is_meant(
    two: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(two.root)
    assert two.chosen() == ["churn", "demand"]
    assert two.chosen("demand") == ["demand"]
    monkeypatch.setenv(MODEL_VARIABLE, "churn")
    assert two.chosen() == ["churn"]


def test_models_are_sorted_and_environments_too(two: Project) -> None:
    (two.root / "config" / "alpha").mkdir()
    (two.root / "config" / "alpha" / "base.toml").touch()
    (two.root / "config" / "beta.toml").touch()
    fresh = Project(two.root)
    assert fresh.models == ["alpha", "churn", "demand"]
    assert fresh.environments == ["beta", "dev"]
