"""The text of a step's script: what is taken over from the cells, and what is left out."""

from __future__ import annotations

import ast

import pytest

from ratchet.notebooks.cell_text import edited, indented, tidied
from ratchet.notebooks.layout import ScriptLayout, layout_of
from ratchet.notebooks.plan import PromotionPlan, plan_step
from ratchet.notebooks.refusals import NotPromotableError
from ratchet.notebooks.script import clashes, script_text
from tests.unit.notebooks.cells_of import notebook

FRAME = {"form": "parquet", "kind": "frame"}
MODEL = {"form": "pickle", "kind": "model"}


def planned(*sources: str, **outputs: dict[str, str]) -> tuple[PromotionPlan, ScriptLayout]:
    plan = plan_step(notebook(*sources), "s")
    assert plan.refusals == ()
    return plan, layout_of(
        plan,
        "s",
        dict.fromkeys(plan.inputs, FRAME),
        outputs or dict.fromkeys(plan.outputs, FRAME),
    )


def function(*sources: str) -> str:
    """The function of the script."""
    plan, layout = planned(*sources)
    text = script_text(plan, layout, "n.ipynb")
    start = text.index(f"def {layout.function}(")
    return text[start : text.index("\n\n\n", start)]


def script(*sources: str, **outputs: dict[str, str]) -> str:
    return script_text(*planned(*sources, **outputs), "n.ipynb")


STEP = "#| step: s\n"


def test_comments_and_layout_of_the_cells_stay() -> None:
    source = "# First.\na = (1 +  # one\n     2)\n\n\n\n# Then.\nb = a  # done"
    assert function(STEP + source, "print(a, b)") == (
        "def s():\n    # First.\n    a = (1 +  # one\n         2)\n\n    # Then.\n"
        "    b = a  # done\n\n    return a, b"
    )


def test_texts_of_several_lines_are_not_indented() -> None:
    assert '    a = """x\n y\n"""\n' in function(STEP + 'a = """x\n y\n"""', "print(a)")


def test_plots_and_looks_go_with_the_comments_above_them() -> None:
    source = (
        "a = [1]\n# A picture\nplt.plot(a)\nplt.show();\nfor v in a:\n    plt.plot(v)\na\nb = 2"
    )
    plan, layout = planned("import matplotlib.pyplot as plt", STEP + source, "print(a, b)")
    text = script_text(plan, layout, "n.ipynb")
    assert "plt" not in text
    assert "picture" not in text
    assert function("import matplotlib.pyplot as plt", STEP + source, "print(a, b)") == (
        "def s():\n    a = [1]\n    b = 2\n\n    return a, b"
    )
    assert len([remark for remark in plan.remarks if "a plot is left out" in remark]) == 3


def test_a_plot_whose_result_is_used_stays() -> None:
    text = script(
        "import matplotlib.pyplot as plt", STEP + "n, bins, _ = plt.hist([1])\na = bins[0]", "a"
    )
    assert "import matplotlib.pyplot as plt" in text
    assert "n, bins, _ = plt.hist([1])" in text


@pytest.mark.parametrize(
    "look",
    ["x.pop('a')", "next(x)", "list(x)", "x.sample(2)", "x.sort_values(inplace=True)", "x.f()"],
)
def test_an_expression_that_may_have_an_effect_stays(look: str) -> None:
    assert look in function("x = input_of()", STEP + f"a = 1\n{look}", "print(a)")


def test_a_magic_goes_and_a_timed_statement_stays() -> None:
    text = function(STEP + "%matplotlib inline\n%time a = 1\n", "print(a)")
    assert text == "def s():\n    a = 1\n\n    return a"


def test_imports_go_to_the_top_and_only_those_that_are_used() -> None:
    text = script(
        "import os, sys\nfrom a import b, c as d\nimport numpy as np",
        STEP + "import math\nx = d(np.e)",
        "x",
    )
    assert "import math\n" in text
    assert "import numpy as np\nfrom a import c as d\n" in text
    assert "sys" not in text


def test_a_function_that_reads_names_of_the_step_stands_inside_of_it() -> None:
    text = function(
        "def f(v):\n    return v * k\ndef g(v):\n    return v", STEP + "k = 2\na = f(g(1))", "a"
    )
    assert "    def f(v):\n        return v * k\n" in text
    assert "def g" not in text


def test_files_of_a_folder_are_read_from_the_folder_that_the_script_gets() -> None:
    text = function(
        "import pandas as pd\nD = 'data'",
        STEP + "a = pd.read_csv('data/x/a.csv')\nb = pd.read_csv(f'{D}/b.csv', sep=';')",
        "print(a, b)",
    )
    assert 'a = pd.read_csv(os.path.join(raw, "x/a.csv"))' in text
    assert "b = pd.read_csv(os.path.join(raw, \"b.csv\"), sep=';')" in text
    assert text.startswith("def s(raw):")


def test_files_without_a_folder_in_common_are_refused() -> None:
    with pytest.raises(NotPromotableError, match="put them into one folder"):
        planned("", STEP + "a = open('../a.csv').read()\nb = open('b.csv').read()", "print(a, b)")


def test_a_step_that_leaves_one_model_is_a_training_job() -> None:
    text = script("X = f()", STEP + "m = abs(-1)\nm.fit(X)", "m.predict(X)", m=MODEL)
    assert '"--X", type=Path, default=os.environ.get("SM_CHANNEL_X")' in text
    assert '"--model_dir", type=Path, default=os.environ.get("SM_MODEL_DIR")' in text
    assert '(args.model_dir / "m.pkl").write_bytes(pickle.dumps(m))' in text


def test_more_objects_than_a_job_takes_share_a_folder() -> None:
    names = [f"v{number}" for number in range(11)]
    plan, layout = planned(
        STEP + "\n".join(f"{n} = abs(-1)" for n in names), f"print({', '.join(names)})"
    )
    del plan
    assert {value.argument for value in layout.outputs} == {"results"}
    assert len({value.file for value in layout.outputs}) == 11


def test_an_output_of_the_name_of_an_input_has_a_folder_of_its_own() -> None:
    _, layout = planned("x = f()\nX = f()", STEP + "x = x.a(X)", "print(x)")
    assert layout.input_arguments == ["x", "X_in"]
    assert layout.output_arguments == ["x_out"]


def test_names_that_the_script_needs_for_itself_are_named() -> None:
    plan, layout = planned("def main():\n    return 1", STEP + "args = main()", "args")
    assert [str(clash).split("`")[1] for clash in clashes(plan, layout)] == ["args", "main"]


def test_the_functions_name_gives_way_to_a_name_of_the_notebook() -> None:
    _, layout = planned(STEP + "s = 1", "print(s)")
    assert layout.function == "s_step"


def test_an_emptied_block_keeps_a_pass() -> None:
    tree = ast.parse("if a:\n    b\nelse:\n    c\n")
    block = tree.body[0]
    assert isinstance(block, ast.If)
    text = edited("if a:\n    b\nelse:\n    c\n", removed=[block.body[0]], replaced={})
    assert text == "if a:\n    pass\nelse:\n    c\n"


def test_an_expression_after_letters_of_several_bytes_is_replaced_in_its_place() -> None:
    code = "a = 'größe' + 'x'; b = 1"
    value = ast.parse(code).body[0].value.right  # type: ignore[attr-defined]
    assert edited(code, removed=[], replaced={value: "y"}) == "a = 'größe' + y; b = 1"


def test_lines_of_other_programs_are_left_out_and_empty_ones_are_joined() -> None:
    assert (
        tidied("#| echo: false\na = 1\n\n\n\nb = '''\n#| x\n'''") == "a = 1\n\nb = '''\n#| x\n'''"
    )
    assert indented("if a:\n\n  b = '''\nx'''") == "    if a:\n\n      b = '''\nx'''"
