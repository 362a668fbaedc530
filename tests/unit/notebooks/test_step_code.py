"""The digest of a step's code: what changes it and what does not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ratchet.notebooks.needs import Needs, needs_of
from ratchet.notebooks.statements import places_of, statements_of, step_statements
from ratchet.notebooks.step_code import step_digest
from tests.unit.notebooks.cells_of import CellText, notebook

STEP = ("step:x",)
SETUP = "import numpy as np\nfrom m import a, b\nk = 3\ndef f(d):\n    return d * k"
BODY = "df = f(df) + a(1)\ndf = df + np.pi"


def digest_of(*cells: CellText, modules: dict[str, dict[str, str]] | None = None) -> str:
    return step_digest(notebook(*cells), "x", lambda name: (modules or {}).get(name, {}))


BEFORE = digest_of(SETUP, (BODY, STEP))


@pytest.mark.parametrize(
    "cells",
    [
        (SETUP, ("# why\n" + BODY + "  # so", STEP)),
        (SETUP, ("df = f(df) + \\\n   a(  1)\n\n\ndf = (df +\n  np.pi)", STEP)),
        (SETUP, "#| step: x\n" + BODY),
        (SETUP, ("df = f(df) + a(1)", STEP), "other = 1", ("df = df + np.pi", STEP)),
        (*SETUP.split("\n", 3), (BODY, STEP)),
        ("unused = 5\nimport unrelated\n" + SETUP, (BODY, STEP), "after = df"),
        (SETUP.replace("from m import a, b", "from m import a"), (BODY, STEP)),
        (SETUP.replace("from m import a, b", "from m import (\n  c, a)"), (BODY, STEP)),
        ("k = 3\ndef f(d):\n    return d * k", "from m import a\nimport numpy as np", (BODY, STEP)),
        (SETUP, ("%matplotlib inline\n" + BODY, STEP)),
    ],
)
def test_what_is_no_code_of_the_step_does_not_change_its_digest(cells: Sequence[CellText]) -> None:
    assert digest_of(*cells) == BEFORE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("k = 3", "k = 4"),
        ("d * k", "d / k"),
        ("def f(d)", "def f(d, e=1)"),
        ("import numpy as np", "import cupy as np"),
        ("from m import a, b", "from n import a, b"),
        ("from m import a, b", "from m import b as a"),
    ],
)
def test_a_change_of_what_the_step_uses_changes_its_digest(old: str, new: str) -> None:
    assert digest_of(SETUP.replace(old, new), (BODY, STEP)) != BEFORE


@pytest.mark.parametrize(
    ("old", "new"),
    [("a(1)", "a(1.0)"), ("a(1)", "a(2)"), ("f(df)", "g(df)"), ("np.pi", "np.e"), ("+ a", "- a")],
)
def test_a_change_of_the_step_changes_its_digest(old: str, new: str) -> None:
    assert digest_of(SETUP, (BODY.replace(old, new), STEP)) != BEFORE


@pytest.mark.parametrize(
    ("line", "other"),
    [
        ("!wget a.csv", "!wget b.csv"),
        ("%run a.ipynb", "%run b.ipynb"),
        ("y = !ls", "y = !pwd"),
        ("if x:\n    !rm a", "if x:\n    !rm b"),
    ],
)
def test_a_shell_line_that_matters_is_code(line: str, other: str) -> None:
    assert len({digest_of((text, STEP)) for text in (line, other, "")}) == 3


def test_the_order_of_the_statements_counts() -> None:
    assert digest_of(("a = 1\nb = 2", STEP)) != digest_of(("b = 2\na = 1", STEP))


def test_data_from_above_is_no_code() -> None:
    first = digest_of("df = load('a')", ("x = df + 1", STEP))
    assert first == digest_of("df = load('b')", ("x = df + 1", STEP))


def test_modules_beside_the_notebook_count_with_what_they_import() -> None:
    cells = ("import features as ft", ("x = ft.make(df)", STEP))
    files = {"features": {"features.py": "import more\nA = 1"}, "more": {"more.py": "B = 2"}}
    before = digest_of(*cells, modules=files)
    assert before != digest_of(*cells)
    assert before == digest_of(*cells, modules=files | {"other": {"other.py": "C = 3"}})
    assert before == digest_of(
        *cells, modules=files | {"features": {"features.py": "import more  # !\n\nA = 1"}}
    )
    for name, source in [("features", "import more\nA = 2"), ("more", "B = 3"), ("more", "B =")]:
        assert before != digest_of(*cells, modules=files | {name: {f"{name}.py": source}})


def needs(*cells: CellText) -> Needs:
    every = statements_of(notebook(*cells))
    return needs_of(every, step_statements(every, "x"))


def test_needs_tell_imports_functions_constants_and_data_apart() -> None:
    found = needs(
        "import pandas as pd\nimport os",
        "RATIO = 0.25\nNAMES = ['a', 'b']\nPAIR = (RATIO, len(NAMES))",
        "def clean(df):\n    return df[NAMES].dropna(thresh=PAIR[1])",
        "df = pd.read_csv('a.csv')",
        ("out = clean(df) * RATIO", STEP),
    )
    assert set(found.functions) == {"clean"}
    assert set(found.constants) == {"RATIO", "NAMES", "PAIR"}
    assert set(found.inputs) == {"df"}
    assert set(found.imports) == set()
    assert found.missing == {}
    assert [s.where for s in found.definitions] == [
        *(f"cell 2, line {line}" for line in (1, 2, 3)),
        "cell 3, line 1",
    ]


@pytest.mark.parametrize(
    ("setup", "kind"),
    [
        ("v = 3", "constants"),
        ("v = {'a': [1, 2], **{}}", "constants"),
        ("v = -1.5e3", "constants"),
        ("v: list[int] = [1]", "constants"),
        ("from pathlib import Path\nv = Path('a') / 'b'", "constants"),
        ("import numpy as np\nv = np.linspace(0, 1, 5)", "constants"),
        ("v = [1]\nv.append(2)", "inputs"),
        ("v = {'m': Model()}", "inputs"),
        ("v = [x for x in range(3)]", "inputs"),
        ("v = 1\nv += 1", "inputs"),
        ("v = 1\nif v:\n    v = 2", "inputs"),
        ("v = 1\nif v:\n    import v", "inputs"),
        ("w = load()\nv = [w]", "inputs"),
        ("for v in range(3):\n    pass", "inputs"),
        ("v = lambda q: q + 1", "functions"),
        ("async def v():\n    pass", "functions"),
        ("class v:\n    pass", "functions"),
        ("try:\n    import v\nexcept ImportError:\n    v = None", "functions"),
        ("if True:\n    import v\nelse:\n    v = None", "functions"),
        ("try:\n    v = load()\nexcept OSError:\n    v = None", "inputs"),
        ("import a.v as v", "imports"),
        ("from v import v", "imports"),
    ],
)
def test_what_sets_a_name_says_whether_it_is_code_or_data(setup: str, kind: str) -> None:
    found = needs(setup, ("out = v", STEP))
    kinds = {table: getattr(found, table) for table in ("imports", "functions", "constants")}
    kinds["inputs"] = found.inputs
    assert [table for table, names in kinds.items() if "v" in names] == [kind]


def test_a_name_from_a_parameters_cell_is_data() -> None:
    every = statements_of(notebook("v = 3", ("out = v", STEP)))
    found = needs_of(every, step_statements(every, "x"), frozenset({"v"}))
    assert (set(found.inputs), set(found.constants)) == ({"v"}, set())


def test_an_imported_name_is_brought_without_the_others() -> None:
    found = needs(
        "import sklearn.linear_model, os\nimport sklearn.metrics\nfrom m import a, b as c\n"
        "import pandas as pd",
        ("out = sklearn.metrics.auc(a, c, pd)", STEP),
    )
    assert found.imports["sklearn"].lines == (
        "import sklearn.linear_model",
        "import sklearn.metrics",
    )
    assert found.imports["a"].lines == ("from m import a",)
    assert found.imports["c"].lines == ("from m import b as c",)
    assert found.imports["pd"].lines == ("import pandas as pd",)
    assert (found.imports["pd"].module, found.imports["c"].module) == ("pandas", "m")


def test_a_missing_name_says_where_and_whether_it_is_set_below() -> None:
    found = needs(("y = 1\nx = a +\\\n  b", STEP), "b = 1")
    assert set(found.missing) == {"a", "b"}
    assert (found.missing["a"].where, found.missing["a"].below) == ("cell 1, line 2", None)
    assert found.missing["b"].where == "cell 1, line 3"
    assert found.missing["b"].below is not None
    assert found.missing["b"].below.where == "cell 2, line 1"


def test_a_name_that_the_step_may_set_itself_is_not_missing() -> None:
    assert needs(("if True:\n    w = 1\nprint(w)", STEP)).missing == {}


def test_a_function_that_needs_what_nobody_sets_lacks_it_where_it_is_called() -> None:
    found = needs("def f():\n    return z", ("y = 1\nx = f()", STEP))
    assert found.missing["z"].where == "cell 2, line 2"


def test_what_the_step_sets_for_a_function_above_is_not_missing() -> None:
    found = needs("def f():\n    return z", ("z = 1\nx = f()", STEP))
    assert (found.missing, found.inputs) == ({}, {})


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        (["df = load()", ("a = df", STEP), "df = df.dropna()", ("b = df", STEP)], {"df"}),
        ([("df = load()", STEP), "df = df.dropna()", ("b = df", STEP)], {"df"}),
        ([("df = load()", STEP), "df['a'] = 1", ("b = df", STEP)], {"df"}),
        ([("df = load()", STEP), "df.plot()", ("b = df", STEP)], set()),
        ([("df = load()", STEP), "df = 1", ("df = load()\nb = df", STEP)], set()),
        (["k = 3", ("a = k", STEP), "k = 4", ("b = k", STEP)], {"k"}),
        (["k = 3", ("a = k", STEP), "k = 3", ("b = k", STEP)], set()),
        ([("a = 1", STEP), "k = 4", ("b = k", STEP)], set()),
        ([("a = 1", STEP), "k = load()", ("b = k", STEP)], {"k"}),
        ([("a = 1", STEP), "import re\np = re.compile('a')", ("b = re.sub", STEP)], set()),
        ([("a = 1", STEP), "def f():\n    pass", ("b = f()", STEP)], set()),
        (
            ["def f():\n    return q", "q = load()", ("a = f()", STEP), "q = 2", ("b = f()", STEP)],
            {"q"},
        ),
        (["z = 1", ("a = z", STEP), "z = 5"], set()),
    ],
)
def test_what_others_set_amid_the_step_is_between(
    cells: Sequence[CellText], names: set[str]
) -> None:
    assert set(needs(*cells).between) == names


def test_repeated_statements_have_a_place_for_each_start() -> None:
    every = statements_of(notebook("a = 1\nb = 2\na = 1\nc = 3\nb = 2"))
    texts = [every[0].text, every[1].text]
    assert [[s.order for s in places] for places in places_of(every, texts)] == [[0, 1], [2, 4]]
    assert list(places_of(every, [every[3].text, every[0].text])) == []
    assert list(places_of(every, [])) == []
