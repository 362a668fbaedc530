"""Marks: which cells belong to which step."""

from __future__ import annotations

import json

import pytest

from ratchet.notebooks.cells import read
from tests.unit.notebooks.cells_of import CellText, ipynb, notebook


@pytest.mark.parametrize(
    "cell",
    [
        ("a = 1", ["step:prepare"]),
        ("a = 1", ["other", "step:prepare", "parameters"]),
        "#| step: prepare\na = 1",
        "\n\n#| step: prepare\na = 1",
        "#| step:   prepare   \na = 1",
        "#| echo: false\n#| step: prepare\na = 1",
        "%%time\n#| step: prepare\na = 1",
        ("#| step: prepare\na = 1", ["step:prepare"]),
    ],
)
def test_a_tag_or_a_first_line_marks_a_cell(cell: CellText) -> None:
    book = notebook(cell)
    assert [c.step for c in book.cells] == ["prepare"]
    assert book.mark_problems == ()


def test_a_mark_names_the_outputs_after_an_arrow() -> None:
    book = notebook("#| step: split -> train, test\nx = 1", "#| step: split -> test, rest\ny = 2")
    assert book.cells[0].outputs == ("train", "test")
    assert book.step_outputs("split") == ("train", "test", "rest")


def test_a_mark_without_an_arrow_names_no_outputs() -> None:
    assert notebook("#| step: split\nx = 1").step_outputs("split") == ()


def test_several_cells_make_one_step_and_steps_come_in_the_order_of_their_cells() -> None:
    book = notebook("#| step: b\n1", "#| step: a\n2", "3", "#| step: b\n4")
    assert book.steps == ("b", "a")
    assert [cell.index for cell in book.step_cells("b")] == [0, 3]


@pytest.mark.parametrize(
    ("cell", "line", "message"),
    [
        ("#|step: prepare\na = 1", 1, "nearly a mark"),
        ("# | step: prepare\na = 1", 1, "nearly a mark"),
        ("# |step: prepare\na = 1", 1, "nearly a mark"),
        ("#| Step: prepare\na = 1", 1, "nearly a mark"),
        ("#| steps: prepare\na = 1", 1, "nearly a mark"),
        ("#| step prepare\na = 1", 1, "nearly a mark"),
        ("#| step = prepare\na = 1", 1, "nearly a mark"),
        ("#| step : prepare\na = 1", 1, "nearly a mark"),
        ("# step: prepare\na = 1", 1, "nearly a mark"),
        ("\n#| step:\na = 1", 2, "names no step"),
        ("#| step: -> a\na = 1", 1, "names no step"),
        ("#| step: 1st\na = 1", 1, "`1st` is no name of a step"),
        ("#| step: my step\na = 1", 1, "`my step` is no name"),
        ("#| step: Prepare\na = 1", 1, "`Prepare` is no name"),
        ("#| step: class\na = 1", 1, "a word of Python"),
        ("#| step: prepare ->\na = 1", 1, "no name stands after"),
        ("#| step: prepare -> a b\na = 1", 1, "`a b` after"),
        ("#| step: prepare -> a,\na = 1", 1, "`` after"),
        ("#| step: prepare -> for\na = 1", 1, "`for` after"),
        ("#| step: prepare -> a, a\na = 1", 1, "twice"),
        ("a = 1\n#| step: prepare", 2, "only as the first line"),
        (("a = 1", ["step: prepare"]), 1, "the tag `step: prepare` is nearly a mark"),
        (("a = 1", ["Step:prepare"]), 1, "the tag `Step:prepare` is nearly a mark"),
        (("a = 1", ["steps:prepare"]), 1, "nearly a mark"),
        (("a = 1", ["step:"]), 1, "names no step"),
        (("a = 1", ["step:a b"]), 1, "no name of a step"),
        (("a = 1", ["step:a", "step:b"]), 1, "`a` and `b`"),
        (("#| step: b\na = 1", ["step:a"]), 1, "`a` and `b`"),
        ("#| step: a\n#| step: b\nx = 1", 1, "`a` and `b`"),
    ],
)
def test_a_faulty_mark_is_a_problem_with_its_place_and_no_mark(
    cell: CellText, line: int, message: str
) -> None:
    book = notebook("x = 0", cell)
    assert [c.step for c in book.cells] == [None, None]
    [problem] = book.mark_problems
    assert str(problem).startswith(f"cell 2, line {line}: ")
    assert message in problem.message


@pytest.mark.parametrize(
    "cell",
    [
        "# step 1: read the data\na = 1",
        "# Step: read the data\na = 1",
        "# step: read the data\na = 1",
        "a = 1\n# step: prepare",
        "#| label: fig-step\na = 1",
        "text = '# | steps'",
        ("a = 1", ["steps", "stepwise", "footstep:a"]),
    ],
)
def test_a_remark_about_a_step_is_no_mark(cell: CellText) -> None:
    book = notebook(cell)
    assert [c.step for c in book.cells] == [None]
    assert book.mark_problems == ()


def test_a_text_cell_cannot_be_marked() -> None:
    document = json.loads(ipynb(("# words", ["step:a"])))
    document["cells"][0]["cell_type"] = "markdown"
    book = read("a.ipynb", json.dumps(document))
    assert book.steps == ()
    assert "text cell" in str(book.mark_problems[0])


def test_a_cell_that_calls_the_script_of_a_promoted_step_says_so() -> None:
    book = notebook(("prepare.prepare(df)", ["promoted:prepare"]), "x = 1")
    assert book.promoted == ("prepare",)
    assert [cell.promoted for cell in book.cells] == ["prepare", None]
