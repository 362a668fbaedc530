"""The call takes the place of the step's cells, and every other character of the notebook stays."""

from __future__ import annotations

import json

import pytest

from ratchet.notebooks import cells
from ratchet.notebooks.errors import NotebookError
from ratchet.notebooks.layout import layout_of
from ratchet.notebooks.plan import plan_step
from ratchet.notebooks.raw_json import cell_spans
from ratchet.notebooks.replacement import call_text, replaced_notebook

FACT = {"form": "json", "kind": "plain"}

# Its author likes his own layout, and so do the programs that wrote parts of it.
IPYNB = """{"nbformat": 4,   "metadata": {"a": "\\u00e4", "cells": [1, "]"]},
 "cells": [
  {
   "cell_type": "markdown",  "metadata": {},
   "source": ["# größe \\"quoted\\" ]}"]
  },
  {
    "cell_type": "code",
    "id": "abc",
    "execution_count": 3,
    "metadata": {"tags": ["step:s", "keep"], "other": 1},
    "outputs": [{"output_type": "stream", "name": "stdout", "text": ["{"]}],
    "source": ["a = [1]\\n", "a"]
  },
  { "cell_type": "code", "metadata": {}, "outputs": [], "execution_count": null,
    "source": "print(1)" },
  {
   "cell_type": "code",
   "metadata": {},
   "outputs": [],
   "execution_count": null,
   "source": ["#| step: s\\n", "b = a + [2]"]
  }
  ,
  {"cell_type": "code", "metadata": {}, "source": ["print(a, b)"], "outputs": []}
 ], "nbformat_minor": 5
}
"""

PERCENT = """# ---
# jupyter: {"kernelspec": {"name": "python3"}}
# ---
# %% [markdown]
# # größe   \x20
#
# %% title  tags=["keep", "step:s"]
a = [1]
# %matplotlib inline
a

# %%
print(1)
# %%
#| step: s
b = a + [2]



# %%
print(a, b)  """


def promoted_text(path: str, text: str) -> str:
    notebook = cells.read(path, text)
    plan = plan_step(notebook, "s")
    layout = layout_of(plan, "s", {}, {"a": FACT, "b": FACT})
    call = call_text(plan, layout, script="steps/m/s.py", folder="../steps/m")
    return replaced_notebook(plan, text, call)


CALL = """# The step `s` is a script: steps/m/s.py
import sys

sys.path.append("../steps/m")
from s import s

a, b = s()"""


def test_the_other_cells_of_a_notebook_stay_as_they_are_written() -> None:
    before, after = IPYNB, promoted_text("n.ipynb", IPYNB)
    spans, new = cell_spans("n.ipynb", before), cell_spans("n.ipynb", after)
    assert len(new) == 4
    assert after[: new[1][0]] == before[: spans[1][0]]
    assert after[new[1][1] : new[2][1]] == before[spans[1][1] : spans[2][1]]
    assert after[new[2][1] :] == before[spans[3][1] :]


def test_the_calling_cell_keeps_its_id_and_other_tags() -> None:
    cell = json.loads(promoted_text("n.ipynb", IPYNB))["cells"][1]
    assert cell["id"] == "abc"
    assert cell["metadata"] == {"tags": ["keep", "promoted:s"], "other": 1}
    assert cell["outputs"] == []
    assert cell["execution_count"] is None
    assert "".join(cell["source"]) == CALL


def test_a_script_in_the_percent_form_keeps_all_other_lines() -> None:
    after = promoted_text("n.py", PERCENT)
    start, end = PERCENT.index("# %% title"), PERCENT.index("# %%\nprint(1)")
    second = PERCENT.index("# %%\n#| step")
    last = PERCENT.index("# %%\nprint(a, b)")
    head = '# %% title tags=["keep", "promoted:s"]\n'
    expected = PERCENT[:start] + head + CALL + "\n\n" + PERCENT[end:second] + PERCENT[last:]
    assert after == expected


@pytest.mark.parametrize(("path", "text"), [("n.ipynb", IPYNB), ("n.py", PERCENT)])
def test_a_promoted_notebook_can_be_read_again(path: str, text: str) -> None:
    again = cells.read(path, promoted_text(path, text))
    assert again.steps == ()
    assert again.promoted == ("s",)


def test_a_script_with_windows_line_ends_keeps_them() -> None:
    after = promoted_text("n.py", PERCENT.replace("\n", "\r\n"))
    assert "\n" not in after.replace("\r\n", "")


def test_a_notebook_on_one_line_stays_on_one_line() -> None:
    text = json.dumps(json.loads(IPYNB))
    after = promoted_text("n.ipynb", text)
    assert "\n" not in after
    assert len(json.loads(after)["cells"]) == 4


def test_worksheets_are_refused_with_the_command_that_converts_them() -> None:
    with pytest.raises(NotebookError, match="nbconvert --to notebook --inplace"):
        cell_spans("n.ipynb", '{"worksheets": [{"cells": []}]}')
