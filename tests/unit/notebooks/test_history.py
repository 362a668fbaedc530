"""Since when a step is the same, over a git history that each test writes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ratchet.notebooks import git as git_module
from ratchet.notebooks.remembered import Remembered
from ratchet.notebooks.verdicts import StepVerdict
from tests.unit.notebooks.cells_of import ipynb
from tests.unit.notebooks.git_history import GitHistory

CloneMaker = Callable[..., GitHistory]

STEP = ("step:x",)
SETUP = "import pandas as pd\nfrom m import a, b\nK = 3\ndef clean(df):\n    return df.dropna() * K"
LOAD = "df = pd.read_csv('flights.csv')"
BODY = "table = clean(df)\ntable['long_delay'] = table['delay'] > a(1)"
SHOW = "table.head()"
OTHER = ("step:other",)
CELLS = ((SETUP, ()), (LOAD, ()), (BODY, STEP), (SHOW, ()), ("summary = table.describe()", OTHER))
OLD = ipynb(*CELLS)
PERCENT = f"""# %%
{SETUP}

# %%
{LOAD}

# %% tags=["step:x"]
{BODY}
"""


@pytest.fixture
def repo(tmp_path: Path) -> GitHistory:
    """A notebook that was committed 100 days ago, and something else 10 days ago."""
    history = GitHistory.start(tmp_path / "repo")
    history.save(100, "a.ipynb", OLD)
    history.save(10, "README.md", "words")
    return history


def edited(old: str, new: str) -> str:
    """The notebook with other code."""
    assert any(old in source for source, _ in CELLS)
    return ipynb(*((source.replace(old, new), tags) for source, tags in CELLS))


def with_outputs() -> str:
    document = json.loads(OLD)
    for number, cell in enumerate(document["cells"]):
        cell["execution_count"] = number
        cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["1\n"] * 50}]
    return json.dumps(document, indent=1)


HARMLESS = {
    "nothing": OLD,
    "a comment": edited("K = 3", "K = 3  # three"),
    "a comment in the step": edited("table = clean(df)", "# so\ntable = clean( df )  # why"),
    "outputs alone": with_outputs(),
    "the layout of the JSON": json.dumps(json.loads(OLD)),
    "cells that moved": ipynb(LOAD, SETUP, SHOW, (BODY, STEP)),
    "a split cell": ipynb(SETUP, LOAD, *((line, STEP) for line in BODY.split("\n"))),
    "a cell amid the step": ipynb(
        SETUP, LOAD, (BODY.split("\n")[0], STEP), "print(1)", (BODY.split("\n")[1], STEP)
    ),
    "a mark by a line": ipynb(SETUP, LOAD, "#| step: x -> table\n" + BODY),
    "another name of the mark": OLD.replace("step:other", "step:another"),
    "an unrelated import": edited("import pandas as pd", "import pandas as pd\nimport os"),
    "an unused part of an import": edited("import a, b", "import a, b, c"),
    "a cell that only shows": edited("table.head()", "table.tail()"),
    "a function that nobody uses": edited("K = 3", "K = 3\ndef other():\n    return 1\n"),
    "the way the data is read": edited("'flights.csv'", "'other.csv'"),
}
REAL = {
    "a constant in the step": edited("> a(1)", "> a(2)"),
    "a name in the step": edited("'delay'", "'arr_delay'"),
    "the order of the statements": edited(BODY, "\n".join(reversed(BODY.split("\n")))),
    "a statement more": edited(BODY, BODY + "\ntable = table.copy()"),
    "a function that it uses": edited("df.dropna()", "df.dropna(how='all')"),
    "a constant that its function uses": edited("K = 3", "K = 4"),
    "the module of a used name": edited("from m import", "from n import"),
    "the alias of a used name": edited("import a, b", "import b as a, b"),
}


@pytest.mark.parametrize("text", HARMLESS.values(), ids=HARMLESS)
def test_what_is_no_code_of_the_step_does_not_make_it_younger(repo: GitHistory, text: str) -> None:
    repo.write("a.ipynb", text)
    assert repo.days() == 100  # not committed
    repo.commit(5)
    assert repo.days() == 100
    step = repo.step()
    assert (step.judgement.verdict, repo.age().at_least) == (StepVerdict.PROMOTE, "")


@pytest.mark.parametrize("text", REAL.values(), ids=REAL)
def test_a_real_edit_makes_the_step_young(repo: GitHistory, text: str) -> None:
    repo.write("a.ipynb", text)
    step = repo.step()
    assert (step.judgement.verdict, step.judgement.days) == (StepVerdict.MOVING, 0)
    assert step.judgement.reason == "edited since the last commit"
    repo.commit(5)
    judgement = repo.step().judgement
    assert (judgement.verdict, judgement.days, judgement.days_left) == (StepVerdict.WAIT, 5, 25)


def test_an_edit_of_one_step_leaves_the_other_as_it_is(repo: GitHistory) -> None:
    repo.write("a.ipynb", edited("table.describe()", "table.describe(include='all')"))
    assert repo.step(name="other").judgement.verdict is StepVerdict.MOVING
    assert repo.days() == 100


def test_a_change_and_back_starts_anew(repo: GitHistory) -> None:
    repo.save(60, "a.ipynb", edited("K = 3", "K = 4"))
    repo.save(50, "a.ipynb", OLD)
    assert (repo.days(), repo.age().commits, repo.age().of_commits) == (50, 1, 3)


def test_the_history_reaches_back_before_the_mark(tmp_path: Path) -> None:
    repo = GitHistory.start(tmp_path)
    repo.save(200, "a.ipynb", ipynb(SETUP + "\n" + LOAD + "\n" + BODY))
    repo.save(3, "a.ipynb", OLD)
    assert repo.days() == 200


def test_a_rename_costs_nothing(repo: GitHistory) -> None:
    repo.git("mv", "a.ipynb", "notebooks.ipynb")
    assert repo.days("notebooks.ipynb") == 100  # not committed
    repo.commit(5)
    assert repo.days("notebooks.ipynb") == 100
    assert repo.age("notebooks.ipynb").came_from == ("a.ipynb",)


def test_a_rename_into_a_folder_with_another_edit_costs_nothing(repo: GitHistory) -> None:
    (repo.root / "deep").mkdir()
    repo.git("mv", "a.ipynb", "deep/b c.ipynb")
    repo.save(5, "deep/b c.ipynb", edited("table.head()", "table.tail()\n" + "print(2)\n" * 9))
    assert repo.days("deep/b c.ipynb") == 100


def test_two_renames_cost_nothing(repo: GitHistory) -> None:
    for number, day in ((1, 30), (2, 20)):
        repo.git("mv", "a.ipynb" if number == 1 else "b1.ipynb", f"b{number}.ipynb")
        repo.commit(day)
    assert repo.age("b2.ipynb").came_from == ("b1.ipynb", "a.ipynb")
    assert repo.days("b2.ipynb") == 100


def test_a_copy_whose_original_is_deleted_later_costs_nothing(repo: GitHistory) -> None:
    repo.save(40, "b.ipynb", OLD)
    repo.git("rm", "-q", "a.ipynb")
    repo.commit(20)
    assert repo.days("b.ipynb") == 100


def test_a_step_that_was_split_off_into_a_new_notebook_keeps_its_age(repo: GitHistory) -> None:
    repo.save(5, "b.ipynb", ipynb(SETUP, LOAD, (BODY, STEP)))
    assert repo.days("b.ipynb") == 100


def test_a_notebook_that_becomes_a_script_keeps_its_age(repo: GitHistory) -> None:
    repo.git("rm", "-q", "a.ipynb")
    repo.save(5, "a.py", PERCENT)
    assert (repo.days("a.py"), repo.age("a.py").came_from) == (100, ("a.ipynb",))


def test_a_script_that_becomes_a_notebook_keeps_its_age(tmp_path: Path) -> None:
    repo = GitHistory.start(tmp_path)
    repo.save(100, "a.py", PERCENT)
    repo.git("rm", "-q", "a.py")
    repo.save(5, "a.ipynb", OLD)
    assert repo.days() == 100


def test_a_new_notebook_with_code_of_its_own_is_as_old_as_its_commit(repo: GitHistory) -> None:
    repo.save(7, "b.ipynb", ipynb(SETUP, LOAD, (BODY + "\nmore = table.mean()", STEP)))
    assert repo.days("b.ipynb") == 7


def test_a_deleted_and_restored_notebook_counts_from_its_return(repo: GitHistory) -> None:
    repo.git("rm", "-q", "a.ipynb")
    repo.commit(50)
    repo.save(40, "a.ipynb", OLD)
    assert repo.days() == 40


def test_a_new_notebook_is_not_committed_yet(repo: GitHistory) -> None:
    repo.write("b.ipynb", ipynb(SETUP, LOAD, (BODY + "\nmore = table.mean()", STEP)))
    judgement = repo.step("b.ipynb").judgement
    assert (judgement.verdict, judgement.reason) == (StepVerdict.MOVING, "not committed yet")


def test_a_squash_makes_a_step_younger_never_older(tmp_path: Path) -> None:
    repo = GitHistory.start(tmp_path)
    repo.save(300, "README.md", "words")
    repo.save(200, "a.ipynb", OLD)
    repo.save(100, "README.md", "more words")
    repo.git("reset", "-q", "--soft", "HEAD~2")
    repo.commit(7)
    assert repo.days() == 7


def test_an_amended_date_of_the_author_does_not_make_a_step_older(tmp_path: Path) -> None:
    repo = GitHistory.start(tmp_path)
    repo.write("a.ipynb", OLD)
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", "a", "--date=2020-01-01T00:00:00Z", days_ago=9)
    assert repo.days() == 9


def test_a_branch_counts_from_its_merge(repo: GitHistory) -> None:
    repo.git("checkout", "-q", "-b", "branch")
    repo.save(80, "a.ipynb", edited("K = 3", "K = 4"))
    repo.git("checkout", "-q", "main")
    repo.save(60, "README.md", "others work too")
    repo.git("merge", "-q", "--no-ff", "-m", "merge", "branch", days_ago=20)
    assert repo.days() == 20


def test_a_merge_of_other_work_costs_nothing(repo: GitHistory) -> None:
    repo.git("checkout", "-q", "-b", "branch", "HEAD~1")
    repo.save(80, "b.txt", "words")
    repo.git("checkout", "-q", "main")
    repo.git("merge", "-q", "--no-ff", "-m", "merge", "branch", days_ago=20)
    assert repo.days() == 100


def test_a_conflict_in_the_past_is_no_notebook_and_breaks_the_line(repo: GitHistory) -> None:
    repo.save(60, "a.ipynb", "<<<<<<< HEAD\n" + OLD)
    repo.save(50, "a.ipynb", OLD)
    assert repo.days() == 50


def test_a_repeated_statement_is_tried_at_each_place(tmp_path: Path) -> None:
    repo = GitHistory.start(tmp_path)
    repo.save(100, "a.ipynb", ipynb("K = 1\nout = K + 1", "K = 2", ("out = K + 1", STEP)))
    repo.save(5, "a.ipynb", ipynb("K = 7\nout = K + 1", "K = 2", ("out = K + 1", STEP)))
    assert repo.days() == 100


def test_a_module_beside_the_notebook_counts(tmp_path: Path) -> None:
    repo = GitHistory.start(tmp_path)
    text = ipynb("import features", ("table = features.make(df)", STEP))
    repo.write("nb/features.py", "import steady\nA = 1\n")
    repo.write("nb/steady/__init__.py", "B = 1\n")
    repo.save(100, "nb/a.ipynb", text)
    repo.save(50, "nb/other.py", "C = 1\n")
    assert repo.days("nb/a.ipynb") == 100
    repo.save(40, "nb/features.py", "import steady  # !\n\nA = 1\n")
    assert repo.days("nb/a.ipynb") == 100
    repo.save(30, "nb/steady/__init__.py", "B = 2\n")
    assert repo.days("nb/a.ipynb") == 30
    repo.write("nb/features.py", "import steady\nA = 2\n")
    assert repo.step("nb/a.ipynb").judgement.verdict is StepVerdict.MOVING
    repo.commit(20)
    repo.save(10, "nb/a.ipynb", text + "\n")
    assert repo.days("nb/a.ipynb") == 20


@pytest.fixture
def clone(repo: GitHistory, tmp_path: Path) -> CloneMaker:
    """Makes clones of the repository."""

    def make(*options: str) -> GitHistory:
        target = tmp_path / "clone"
        repo.git("clone", "-q", *options, f"file://{repo.root}", str(target))
        return GitHistory(target)

    return make


def test_a_shallow_clone_of_depth_1_cannot_tell(clone: CloneMaker) -> None:
    judgement = clone("--depth=1").step().judgement
    assert (judgement.verdict, judgement.days, judgement.at_least) == (
        StepVerdict.UNKNOWN,
        10,
        True,
    )
    assert "git fetch --unshallow" in judgement.reason


def test_a_shallow_clone_that_holds_enough_days_says_promote(tmp_path: Path) -> None:
    repo = GitHistory.start(tmp_path / "repo")
    repo.save(185, "a.ipynb", OLD)
    repo.save(184, "a.ipynb", with_outputs())
    repo.save(1, "README.md", "words")
    repo.git("clone", "-q", "--depth=2", f"file://{repo.root}", str(tmp_path / "clone"))
    judgement = GitHistory(tmp_path / "clone").step().judgement
    assert (judgement.verdict, judgement.days, judgement.at_least) == (
        StepVerdict.PROMOTE,
        184,
        True,
    )


def test_a_change_inside_a_shallow_clone_is_certain(repo: GitHistory, clone: CloneMaker) -> None:
    repo.save(5, "a.ipynb", edited("K = 3", "K = 4"))
    judgement = clone("--depth=2").step().judgement
    assert (judgement.verdict, judgement.days, judgement.at_least) == (StepVerdict.WAIT, 5, False)


def test_a_partial_clone_says_what_it_lacks_and_fetches_nothing(
    repo: GitHistory, clone: CloneMaker
) -> None:
    repo.save(5, "a.ipynb", with_outputs())
    repo.git("config", "uploadpack.allowFilter", "true")
    partial = clone("--filter=blob:none")
    judgement = partial.step().judgement
    assert (judgement.verdict, judgement.days) == (StepVerdict.UNKNOWN, 5)
    assert "lacks the contents" in judgement.reason


def test_a_work_tree_and_a_subfolder_are_as_good(repo: GitHistory, tmp_path: Path) -> None:
    repo.save(50, "deep/er/b.ipynb", ipynb(("z = 1", STEP)))
    repo.git("worktree", "add", "-q", str(tmp_path / "tree"))
    tree = GitHistory(tmp_path / "tree")
    assert (tree.days(), tree.days("deep/er/b.ipynb")) == (100, 50)


def test_a_link_to_a_notebook_is_the_notebook(repo: GitHistory, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(repo.root)
    assert GitHistory(tmp_path / "link").days() == 100


def test_odd_names_are_names(repo: GitHistory) -> None:
    name = 'ä [b] "c" *?\t.ipynb'
    repo.git("mv", "a.ipynb", name)
    repo.commit(5)
    assert repo.days(name) == 100


def test_what_a_hook_or_a_user_sets_for_git_changes_no_answer(
    repo: GitHistory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = GitHistory.start(tmp_path / "other")
    config = tmp_path / "config"
    config.write_text(
        "[log]\nshowSignature=true\nfollow=true\nshowRoot=false\n[color]\nui=always\n"
        "[diff]\nrenames=copies\nnoprefix=true\n[core]\nquotepath=on\n[grep]\nlineNumber=true\n"
        "column=true\n[status]\nshort=true\n[diff]\nmnemonicPrefix=true\n"
    )
    repo.git("mv", "a.ipynb", "ö.ipynb")
    repo.commit(5)
    monkeypatch.setenv("GIT_DIR", str(other.root / ".git"))
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".gitconfig").write_text(config.read_text())
    monkeypatch.chdir(other.root)
    assert repo.days("ö.ipynb") == 100


def test_the_repository_is_not_written_to(repo: GitHistory) -> None:
    repo.write("a.ipynb", edited("K = 3", "K = 4"))
    files = {p: p.stat().st_mtime_ns for p in (repo.root / ".git").rglob("*")}
    repo.status()
    assert {p: p.stat().st_mtime_ns for p in (repo.root / ".git").rglob("*")} == files


def test_a_second_look_asks_git_for_no_contents(
    repo: GitHistory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in range(90, 20, -10):
        repo.save(day, "a.ipynb", OLD + "\n" * day)
    file = tmp_path / "remembered.json"
    first = Remembered(file)
    before = repo.status(remembered=first)
    first.save()
    asked: list[tuple[str, ...]] = []
    ask = git_module._ask

    def noting(folder: Path, *arguments: str, text: str | None = None) -> str:
        asked.append(arguments[:2])
        return ask(folder, *arguments, text=text)

    monkeypatch.setattr(git_module, "_ask", noting)
    assert repo.status(remembered=Remembered(file)) == before
    assert ("cat-file", "blob") not in asked
    assert len(asked) < 20


def test_a_damaged_memory_costs_only_time(repo: GitHistory, tmp_path: Path) -> None:
    for text in ("{", "[]", "3", ""):
        (tmp_path / "remembered.json").write_text(text)
        remembered = Remembered(tmp_path / "remembered.json")
        assert repo.status(remembered=remembered).steps[0].judgement.days == 100
        remembered.save()
        assert json.loads((tmp_path / "remembered.json").read_text())


# Without git


def no_git(root: Path) -> str:
    (root / "a.ipynb").write_text(OLD)
    step = GitHistory(root).step()
    assert step.judgement.verdict is StepVerdict.UNKNOWN
    assert step.age is None
    return step.judgement.reason


def test_outside_git_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert no_git(tmp_path).startswith("it lies in no git repository, and no good run is recorded")


def test_a_repository_without_a_commit_says_so(tmp_path: Path) -> None:
    GitHistory.start(tmp_path)
    assert "has no commit yet" in no_git(tmp_path)


def test_a_machine_without_git_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "git is not installed" in no_git(tmp_path)


def test_an_ignored_notebook_is_outside_git(tmp_path: Path) -> None:
    repo = GitHistory.start(tmp_path)
    repo.save(100, ".gitignore", "*.ipynb\n")
    assert "git ignores it" in no_git(tmp_path)


def test_a_repository_that_git_refuses_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = GitHistory.start(tmp_path)
    repo.save(100, "a.ipynb", OLD)
    (tmp_path / ".git" / "config").write_text("[core\n")
    assert "git refuses to read the repository: " in no_git(tmp_path)


def test_git_is_only_asked(repo: GitHistory, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: set[str] = set()
    run = subprocess.run

    def noting(arguments: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        rest = iter(arguments[1:])
        for word in rest:
            if word == "-c":
                next(rest)
            elif not word.startswith("-"):
                commands.add(word)
                break
        assert options["env"]["GIT_OPTIONAL_LOCKS"] == "0"
        answer: subprocess.CompletedProcess[str] = run(arguments, **options)
        return answer

    monkeypatch.setattr(subprocess, "run", noting)
    repo.status()
    assert commands <= {"rev-parse", "log", "cat-file", "ls-tree", "grep", "diff-tree"}
