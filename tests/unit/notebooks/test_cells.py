"""Notebooks are read from JSON and from scripts in the percent form."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from ratchet.notebooks.cells import load, read
from ratchet.notebooks.errors import NotebookError
from ratchet.notebooks.statements import statements_of
from tests.unit.notebooks.cells_of import ipynb, notebook

HEADER = """# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: {form}
#   kernelspec:
#     language: {language}
#     name: python3
# ---
"""


def code_of(text: str) -> list[str]:
    """The sources of the code cells of a script."""
    return [cell.source for cell in read("a.py", text).code_cells]


# JSON


def test_cells_keep_their_places_among_all_cells() -> None:
    document = json.loads(ipynb("a = 1", "b = 2"))
    document["cells"].insert(1, {"cell_type": "markdown", "metadata": {}, "source": ["# A", "b"]})
    book = read("a.ipynb", json.dumps(document))
    assert [(c.index, c.kind) for c in book.cells] == [(0, "code"), (1, "markdown"), (2, "code")]
    assert [cell.index for cell in book.code_cells] == [0, 2]
    assert book.cells[2].where(3) == "cell 3, line 3"
    assert book.cells[2].where() == "cell 3, line 1"


def test_a_source_may_be_one_text() -> None:
    document = json.loads(ipynb("a = 1\nb = 2"))
    document["cells"][0]["source"] = "a = 1\nb = 2"
    assert read("a.ipynb", json.dumps(document)).cells[0].source == "a = 1\nb = 2"


def test_notebooks_of_format_3_have_their_cells_in_worksheets() -> None:
    text = {
        "nbformat": 3,
        "metadata": {"name": ""},
        "worksheets": [
            {
                "cells": [
                    {"cell_type": "heading", "level": 1, "source": ["A"]},
                    {"cell_type": "code", "input": ["a = 1\n", "b = 2"], "language": "python"},
                ]
            }
        ],
    }
    book = read("a.ipynb", json.dumps(text))
    assert [(c.kind, c.source) for c in book.cells] == [("markdown", "A"), ("code", "a = 1\nb = 2")]


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        ("a.ipynb", "", "is not JSON"),
        ("a.ipynb", "<<<<<<< HEAD\n{}", "is not JSON"),
        ("a.ipynb", "[]", "has no cells"),
        ("a.ipynb", '{"a": 1}', "has no cells"),
        ("a.ipynb", '{"cells": [{}]}', "is no cell of a notebook"),
        ("a.ipynb", '{"cells": [3]}', "is no cell of a notebook"),
        ("a.ipynb", '{"cells": 3}', "is no cell of a notebook"),
        ("a.ipynb", ipynb("a", language="R"), "a notebook for R"),
        ("a.ipynb", ipynb("a", language="julia"), "a notebook for julia"),
        ("a.md", "# A", "jupytext --to py:percent a.md"),
        ("a.Rmd", "# A", "jupytext --to py:percent a.Rmd"),
        ("a.txt", "# A", "is no notebook"),
        ("a", "# A", "is no notebook"),
        ("a.py", "print(1)\n", "no line `# %%`"),
        ("a.py", "# +\nprint(1)\n", "no line `# %%`"),
        ("a.py", HEADER.format(form="light", language="python") + "# %%\n1", "the form 'light'"),
        ("a.py", HEADER.format(form="sphinx", language="python") + "# %%\n1", "form 'sphinx'"),
        ("a.py", HEADER.format(form="percent", language="R") + "# %%\n1", "a notebook for R"),
    ],
)
def test_what_is_no_python_notebook_is_refused_in_words(path: str, text: str, message: str) -> None:
    with pytest.raises(NotebookError, match=re.escape(message).replace("the\\ form", "form")):
        read(path, text)


def test_a_kernel_of_no_language_is_taken_for_python() -> None:
    document = json.loads(ipynb("a = 1"))
    for metadata in ({}, {"kernelspec": {"name": "x"}}, {"language_info": {"name": "python"}}):
        document["metadata"] = metadata
        assert read("a.ipynb", json.dumps(document)).cells


def test_a_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotebookError, match="there is no file"):
        load(tmp_path / "a.ipynb")
    (tmp_path / "b.ipynb").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(NotebookError, match="cannot be read"):
        load(tmp_path / "b.ipynb")
    (tmp_path / "c.ipynb").mkdir()
    with pytest.raises(NotebookError, match="cannot be read"):
        load(tmp_path / "c.ipynb")


# The percent form


def test_a_script_is_cut_at_its_cells() -> None:
    text = "import a\n\n# %%\nb = 1\n\n\n# %% A title\n\nc = 2\n#%%\nd = 3\n"
    assert code_of(text) == ["import a", "b = 1", "c = 2", "d = 3"]


def test_jupytexts_header_is_no_cell() -> None:
    text = HEADER.format(form="percent", language="python") + "\n# %%\na = 1\n"
    assert code_of(text) == ["a = 1"]


def test_text_cells_are_no_code() -> None:
    text = "# %% [markdown]\n# Words\n\n# %%\na = 1\n\n# %% [raw]\n# x\n\n# %% T [md]\n# y\n"
    book = read("a.py", text)
    assert [cell.kind for cell in book.cells] == ["markdown", "code", "raw", "markdown"]


@pytest.mark.parametrize(
    "head",
    [
        '# %% tags=["step:x"]',
        '# %% A title tags=["parameters", "step:x"] slideshow={"slide_type": "slide"}',
        '# %% {"tags": ["step:x"]}',
        '# %% A title [code] {"tags": ["step:x"]}',
    ],
)
def test_a_cells_first_line_has_its_tags(head: str) -> None:
    assert read("a.py", f"{head}\na = 1\n").steps == ("x",)


def test_magics_are_comments_in_a_script() -> None:
    text = "# %%\n# %matplotlib inline\n# !ls\n# # %time a\na = 1\nif a:\n    # !rm x\n    b = 2\n"
    cell = read("a.py", text).cells[0]
    assert [magic.text for magic in cell.magics] == ["%matplotlib inline", "!ls", "!rm x"]
    assert [magic.line for magic in cell.magics] == [1, 2, 6]


def test_a_cell_of_another_language_has_its_magic_in_the_head() -> None:
    cell = read("a.py", '# %%\na = 1\n\n# %% language="bash"\n# ls\n').cells[1]
    assert [(magic.text, magic.harmless) for magic in cell.magics] == [("%%bash", False)]
    assert cell.code.strip() == ""


def test_a_line_in_a_text_begins_no_cell() -> None:
    text = "# %%\na = '''\n# %%\n'''  # '''\nb = \"it's\"\n\n# %%\nc = 1\n"
    assert code_of(text) == ["a = '''\n# %%\n'''  # '''\nb = \"it's\"", "c = 1"]


def test_places_in_a_script_are_lines_of_the_file() -> None:
    text = (
        HEADER.format(form="percent", language="python") + "\n# %%\n\n\nx = 1\n\n# %%\n\ny = (\n 2)"
    )
    lines = text.splitlines()
    for statement in statements_of(read("a.py", text)):
        number = int(statement.where.removeprefix("line "))
        assert lines[number - 1].startswith(("x =", "y ="))


def test_a_script_and_its_notebook_have_the_same_statements() -> None:
    cells = ("%matplotlib inline\na = 1", "#| step: x -> b\nb = a", "%%time\nc = b")
    script = "\n\n".join(
        "# %%\n" + re.sub(r"^(?=[%!])", "# ", cell, flags=re.MULTILINE) for cell in cells
    )
    first, second = notebook(*cells), read("a.py", script)
    assert [s.text for s in statements_of(first)] == [s.text for s in statements_of(second)]
    assert [(c.step, c.outputs) for c in first.cells] == [(c.step, c.outputs) for c in second.cells]


# IPython


@pytest.mark.parametrize(
    ("source", "python", "harmless"),
    [
        ("%matplotlib inline", "pass", True),
        ("%load_ext autoreload", "pass", True),
        ("%pylab inline", "pass", False),
        ("%run other.ipynb", "pass", False),
        ("%cd folder", "pass", False),
        ("%env A=1", "pass", False),
        ("%store x", "pass", False),
        ("%time x = f(1)", "x = f(1)", True),
        ("%timeit f(1)", "pass", True),
        ("%pip install a", "pass", True),
        ("!pip install a", "pass", True),
        ("!python -m pip install a", "pass", True),
        ("pip install a", "pass", True),
        ("!ls -l", "pass", True),
        ("!head a.csv > b.csv", "pass", False),
        ("!python --version", "pass", True),
        ("!python train.py", "pass", False),
        ("!rm a.csv", "pass", False),
        ("!wget x \\\n  y", "pass\n", False),
        ("files = !ls", "files = None", False),
        ("a, b = %sql select 1", "a, b = None", False),
        ("?len", "pass", True),
        ("len?", "pass", True),
        ("df.head??", "pass", True),
        ("%%time\nx = 1", "\nx = 1", True),
        ("%%capture\nx = 1", "\nx = 1", True),
        ("%%capture out\nx = 1", "\nx = 1", False),
        ("%%timeit\nx = 1", "\n", True),
        ("%%html\n<b>x</b>", "\n", True),
        ("%%bash\nrm x", "\n", False),
        ("%%writefile a.py\nx = 1", "\n", False),
        ("\n%%bash\nrm x", "\n\n", False),
        ("if x:\n    !rm a\n    y = 1", "if x:\n    pass\n    y = 1", False),
    ],
)
def test_what_ipython_adds_is_taken_out(source: str, python: str, harmless: bool) -> None:
    cell = notebook(source).cells[0]
    assert cell.code == python
    assert [magic.harmless for magic in cell.magics] == [harmless]
    lines = [source.splitlines()[magic.line - 1].strip() for magic in cell.magics]
    assert [magic.text for magic in cell.magics] == lines
    assert cell.syntax_fault is None
    assert len(cell.code.splitlines()) <= len(source.splitlines())


@pytest.mark.parametrize(
    "source",
    [
        "x = 5 % 3",
        "x = (5\n%y)",
        "s = '''\n!rm x\n%cd\n'''",
        "# !rm x\n# %cd",
        "a != b",
        "print('?')",
        "await f()",
        "async with a as b:\n    pass",
        "f'{x!r}'",
        "",
        "# words",
    ],
)
def test_plain_python_stays_as_it_is(source: str) -> None:
    cell = notebook(source).cells[0]
    assert (cell.code, cell.magics, cell.syntax_fault) == (source, (), None)


def test_a_first_indentation_is_taken_from_all_lines() -> None:
    cell = notebook("    # why\n    x = 1\n    if x:\n        y = 2").cells[0]
    assert ast.unparse(cell.tree) == "x = 1\nif x:\n    y = 2"


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("x = 1\nprint x", 2),
        ("x = (1,\n", 1),
        ("a = 1\nb = 2\nif:\n    pass", 3),
        ("def f():\n    return 1\nreturn 2", 3),
        ("def f(a, a):\n    pass", 1),
        ("x = 1\nbreak", 2),
        ("def f():\n    x = 1\n    global x", 3),
        ("x = '\0'", 1),
        ("%matplotlib inline\n%cd x\nprint x", 3),
        ("(" * 300 + ")" * 300, 1),
    ],
)
def test_what_is_no_python_says_on_which_line(source: str, line: int) -> None:
    cell = notebook(source).cells[0]
    assert cell.syntax_fault is not None
    assert cell.syntax_fault.line == line
    assert cell.tree.body == []
    assert cell.code.strip() == ""


def test_a_faulty_escape_is_no_warning(recwarn: pytest.WarningsRecorder) -> None:
    assert notebook("x = '\\d'").cells[0].syntax_fault is None
    assert not recwarn.list
