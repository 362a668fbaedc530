"""An upgrade brings a project's files up to date and keeps what the team made of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ratchet.cli.main import app
from ratchet.project import Project
from ratchet.template import projects, releases, upgrading, writing
from ratchet.template.files import CurrentTemplate, model_files, project_files
from ratchet.template.projects import TemplateVersionError
from ratchet.template.upgrading import Outcome
from ratchet.version import version

BEFORE = "0.1.9"


class Earlier:
    """The template of the version before: some files otherwise, one more, one less."""

    def __init__(self) -> None:
        current = CurrentTemplate()
        self._files = {path: current.read(path) for path in current.paths()}
        self._files["project/stacks/serving.py"] += b"# of the version before\n"
        self._files["project/gone.md"] = b"it was part of the template\n"
        del self._files["project/stacks/pipelines.py"]
        loop = self._files["project/stacks/loop.py"].replace(b"Leave a stack out", b"Drop a stack")
        self._files["project/stacks/loop.py"] = loop

    def paths(self) -> Iterator[str]:
        yield from sorted(self._files)

    def read(self, path: str) -> bytes:
        return self._files[path]


@pytest.fixture
def released(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "releases"
    releases.pack(Earlier(), folder / f"{BEFORE}.zip")
    monkeypatch.setattr(releases, "FOLDER", folder)
    return folder


@pytest.fixture
def project(tmp_path: Path, released: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project that the version before wrote."""
    root = tmp_path / "prices"
    before = Earlier()
    files = {
        **project_files("prices", version=BEFORE, tree=before),
        **model_files("prices", tree=before),
        "config/prices/base.toml": b'[model]\nproblem = "binary"\nlabel = "sold"\n',
    }
    writing.write(root, files)
    monkeypatch.chdir(root)
    return Project(root)


def outcomes(project: Project, released: Path) -> dict[str, Outcome]:
    plan = projects.upgrade(project, releases_in=released)
    return {change.path: change.outcome for change in plan.changes}


def typed(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def test_what_the_team_left_alone_is_replaced_and_what_is_new_is_added(
    project: Project, released: Path
) -> None:
    assert outcomes(project, released) == {
        "gone.md": Outcome.REMOVED,
        "pyproject.toml": Outcome.REPLACED,
        "requirements.txt": Outcome.REPLACED,
        "stacks/loop.py": Outcome.REPLACED,
        "stacks/pipelines.py": Outcome.NEW,
        "stacks/serving.py": Outcome.REPLACED,
    }


def test_an_edit_is_kept_beside_the_change_of_the_template(
    project: Project, released: Path
) -> None:
    file = project.root / "stacks" / "loop.py"
    file.write_text(file.read_text() + "# the team's own line\n")
    assert outcomes(project, released)["stacks/loop.py"] is Outcome.MERGED
    upgrading.write(project.root, projects.upgrade(project, releases_in=released).changes)
    text = file.read_text()
    assert "Leave a stack out" in text
    assert text.endswith("# the team's own line\n")


def test_lines_that_both_changed_stand_between_marks(project: Project, released: Path) -> None:
    file = project.root / "stacks" / "loop.py"
    file.write_text(file.read_text().replace("Drop a stack", "Our words for a stack"))
    assert outcomes(project, released)["stacks/loop.py"] is Outcome.CONFLICT
    done = typed("upgrade", "--write")
    assert done.exit_code == 1
    assert "stacks/loop.py" in done.output.splitlines()[-1]
    assert "<<<<<<< yours" in file.read_text()
    assert "Our words for a stack" in file.read_text()


def test_a_file_that_the_team_removed_stays_away(project: Project, released: Path) -> None:
    (project.root / "stacks" / "serving.py").unlink()
    assert outcomes(project, released)["stacks/serving.py"] is Outcome.LEFT_OUT
    upgrading.write(project.root, projects.upgrade(project, releases_in=released).changes)
    assert not (project.root / "stacks" / "serving.py").exists()


def test_a_file_of_the_team_with_a_new_ones_name_stays(project: Project, released: Path) -> None:
    (project.root / "stacks" / "pipelines.py").write_text("# the team's own\n")
    assert outcomes(project, released)["stacks/pipelines.py"] is Outcome.YOURS
    upgrading.write(project.root, projects.upgrade(project, releases_in=released).changes)
    assert (project.root / "stacks" / "pipelines.py").read_text() == "# the team's own\n"


def test_the_changes_are_shown_before_they_are_made(project: Project) -> None:
    before = {path: path.read_bytes() for path in project.root.rglob("*") if path.is_file()}
    shown = typed("upgrade")
    assert shown.exit_code == 0
    assert "stacks/pipelines.py  new" in shown.output
    assert f"{BEFORE} → {version()}. To change the files: ratchet upgrade --write" in shown.output
    assert {path: path.read_bytes() for path in project.root.rglob("*") if path.is_file()} == before


def test_an_upgraded_project_has_nothing_to_upgrade(project: Project) -> None:
    assert typed("upgrade", "--write").exit_code == 0
    assert projects.template_version(project.root) == version()
    again = typed("upgrade")
    assert again.exit_code == 0
    assert "are those of version" in again.output


def test_a_version_that_is_not_kept_says_how_to_go_on(project: Project, released: Path) -> None:
    (released / f"{BEFORE}.zip").unlink()
    with pytest.raises(TemplateVersionError, match="upgrade step by step"):
        projects.upgrade(project, releases_in=released)


def test_a_project_that_says_no_version_is_told_what_to_write(
    project: Project, released: Path
) -> None:
    (project.root / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    with pytest.raises(TemplateVersionError, match="does not say which version wrote"):
        projects.upgrade(project, releases_in=released)


def test_the_archive_of_a_template_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    for name in ("a.zip", "b.zip"):
        releases.pack(CurrentTemplate(), tmp_path / name)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    packed = releases.released("a", tmp_path)
    assert packed is not None
    assert list(packed.paths()) == list(CurrentTemplate().paths())
