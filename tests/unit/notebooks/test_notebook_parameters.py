"""The parameters of a notebook, and what somebody types for them."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from ratchet.notebooks import cells, parameters
from ratchet.notebooks.cells import Notebook
from ratchet.notebooks.errors import NotebookError
from tests.runner.notebook_jobs import notebook

SOURCE = """\
month = "2013-01"
rows: int = 10
share = 0.5
all_rows = False
columns = ["late"]
folder = Path("data")
limit = None
"""


def read(source: str = SOURCE, tags: Sequence[str] = ("parameters",)) -> Notebook:
    return cells.read("n.ipynb", json.dumps(notebook("1", (source, tags), "month = 2")))


def test_the_tagged_cell_says_what_parameters_there_are() -> None:
    names = ["month", "rows", "share", "all_rows", "columns", "folder", "limit"]
    assert list(parameters.defaults(read())) == names
    assert parameters.defaults(read(tags=())) == {}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("month", "2013-02", "2013-02"),
        ("month", "7", "7"),
        ("rows", "5", 5),
        ("rows", "-1", -1),
        ("share", "2", 2.0),
        ("share", "1e-3", 0.001),
        ("all_rows", "true", True),
        ("all_rows", "No", False),
        ("columns", "['a', 'b']", ["a", "b"]),
        ("folder", "elsewhere", "elsewhere"),
        ("limit", "5", "5"),
    ],
)
def test_a_value_has_the_type_of_its_default(name: str, text: str, value: object) -> None:
    (typed,) = parameters.typed(read(), {name: text}).values()
    assert typed == value
    assert type(typed) is type(value)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("rows", "5.5", "rows is '5.5'; expected a whole number, as its default rows = 10"),
        ("share", "half", "share is 'half'; expected a number"),
        ("all_rows", "maybe", "all_rows is 'maybe'; expected true or false"),
        ("columns", "late", "columns is 'late'; expected a list as Python writes it"),
        ("columns", "('late',)", "expected a list as Python writes it"),
        ("mnth", "1", "n.ipynb has no parameter 'mnth'; did you mean month?"),
        ("x", "1", "it has month, rows"),
    ],
)
def test_any_other_value_is_refused_with_what_is_expected(
    name: str, text: str, expected: str
) -> None:
    with pytest.raises(NotebookError, match=r"expected|no parameter") as refused:
        parameters.typed(read(), {name: text})
    assert expected in str(refused.value)


def test_a_notebook_without_such_a_cell_takes_none() -> None:
    with pytest.raises(NotebookError, match="no cell is tagged `parameters`"):
        parameters.typed(read(tags=()), {"rows": "5"})


def test_words_are_split_at_their_first_equals_sign() -> None:
    assert parameters.split(["a=1", "b=x=y", "a=2", "c="]) == {"a": "2", "b": "x=y", "c": ""}
    with pytest.raises(
        NotebookError, match="'rows' is no parameter; expected name=value: -p rows="
    ):
        parameters.split(["rows"])
