"""The status of a notebook's steps, by git and by records of runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from ratchet.notebooks.cells import Notebook
from ratchet.notebooks.errors import NotebookError
from ratchet.notebooks.remembered import Remembered
from ratchet.notebooks.run_records import RunRecord, append, records_file
from ratchet.notebooks.status import notebook_status
from ratchet.notebooks.step_code import step_digest
from ratchet.notebooks.verdicts import StepVerdict
from tests.unit.notebooks.cells_of import CellText, ipynb, notebook
from tests.unit.notebooks.git_history import NOW, GitHistory

STEP = ("step:x",)
TRAP = ("from m import KNN, fit", "models = {'a': KNN()}", ("scores = fit(models)", STEP))


def record(
    root: Path,
    cells: Sequence[CellText],
    *,
    days_ago: int,
    data: str = "d",
    ok: bool = True,
    code: str | None = None,
) -> None:
    append(
        records_file(root, root / "a.ipynb"),
        [
            RunRecord(
                when=NOW - timedelta(days=days_ago),
                notebook="a.ipynb",
                step="x",
                code=code or step_digest(notebook(*cells), "x"),
                data=data,
                output="o",
                ok=ok,
            )
        ],
    )


def test_without_git_the_first_good_run_of_the_series_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    cells = (("a = 1", STEP),)
    folder = GitHistory(tmp_path)
    folder.write("a.ipynb", ipynb(*cells))
    record(tmp_path, cells, days_ago=60, code="other")
    record(tmp_path, cells, days_ago=50, ok=False)
    record(tmp_path, cells, days_ago=40, data="d1")
    record(tmp_path, cells, days_ago=1, data="d2")
    step = folder.step()
    assert (step.judgement.verdict, step.judgement.days) == (StepVerdict.PROMOTE, 40)
    assert (step.runs.runs, step.runs.data, step.runs.failures) == (2, 2, 1)


def test_without_git_an_edit_since_the_last_run_is_moving(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    folder = GitHistory(tmp_path)
    folder.write("a.ipynb", ipynb(("a = 2", STEP)))
    record(tmp_path, (("a = 1", STEP),), days_ago=40)
    assert folder.step().judgement.verdict is StepVerdict.MOVING


def test_runs_show_beside_the_age_by_git(tmp_path: Path) -> None:
    repo = GitHistory.start(tmp_path)
    cells = (("a = 1", STEP),)
    repo.save(20, "a.ipynb", ipynb(*cells))
    record(tmp_path, cells, days_ago=3)
    step = repo.step()
    assert (step.judgement.verdict, step.judgement.days, step.runs.runs) == (
        StepVerdict.WAIT,
        20,
        1,
    )


def test_code_that_makes_an_input_outside_a_step_has_an_age_of_its_own(tmp_path: Path) -> None:
    repo = GitHistory.start(tmp_path)
    repo.save(100, "a.ipynb", ipynb(*TRAP))
    assert repo.step().younger_inputs == ()
    changed = ipynb(TRAP[0], "models = {'a': KNN(3)}", TRAP[2])
    repo.write("a.ipynb", changed)
    [maker] = repo.step().younger_inputs
    assert (maker.name, maker.where, maker.age.since) == ("models", "cell 2, line 1", None)
    repo.commit(5)
    [maker] = repo.step().younger_inputs
    assert maker.age.days(NOW) == 5
    assert (repo.step().judgement.verdict, repo.days()) == (StepVerdict.PROMOTE, 100)


def test_a_change_in_place_of_an_input_outside_a_step_counts_as_its_making(tmp_path: Path) -> None:
    repo = GitHistory.start(tmp_path)
    repo.save(100, "a.ipynb", ipynb(*TRAP))
    repo.save(5, "a.ipynb", ipynb(*TRAP[:2], "models['b'] = KNN()", TRAP[2]))
    [maker] = repo.step().younger_inputs
    assert (maker.where, maker.age.days(NOW)) == ("cell 3, line 1", 5)


def test_inputs_that_another_step_makes_have_their_age_there(tmp_path: Path) -> None:
    repo = GitHistory.start(tmp_path)
    repo.save(100, "a.ipynb", ipynb(TRAP[0], (TRAP[1], ["step:setup"]), TRAP[2]))
    repo.save(5, "a.ipynb", ipynb(TRAP[0], ("models = {}", ["step:setup"]), TRAP[2]))
    assert repo.step().younger_inputs == ()


def test_a_cell_that_calls_the_script_of_its_step_is_promoted(tmp_path: Path) -> None:
    repo = GitHistory.start(tmp_path)
    cells = ("a = 1", ("b = prepare.prepare(a)", ["promoted:prepare"]), ("c = b", STEP))
    repo.save(100, "a.ipynb", ipynb(*cells))
    status = repo.status()
    assert [step.name for step in status.steps] == ["prepare", "x"]
    assert status.steps[0].judgement.verdict is StepVerdict.PROMOTED
    assert status.steps[0].where == "cell 2, line 1"


def test_a_step_that_is_no_python_is_unknown_with_its_place(tmp_path: Path) -> None:
    repo = GitHistory.start(tmp_path)
    repo.save(100, "a.ipynb", ipynb(("a = 1\nprint a", STEP), ("# nothing", ["step:y"])))
    assert repo.step().judgement.reason.startswith("cell 1, line 2 is not Python: ")
    assert repo.step(name="y").judgement.reason == "cell 2, line 1: the step has no statement"


def test_faulty_marks_are_listed_with_their_places(tmp_path: Path) -> None:
    repo = GitHistory.start(tmp_path)
    repo.save(100, "a.ipynb", ipynb("#|step: x\na = 1"))
    status = repo.status()
    assert status.steps == ()
    assert status.mark_problems[0].startswith("cell 1, line 1: ")


@pytest.mark.parametrize(("day", "asked"), [(100, ["x"]), (5, [])])
def test_only_a_step_that_is_due_is_asked_for_refusals(
    tmp_path: Path, day: int, asked: list[str]
) -> None:
    repo = GitHistory.start(tmp_path)
    repo.save(day, "a.ipynb", ipynb(("a = 1", STEP)))
    names: list[str] = []

    def refusals(notebook: Notebook, step: str) -> list[str]:
        names.append(step)
        return ["cell 1: no"]

    status = notebook_status(
        tmp_path / "a.ipynb",
        root=tmp_path,
        now=NOW,
        promote_after_days=30,
        remembered=Remembered(None),
        refusals=refusals,
    )
    assert names == asked
    assert status.steps[0].refusals == (("cell 1: no",) if asked else ())


def test_a_notebook_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotebookError, match="there is no file"):
        GitHistory(tmp_path).status()
