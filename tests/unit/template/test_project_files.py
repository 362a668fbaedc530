"""What `ratchet init` writes, and that this repository's own top level is made of it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from ratchet.template import writing
from ratchet.template.files import CurrentTemplate, model_files, project_files
from ratchet.template.projects import TemplateVersionError, refuse_newer, template_version
from ratchet.version import numbers, version

ROOT = Path(__file__).resolve().parents[3]
MODEL = PROJECT = "flights"
OURS_DIFFER = {
    ".gitignore": "Ratchet is worked on here too",
    "Makefile": "it tests Ratchet",
    "README.md": "it is Ratchet's",
    "constructs/README.md": "Ratchet's constructs are here",
    "lambdas/README.md": "Ratchet's functions are here",
    "pyproject.toml": "it builds Ratchet",
    "requirements.txt": "Ratchet's own packages are locked",
    "tests/conftest.py": "tests of Ratchet have other needs",
}
"""Files of a new project that this repository has otherwise, and why."""
WRITTEN = {**project_files(PROJECT, version=version()), **model_files(MODEL)}


@pytest.mark.parametrize("path", sorted(set(WRITTEN) - set(OURS_DIFFER)))
def test_this_repositorys_top_level_is_the_template(path: str) -> None:
    assert (ROOT / path).read_bytes() == WRITTEN[path], f"{path} and its template have parted"


def test_nothing_is_exempt_that_need_not_be() -> None:
    for path in OURS_DIFFER:
        ours = ROOT / path
        assert path in WRITTEN
        assert not ours.exists() or ours.read_bytes() != WRITTEN[path]


def test_a_new_project_has_the_top_level_that_a_team_expects() -> None:
    top = {path.split("/")[0] for path in WRITTEN}
    assert {
        "app.py",
        "cdk.json",
        "config",
        "stacks",
        "constructs",
        "pipeline_defs",
        "lambdas",
    } <= top
    assert {"tests", "Makefile", ".github", "README.md", "requirements.txt"} <= top


def test_no_file_of_a_new_project_names_the_example() -> None:
    written = {**project_files("prices", version="1.2.3"), **model_files("prices")}
    for path, content in written.items():
        assert "flights" not in path
        assert b"flights" not in content, path


def test_stacks_are_short_enough_to_be_read_as_lists() -> None:
    stacks = [path for path in WRITTEN if re.fullmatch(r"stacks/(?!__)\w+\.py", path)]
    assert len(stacks) == 7
    for path in stacks:
        assert len(WRITTEN[path].splitlines()) <= 30, path


def test_a_new_project_says_which_version_wrote_it(tmp_path: Path) -> None:
    writing.write(tmp_path / "prices", project_files("prices", version="0.3.1"))
    assert template_version(tmp_path / "prices") == "0.3.1"
    table = tomllib.loads((tmp_path / "prices" / "config" / "base.toml").read_text())
    assert table["project"] == "prices"


def test_what_is_there_is_not_overwritten_and_is_named(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("mine")
    (tmp_path / "notes.md").write_text("mine too")
    with pytest.raises(writing.ExistingFilesError, match=r"app\.py"):
        writing.write(tmp_path, {"app.py": b"theirs", "cdk.json": b"{}"})
    assert (tmp_path / "app.py").read_text() == "mine"
    assert not (tmp_path / "cdk.json").exists(), "none of the files is written"


def test_a_folder_with_other_files_is_written_into(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    writing.write(tmp_path, {"app.py": b"new", "steps/prices/train.py": b"new"})
    assert (tmp_path / "steps" / "prices" / "train.py").read_bytes() == b"new"
    assert (tmp_path / ".git").is_dir()


@pytest.mark.parametrize("beside", [True, False])
def test_files_are_written_all_or_not_at_all(tmp_path: Path, beside: bool) -> None:
    root = tmp_path / "prices"
    if beside:
        root.mkdir()
        (root / "kept").write_text("")
    with pytest.raises((OSError, TypeError, ValueError)):
        writing.write(root, {"a/new.py": b"", "b/bad\0name": b""})
    assert sorted(path.name for path in tmp_path.rglob("*")) == (
        ["kept", "prices"] if beside else []
    )


def test_a_file_where_a_folder_has_to_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "steps").write_text("")
    with pytest.raises(writing.ExistingFilesError, match="is a file; expected a folder"):
        writing.write(tmp_path, {"steps/prices/train.py": b""})


def test_a_project_of_a_newer_version_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.ratchet]\ntemplate = "99.0.0"\n')
    with pytest.raises(TemplateVersionError, match=r"pip install 'sagemaker-ratchet>=99\.0\.0'"):
        refuse_newer(tmp_path)
    (tmp_path / "pyproject.toml").write_text(f'[tool.ratchet]\ntemplate = "{version()}"\n')
    refuse_newer(tmp_path)


@pytest.mark.parametrize(
    ("older", "newer"), [("0.2.0", "0.10.0"), ("0.9.9", "1.0.0"), ("0.2.0", "0.2.1")]
)
def test_versions_are_compared_by_their_numbers(older: str, newer: str) -> None:
    assert numbers(older) < numbers(newer)


def test_a_template_without_a_copied_file_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "copied.txt").write_text("# files\napp.py\n")
    template = CurrentTemplate(tmp_path, tmp_path / "top")
    with pytest.raises(FileNotFoundError):
        project_files("prices", version="1", tree=template)
