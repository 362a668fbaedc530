"""`ratchet notebook status`, over git histories that the tests write."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ratchet.cli.main import app
from tests.unit.notebooks.cells_of import CellText, ipynb
from tests.unit.notebooks.git_history import GitHistory

STEADY = ("a = 1", ["step:steady"])
YOUNG = ("b = 2", ["step:young"])


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GitHistory:
    history = GitHistory.start(tmp_path / "repo", now=datetime.now(UTC))
    monkeypatch.chdir(history.root)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return history


def run(*words: str, width: int = 100) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["notebook", "status", *words], env={"COLUMNS": str(width)})
    return result.exit_code, result.output


def committed(repo: GitHistory, days_ago: int, *cells: CellText, path: str = "a.ipynb") -> None:
    repo.save(days_ago, path, ipynb(*cells))


def project(repo: GitHistory, days: int = 30) -> None:
    repo.write("cdk.json", "{}")
    repo.write(
        "config/base.toml",
        'project = "p"\nowner = "o"\ncost_center = "c"\nregion = "us-east-1"\n'
        f"[notebooks]\npromote_after_days = {days}\n",
    )
    repo.write("config/dev.toml", 'account = "local"\n')
    repo.write("config/flights/base.toml", '[model]\nproblem = "binary"\nlabel = "late"\n')


def test_a_file_outside_a_project_is_judged_by_the_default(repo: GitHistory) -> None:
    committed(repo, 31, STEADY)
    code, text = run("a.ipynb")
    assert code == 0
    assert "steady" in text
    assert "31 days" in text
    assert "the same in 1 of 1 commit" in text
    assert "ratchet promote a.ipynb --step steady" in text


@pytest.mark.parametrize(
    ("cells", "days_ago", "code"),
    [
        ([STEADY], 40, 1),
        ([STEADY], 3, 0),
        (["x = 1"], 40, 0),
        ([("a = 1", ["promoted:steady"])], 40, 0),
        (["#|step: x\na = 1"], 3, 3),
        (["#|step: x\na = 1", STEADY], 40, 1),
        ([("print a", ["step:x"])], 40, 3),
        ([("print a", ["step:x"]), STEADY], 40, 1),
    ],
)
def test_the_exit_code_says_whether_a_step_is_due(
    repo: GitHistory, cells: Sequence[CellText], days_ago: int, code: int
) -> None:
    committed(repo, days_ago, *cells)
    assert run("a.ipynb", "--exit-code")[0] == code
    assert run("a.ipynb")[0] == 0


def test_a_step_that_is_due_and_cannot_be_promoted_says_why(repo: GitHistory) -> None:
    committed(repo, 40, ("a = input()", ["step:steady"]))
    code, text = run("a.ipynb", "--exit-code", width=200)
    assert code == 1
    assert "steady: cannot be promoted as it is: cell 1, line 1: `input()`" in text
    assert "ratchet promote" not in text


def test_an_edit_that_is_not_committed_is_not_due(repo: GitHistory) -> None:
    committed(repo, 40, STEADY)
    repo.write("a.ipynb", ipynb(("a = 2", ["step:steady"])))
    code, text = run("a.ipynb", "--exit-code")
    assert (code, "moving" in text, "edited since the last commit" in text) == (0, True, True)


def test_a_shallow_clone_cannot_tell(
    repo: GitHistory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed(repo, 3, STEADY)
    committed(repo, 2, STEADY, "x = 1")
    repo.git("clone", "-q", "--depth=1", f"file://{repo.root}", str(tmp_path / "clone"))
    monkeypatch.chdir(tmp_path / "clone")
    code, text = run("a.ipynb", "--exit-code", width=200)
    assert code == 3
    assert "≥ 2 days" in text
    assert "git fetch --unshallow" in text


@pytest.mark.parametrize("name", ["missing.ipynb", "a.txt", "a.md"])
def test_what_is_no_notebook_is_an_error(repo: GitHistory, name: str) -> None:
    repo.write("a.txt", "words")
    repo.write("a.md", "words")
    assert run(name)[0] == 1
    code, text = run(name, "--exit-code", "--json")
    assert code == 3
    assert json.loads(text)[0]["error"]


def test_one_bad_notebook_does_not_hide_another(repo: GitHistory) -> None:
    committed(repo, 40, STEADY)
    code, text = run("missing.ipynb", "a.ipynb", "--exit-code")
    assert code == 1
    assert "steady" in text


def test_a_project_shows_its_notebooks_with_marks(repo: GitHistory) -> None:
    project(repo, days=50)
    repo.write("notebooks/plain.py", "print(1)\n")
    repo.write("notebooks/deep/b.py", "# %%\n#| step: deep\nc = 1\n")
    repo.write("notebooks/.ipynb_checkpoints/c.ipynb", ipynb(("c = 1", ["step:hidden"])))
    repo.write("notebooks/unmarked.ipynb", ipynb("x = 1"))
    committed(repo, 40, STEADY, path="notebooks/a.ipynb")
    code, text = run("--exit-code")
    assert code == 0
    assert "due in 10 days" in text
    assert "notebooks/a.ipynb" in text
    assert "notebooks/deep/b.py" in text
    assert "hidden" not in text
    assert "unmarked" not in text
    assert "plain" not in text
    project(repo, days=40)
    assert run("--exit-code")[0] == 1


def test_it_works_from_a_folder_below_the_project(
    repo: GitHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(repo)
    committed(repo, 40, STEADY, path="notebooks/a.ipynb")
    monkeypatch.chdir(repo.root / "notebooks")
    assert run()[1].splitlines()[0] == "a.ipynb"
    assert run("a.ipynb", "--exit-code")[0] == 1


def test_a_mistake_in_the_settings_is_no_answer(repo: GitHistory) -> None:
    project(repo, days=0)
    committed(repo, 40, STEADY, path="notebooks/a.ipynb")
    code, text = run("--exit-code")
    assert code == 3
    assert "a number from 1 to 3650" in text
    assert run()[0] == 1


def test_a_project_without_marks_says_how_to_make_one(repo: GitHistory) -> None:
    project(repo)
    code, text = run("--exit-code")
    assert code == 0
    assert "#| step: NAME" in " ".join(text.split())


def test_data_are_as_rich_as_the_table(repo: GitHistory) -> None:
    committed(repo, 40, STEADY, YOUNG)
    committed(repo, 4, STEADY, ("b = 3", ["step:young"]))
    code, text = run("a.ipynb", "--json", "--exit-code")
    assert code == 1
    [document] = json.loads(text)
    steady, young = document["steps"]
    assert (steady["step"], steady["verdict"], steady["days"]) == ("steady", "promote", 40)
    assert (steady["commits"], steady["of_commits"], steady["days_left"]) == (2, 2, None)
    assert (young["verdict"], young["days"], young["days_left"]) == ("wait", 4, 26)
    assert datetime.fromisoformat(young["since"]).tzinfo is not None


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_terminal(repo: GitHistory, width: int) -> None:
    committed(repo, 40, "import m\nv = m.make()", ("a = v + 1", ["step:a-step-with-a-long-name"]))
    committed(
        repo,
        3,
        "import m\nv = m.make(2)",
        ("a = v + 1", ["step:a-step-with-a-long-name"]),
        "# | step: almost",
    )
    text = run("a.ipynb", width=width)[1]
    assert "its input `v`" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= width


def test_old_answers_are_kept_in_the_project_or_in_the_users_cache(
    repo: GitHistory, tmp_path: Path
) -> None:
    committed(repo, 40, STEADY)
    run("a.ipynb")
    assert (tmp_path / "cache" / "ratchet" / "notebook-history.json").is_file()
    project(repo)
    run("a.ipynb")
    assert (Path(".ratchet") / "notebook-history.json").is_file()
