"""Notebooks made to mislead: each step is promoted with equal outputs, or refused with the reason.

Each notebook prints in its last cell what the step has made. Where a step is promoted, the notebook
must print the same afterwards, run as a plain program that knows nothing of Ratchet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ratchet.notebooks import cells, promotion, recording, replaying
from ratchet.notebooks.plan import plan_step
from ratchet.notebooks.writing import write
from tests.unit.notebooks.promoting import (
    outcome,
    printed,
    printed_before_and_after,
    project,
    static_reasons,
)
from tests.unit.notebooks.shared_kernel import SharedKernel

PROMOTED = ""
MARK = "#| step: s\n"


@dataclass(frozen=True)
class Trap:
    """Cells; those that begin with the mark are the step. `reason`: a part of the refusal."""

    cells: list[str]
    reason: str = PROMOTED
    files: dict[str, str] = field(default_factory=dict)


NP = "import numpy as np"
PD = "import pandas as pd"
FRAME = "import pandas as pd\ndf = pd.DataFrame({'a': [3.0, 1.0, 2.0], 'b': ['x', 'y', None]})"
IRIS = (
    "from sklearn.datasets import load_iris\n"
    "from sklearn.model_selection import train_test_split\n"
    "X, y = load_iris(return_X_y=True)\n"
    "a, b, c, d = train_test_split(X, y, random_state=1)"
)

STATIC = {
    "a mark that is nearly right": Trap(["#|step s\na = 1", "print(a)"], "is nearly a mark"),
    "globals": Trap([MARK + "a = 1\nglobals()['b'] = 2", "print(a)"], "`globals()` works on"),
    "exec": Trap([MARK + "exec('a = 1')\nb = 2", "print(b)"], "`exec()` works on"),
    "input": Trap([MARK + "a = input()", "print(a)"], "`input()` works on"),
    "global": Trap([MARK + "def f():\n    global a\n    a = 2\nf()\nb = 1", "print(b)"], "global"),
    "the memory of outputs": Trap([MARK + "a = _ + 1", "print(a)"], "`_` belongs to the notebook"),
    "the name of the module": Trap(
        [MARK + "a = 1\nif __name__ == '__main__':\n    a = 2", "print(a)"], "`__name__` belongs"
    ),
    "shell": Trap([MARK + "!rm -f x\na = 1", "print(a)"], "`!rm -f x` has no place"),
    "shell into a name": Trap([MARK + "a = !ls", "print(a)"], "has no place in a script"),
    "a program that is run above": Trap(
        ["%run prepare.py", "k = 1", MARK + "a = k", "print(a)"], "may set or change"
    ),
    "another folder": Trap(["%cd data", MARK + "a = 1", "print(a)"], "may set or change"),
    "shell into a name above": Trap(
        ["x = !ls", MARK + "a = x", "print(a)"], "may set or change what the step reads"
    ),
    "another machine": Trap(
        ["import requests", MARK + "a = requests.get('x').text", "print(a)"], "asks another machine"
    ),
    "a URL": Trap(
        [PD, MARK + "d = pd.read_csv('https://x.org/a.csv')", "print(d)"], "is on another machine"
    ),
    "a URL in a constant": Trap(
        [PD, "URL = 'https://x.org/a.csv'", MARK + "d = pd.read_csv(URL)", "print(d)"],
        "is on another machine",
    ),
    "a computed path": Trap(
        [PD, "p = 'a'.upper() + '.csv'", MARK + "d = pd.read_csv(p)", "print(d)"],
        "the path that `read_csv` gets is put together",
    ),
    "a listed folder": Trap(
        ["import glob", MARK + "a = [p for p in glob.glob('*.csv')]", "print(a)"],
        "depends on a folder's content",
    ),
    "today": Trap(
        ["import datetime", MARK + "a = datetime.date.today().year", "print(a)"], "reads the clock"
    ),
    "the hour of now": Trap(
        ["from datetime import datetime", MARK + "t = datetime.now()\na = t.year", "print(a)"],
        "reads the clock",
    ),
    "today by its name": Trap(
        [PD, MARK + "a = pd.Timestamp('today').normalize()", "print(a)"], "reads the clock"
    ),
    "the environment": Trap(
        ["import os", MARK + "a = os.environ.get('HOME')", "print(a)"], "`os.environ` is another"
    ),
    "a star import": Trap(
        ["from math import *", MARK + "a = sqrt(4)", "print(a)"], "import what is used by name"
    ),
    "a module beside the notebook": Trap(
        ["import helper", MARK + "a = helper.f(1)", "print(a)"],
        "lies beside the notebook",
        {"helper.py": "def f(x):\n    return x\n"},
    ),
    "a name from further down": Trap(
        [MARK + "a = b + 1", "b = 1", "print(a)"], "`b` is set only further down"
    ),
    "a name from nowhere": Trap([MARK + "a = nowhere + 1", "print(a)"], "no cell sets `nowhere`"),
    "a cell amid the step that changes its input": Trap(
        ["x = [1]", MARK + "a = x[0]", "x.append(a)", MARK + "b = x[-1]", "print(a, b)"],
        "changes `x` amid the step",
    ),
    "a cell amid the step that hands on what changes later": Trap(
        [MARK + "a = [1]", "open('x', 'w').write(str(a))", MARK + "a = a + [1]", "print(a)"],
        "reads `a` amid the step",
    ),
    "a built-in name set above": Trap(
        ["list = lambda x: [9]", MARK + "a = list((1, 2))", "print(a)"], "a name of Python's own"
    ),
    "a built-in name set by the step": Trap(
        [MARK + "id = 7\na = id + 1", "print(a, id)"], "a name of Python's own"
    ),
    "a built-in name set below": Trap(
        [MARK + "a = max([1, 2])", "max = 3\nprint(a, max)"], "a name of Python's own"
    ),
    "a method put on a class from outside": Trap(
        [PD, "pd.Series.twice = lambda s: s * 2", MARK + "a = pd.Series([1]).twice()", "print(a)"],
        "outside of the step",
    ),
    "Python 2": Trap([MARK + "print 'a'\na = 1", "print(a)"], "Python 2"),
    "nothing but looks": Trap(["a = 1", MARK + "a", "print(a)"], "nothing is left of the step"),
    "a mark that is nearly one": Trap([MARK + "a = 1", "#|step: s\nb = 2", "print(a)"], "nearly"),
    "a name after the arrow that is not set": Trap(
        ["#| step: s -> a, c\na = 1", "print(a)"], "does not set `c`"
    ),
    "a function of the step that reads its names": Trap(
        [MARK + "a = 2\ndef f(x):\n    return x * a\nb = f(3)", "print(b, f(4))"],
        "reads names of the step",
    ),
    "a name in other letters": Trap([MARK + "größe = 1", "print(größe)"], "use ASCII"),
    "a file that grows": Trap(
        [MARK + "with open('log.txt', 'a') as f:\n    f.write('x')\nn = 1", "print(n)"],
        "adds to a file",
    ),
    "a function of the step whose constant a later cell sets": Trap(
        ["K = 2", MARK + "def f(v):\n    return v * K\na = f(3)", "K = 5", "print(a, f(3))"],
        "`f` reads `K`, which cell 3, line 1 sets",
    ),
    "await": Trap(
        ["async def f():\n    return 1", MARK + "a = await f()", "print(a)"], "`await` outside"
    ),
}

DYNAMIC = {
    "a model without a seed that repeats its labels": Trap(
        [
            IRIS,
            MARK + "from sklearn.tree import DecisionTreeClassifier\n"
            "tree = DecisionTreeClassifier()\ntree.fit(a, c)",
            "print(tree.score(b, d))",
        ],
        "random numbers without a seed",
    ),
    # What is promoted
    "a plain step": Trap(["x = [3, 1]", MARK + "y = sorted(x)", "print(y)"]),
    "an input that is changed in place": Trap(
        ["x = [3, 1]", MARK + "x.sort()\nx.append(9)", "print(x)"]
    ),
    "an input that a function changes": Trap(
        [
            "def add(l):\n    l.append(4)",
            "x = [len('abc')]",
            MARK + "add(x)\ny = len(x)",
            "print(x, y)",
        ]
    ),
    "an input that is deleted": Trap(["x = [len('ab')]", MARK + "y = x[0] + 1\ndel x", "print(y)"]),
    "a last line that changes something": Trap(
        [FRAME, MARK + "n = len(df.columns)\ndf.pop('b')", "print(df, n)"]
    ),
    "a loop's variable is used later": Trap(
        ["x = list(map(int, '312'))", MARK + "for i in x:\n    pass", "print(i)"]
    ),
    "a name set on one path only": Trap(
        ["x = len('abc')\nflag = x > 5", MARK + "if flag:\n    x = 1\ny = 2", "print(x, y)"]
    ),
    "a function that uses an imported module": Trap(
        [
            "import math\ndef whole(v):\n    return math.floor(v) + math.ceil(v)",
            MARK + "a = whole(2.5)",
            "print(a, whole(1.5))",
        ]
    ),
    "a function that was changed after its cell": Trap(
        [
            "import math\ndef whole(v):\n    return math.floor(v)",
            "whole.__code__ = (lambda v: math.ceil(v)).__code__",
            MARK + "a = whole(2.5)",
            "print(a, whole(1.5))",
        ],
        "was changed afterwards",
    ),
    "a dictionary of scikit-learn": Trap(
        [
            "from sklearn.datasets import load_iris",
            MARK + "flowers = load_iris()",
            "print(sorted(flowers.keys()), flowers.data.sum())",
        ]
    ),
    "a search for the best parameters": Trap(
        [
            "from sklearn.datasets import load_iris\nfrom sklearn.svm import SVC\n"
            "from sklearn.model_selection import GridSearchCV",
            "X, y = load_iris(return_X_y=True)",
            MARK + "grid = GridSearchCV(SVC(), {'C': [1, 10]})\ngrid.fit(X, y)",
            "print(grid.best_params_, grid.predict(X).sum())",
        ]
    ),
    "a name set above is the only result, and no file holds it": Trap(
        ["rows = [1]", MARK + "rows = (v for v in [1, 2])", "print(1)"], "is used up as it is read"
    ),
    "a name reused later": Trap([MARK + "a = [1]\nb = sum(a)", "a = 5\nprint(a, b)"]),
    "a function from above reads what the step sets": Trap(
        ["def show():\n    return a + 1", MARK + "a = 41", "print(show())"]
    ),
    "a function from above that reads an input": Trap(
        ["k = len('abc')\ndef f(v):\n    return v * k", MARK + "a = f(2)", "print(a)"]
    ),
    "a function that reads a global changed later": Trap(
        ["K = 1\ndef f(v):\n    return v * K", "K = 10", MARK + "a = f(2)", "print(a)"]
    ),
    "nested functions that close over names of the step": Trap(
        [
            MARK
            + "a = 2\ndef f(x):\n    def g(y):\n        return y * a\n    return g(x)\nb = f(3)",
            "print(b)",
        ]
    ),
    "a lambda in the step": Trap(
        ["x = [1, 2, 3]", MARK + "k = 2\ny = [(lambda v: v * k)(v) for v in x]", "print(y)"]
    ),
    "a function of the step is used later": Trap(
        [MARK + "def f(x):\n    return x + 1\na = f(1)", "print(a, f(5))"]
    ),
    "an import of the step is used later": Trap(
        [MARK + "import math\na = math.pi", "print(a, math.e)"]
    ),
    "an exception that is swallowed": Trap(
        [
            "x = {'b': len('a')}",
            MARK + "try:\n    a = x['a']\nexcept KeyError:\n    a = -1",
            "print(a)",
        ]
    ),
    "texts of several lines": Trap(
        [MARK + 'a = """x\n    y\n  z"""\nb = f"""{a}\n  t"""', "print(repr(a), repr(b))"]
    ),
    "several statements on a line": Trap([MARK + "a = 1; b = 2; a", "print(a, b)"]),
    "comments and continued lines": Trap(
        [MARK + "# first\na = (1 +  # one\n     2)\nb = a + \\\n    1  # last", "print(a, b)"]
    ),
    "a cell that is indented as a whole": Trap([MARK + "  a = 1\n  b = a + 1", "print(a, b)"]),
    "letters beyond ASCII in texts": Trap([MARK + "a = 'größe'; b = a.upper()", "print(a, b)"]),
    "two cells of one step": Trap(
        ["x = [5]", MARK + "a = x[0]", "print('between')", MARK + "b = a + 1", "print(b)"]
    ),
    "cells between that set something else": Trap(
        [MARK + "a = 1", "other = 5", MARK + "b = a + 1", "print(a, b, other)"]
    ),
    "a file beside the notebook": Trap(
        [MARK + "with open('data/a.csv') as f:\n    n = len(f.read())", "print(n)"],
        PROMOTED,
        {"data/a.csv": "a\n1\n"},
    ),
    "a path in an f-string": Trap(
        ["D = 'data'", MARK + "n = open(f'{D}/a.csv').read()", "print(n)"],
        PROMOTED,
        {"data/a.csv": "a\n1\n"},
    ),
    "a path that is joined": Trap(
        [
            "import os\nfrom pathlib import Path\nD = 'data'",
            MARK + "n = open(os.path.join(D, 'a.csv')).read()\nm = (Path(D) / 'b.txt').read_text()",
            "print(n, m)",
        ],
        PROMOTED,
        {"data/a.csv": "a\n1\n", "data/b.txt": "b"},
    ),
    "a file that is written": Trap(
        [
            "x = [len('abc')]",
            MARK + "with open('out.txt', 'w') as f:\n    f.write(str(x))\nn = 1",
            "print(open('out.txt').read(), n)",
        ]
    ),
    "a generator with a seed of the step's own": Trap(
        [
            "import random",
            MARK + "random.seed(3)\na = [random.random() for _ in range(3)]",
            "print(a)",
        ]
    ),
    "a random state": Trap([NP, MARK + "a = np.random.RandomState(4).rand(3)", "print(a)"]),
    "a sorted set": Trap(["w = 'b a c'.split()", MARK + "a = sorted(set(w))", "print(a)"]),
    "a set is a result": Trap(["w = 'b a c'.split()", MARK + "a = set(w)", "print(sorted(a))"]),
    "dictionaries keep their order": Trap(
        ["x = 'bca'", MARK + "a = {c: i for i, c in enumerate(x)}", "print(a)"]
    ),
    "numbers that texts do not show": Trap(
        ["x = [1, 3]", MARK + "a = x[0] / x[1]\nb = a == 1 / 3", "print(repr(a), b)"]
    ),
    "missing texts in a frame": Trap(
        [
            PD + "\ndf = pd.DataFrame({'b': ['x', float('nan'), 'z']})",
            MARK + "out = df.assign(c=df['b'].astype(str))",
            "print(out.to_csv())",
        ]
    ),
    "categories, time zones and an index": Trap(
        [
            PD + "\ndf = pd.DataFrame({'c': pd.Categorical(['u', 'v'], ['v', 'u', 'w']), "
            "'t': pd.date_range('2024', periods=2, tz='Asia/Tokyo')}, index=['p', 'q'])",
            MARK + "out = df.sort_values('c')\ncodes = df['c'].cat.codes.tolist()",
            "print(out.to_csv(), codes, out.dtypes)",
        ]
    ),
    "an empty frame": Trap([FRAME, MARK + "out = df[df['a'] > 99]", "print(out, out.dtypes)"]),
    "columns of two levels": Trap(
        [FRAME, MARK + "out = df.groupby('b').agg({'a': ['min', 'max']})", "print(out)"]
    ),
    "a constant that changes through a view": Trap(
        [NP + "\nx = np.arange(4.0)", MARK + "v = x[:2]\nv += 10\ny = x.sum()", "print(y)"],
        "changes `x`, a constant of a cell above",
    ),
    "a view that is not read later": Trap(
        [NP + "\nx = np.ones(4)", MARK + "v = x[:2]\nv += 10\ny = x.sum()", "print(y)"]
    ),
    "one object by two names": Trap([MARK + "a = [1]\nb = a", "b.append(2)\nprint(a, b)"]),
    "names after the arrow": Trap(["#| step: s -> b, a\na = 1\nb = 2\nc = 3", "print(a, b)"]),
    "a name beside those after the arrow": Trap(["#| step: s -> a\na = 1\nb = 2", "print(a, b)"]),
    "default arguments": Trap(
        [
            "def f(v, seen=[]):\n    seen.append(v)\n    return len(seen)",
            MARK + "a = [f(1), f(2)]",
            "print(a)",
        ],
        "comes out differently each time",
    ),
    "a model": Trap(
        [
            "from sklearn.linear_model import LogisticRegression\nX = [[0.0], [1.0], [2.0]]\n"
            "y = [0, 0, 1]\nX.append([3.0]); y.append(1)",
            MARK + "model = LogisticRegression()\nmodel.fit(X, y)",
            "print(model.predict_proba(X).round(6))",
        ]
    ),
    "a setting of the environment that the step makes itself": Trap(
        ["x = [0.123456789]", MARK + "a = [round(v, 3) for v in x]", "print(a)"]
    ),
    "a cell amid the step that sets what it would set below it": Trap(
        [MARK + "a = [1]\nb = 1", "n = len(a) * 10", MARK + "a = [b + 1]", "print(a, n)"]
    ),
    "a cell amid the step that sets something else below it": Trap(
        [MARK + "a = 1", "n = a * 10", MARK + "a = a + 1", "print(a, n)"],
        "a cell amid the step sets it",
    ),
    "a series": Trap([FRAME, MARK + "y = df['a'] * 2\nm = y.max()", "print(y, m, y.name)"]),
    "a parameter": Trap(["x = [len('abc')]", MARK + "a = x[0] * 2", "print(a)"]),
    "a limit in the text of a query": Trap(
        [
            FRAME + "\nk = 0.5",
            MARK + "k = df['a'].mean()\nm = k + 1",
            "print(df.query('a > @k'), m)",
        ]
    ),
    "a query of the step itself": Trap(
        [FRAME + "\nk = len('ab') / 2", MARK + "out = df.query('a > @k')", "print(out)"]
    ),
    "a name in a text that is evaluated later": Trap(
        ["k = 1", MARK + "k = len('abc')\nm = k + 1", "print(eval('k + 1'), m)"]
    ),
    "a name out of the dictionary of all names": Trap(
        ["k = 1", MARK + "k = len('abc')\nm = k + 1", "print(globals()['k'], m)"]
    ),
    "a function without a name that reads what the step sets": Trap(
        ["k = 1\nf = {'f': lambda v: v * k}", MARK + "k = 10\nm = k + 1", "print(f['f'](2), m)"]
    ),
    # What only the run shows
    "a constant that is handed on": Trap(
        ["C = ['a', 'b']", MARK + "cols = C\nn = len(C)", "cols.append('z')\nprint(C, cols, n)"],
        "are one object",
    ),
    "a constant within a result": Trap(
        ["D = {'depth': 3}", MARK + "c = {'tree': D}", "D['depth'] = 9\nprint(c)"],
        "are one object",
    ),
    "a view of a constant": Trap(
        [NP + "\ngrid = np.arange(6)", MARK + "v = grid[:3]", "v += 10\nprint(grid, v)"],
        "are one object",
    ),
    "a copy of a constant": Trap(
        ["C = ['a', 'b']", MARK + "cols = list(C)", "cols.append('z')\nprint(C, cols)"]
    ),
    "a class that counts in the step": Trap(
        [
            "class C:\n    n = 0\n    @classmethod\n    def up(cls, v):\n        cls.n += 1\n"
            "        return v * 2",
            MARK + "a = C.up(1)",
            "print(a, C.n)",
        ],
        "changes the state of `C`",
    ),
    "a function that counts its calls": Trap(
        [
            "def f(v):\n    f.calls = getattr(f, 'calls', 0) + 1\n    return v * 2",
            MARK + "a = f(1)",
            "print(a, f.calls)",
        ],
        "changes the state of `f`",
    ),
    "default arguments that remember": Trap(
        [
            "def f(v, seen={}):\n    seen[v] = v\n    return v * 2",
            MARK + "a = f(1)",
            "def size():\n    return len(f.__defaults__[0])\nprint(a, size())",
        ],
        "changes the state of `f`",
    ),
    "an alias of an input": Trap(
        ["x = [len('ab')]\nother = x", MARK + "x.append(1)", "print(x, other)"],
        "changes `other` in place",
    ),
    "a view of an input is read later": Trap(
        [NP + "\nx = np.arange(4.0)\nv = x[:2]", MARK + "x *= 2\ny = x.sum()", "print(y, v, x)"],
        "changes `v` in place",
    ),
    "the state of a class": Trap(
        [
            "class Counter:\n    n = 0\n    @classmethod\n    def up(cls):\n        cls.n += 1\n"
            "        return cls.n",
            "Counter.up()",
            MARK + "a = Counter.up()",
            "print(a)",
        ],
        "`Counter` is not what its cell set",
    ),
    "a generator as input": Trap(
        ["g = (i for i in range(5))", MARK + "a = next(g)", "print(a)"], "used up as it is read"
    ),
    "an iterator as input": Trap(
        ["g = iter([1, 2, 3])", MARK + "a = list(g)", "print(a)"], "used up as it is read"
    ),
    "random numbers seeded above": Trap(
        ["import random\nrandom.seed(1)", MARK + "a = random.random()", "print(a)"],
        "random numbers without a seed",
    ),
    "numpy's numbers seeded above": Trap(
        [NP + "\nnp.random.seed(1)", MARK + "a = np.random.rand(2)", "print(a)"],
        "random numbers without a seed",
    ),
    "a shuffle seeded above": Trap(
        [
            "import random\nrandom.seed(1)\nx = list(range(9))",
            MARK + "random.shuffle(x)",
            "print(x)",
        ],
        "random numbers without a seed",
    ),
    "a model with a seed": Trap(
        [
            IRIS,
            MARK + "from sklearn.tree import DecisionTreeClassifier\n"
            "tree = DecisionTreeClassifier(random_state=3)\ntree.fit(a, c)",
            "print(tree.score(b, d))",
        ],
    ),
    "an unseeded generator": Trap(
        [NP, MARK + "a = np.random.default_rng().random()", "print(a)"], "differently each time"
    ),
    "the clock as a number": Trap(
        ["import time", MARK + "a = int(time.time() // 86400)", "print(a)"],
        "differently each time",
    ),
    "a random name": Trap(
        ["import uuid", MARK + "a = str(uuid.uuid4())", "print(a)"], "differently each time"
    ),
    "the address of an object": Trap(
        ["class A:\n    pass", MARK + "a = str(A())\nb = hash(object())", "print(a, b)"],
        "differently",
    ),
    "the order of a set": Trap(
        ["w = 'bb aa cc dd ee ff'.split()", MARK + "a = list(set(w))", "print(len(a))"],
        "the script makes something else",
    ),
    "the hash of a text": Trap(
        ["w = 'bb'", MARK + "a = hash(w) % 1000003", "print(a)"], "the script makes something else"
    ),
    "the folder it works in": Trap(
        ["import os", MARK + "a = os.path.abspath('x')", "print(a)"], "differently each time"
    ),
    "a setting of a module": Trap(
        [
            "import decimal\nctx = 1",
            "decimal.getcontext().prec = 3",
            MARK + "a = decimal.Decimal(1) / decimal.Decimal(7)",
            "print(a)",
        ],
        "outside of the step",
    ),
    "a setting by a call": Trap(
        [
            NP + "\nimport decimal",
            "decimal.setcontext(decimal.Context(prec=3))",
            MARK + "a = str(decimal.Decimal(1) / decimal.Decimal(7))",
            "print(a)",
        ],
        "the script makes something else",
    ),
    "a constant that a function has changed": Trap(
        ["C = [1]\ndef more(l):\n    l.append(2)", "more(C)", MARK + "a = sum(C)", "print(a)"],
        "`C` is not what its cell set",
    ),
    "a function that was replaced": Trap(
        [
            "def f():\n    return 1",
            "globals()['f'] = lambda: 2",
            MARK + "a = f()",
            "print(a)",
        ],
        "`f` is not what its cell set",
    ),
    "an attribute of a class that was set afterwards": Trap(
        [
            "class C:\n    k = 1\ndef tune(c):\n    c.k = 2",
            "tune(C)",
            MARK + "a = 1 if C.k < 9 else 0",
            "print(a)",
        ],
        "`C` is not what its cell set",
    ),
    "default arguments that calls have filled": Trap(
        [
            "def f(v, seen=[]):\n    seen.append(v)\n    return v",
            "f(0)",
            MARK + "a = f(1)",
            "print(a)",
        ],
        "`f` is not what its cell set",
    ),
    "a class with methods, properties and constants": Trap(
        [
            "import dataclasses\n@dataclasses.dataclass\nclass P:\n    n: int\n    k = [1]\n"
            "    @property\n    def twice(self):\n        return self.n * 2\n"
            "    @staticmethod\n    def one():\n        return 1",
            MARK + "a = P(3).twice + P.one()",
            "print(a)",
        ]
    ),
    "a conditional definition": Trap(
        [
            "flag = bool(len('a'))",
            "if flag:\n    def f():\n        return 1\nelse:\n    def f():\n        return 2",
            MARK + "a = f()",
            "print(a)",
        ]
    ),
    "a function of the notebook in a result": Trap(
        ["def f(x):\n    return x", MARK + "a = [f]", "print(a[0](1))"], "of the notebook"
    ),
    "an object of a class of the notebook": Trap(
        ["class A:\n    n = 1", MARK + "a = A()", "print(a.n)"], "of the notebook"
    ),
    "a lambda in a result": Trap(
        [MARK + "a = {'f': lambda x: x}", "print(a['f'](1))"], "which no file holds"
    ),
    "a connection as input": Trap(
        [
            "import sqlite3\nc = sqlite3.connect(':memory:')",
            MARK + "a = c.execute('select 1').fetchall()",
            "print(a)",
        ],
        "which no file holds",
    ),
    "an open file as input": Trap(
        ["f = open('a.txt')", MARK + "a = f.read()", "print(a)"],
        "which",
        {"a.txt": "x"},
    ),
    "an undeclared file": Trap(
        [
            "names = ['q' + 'a']",
            MARK + "for n in names:\n    with open(n + '.log', 'w') as f:\n        f.write('x')\n"
            "a = 1",
            "print(a)",
        ],
        "put together",
    ),
    "a hidden file": Trap(
        [
            "import pathlib\ndef load(n):\n    return pathlib.Path(n + '.txt').read_text()",
            MARK + "a = load('a')",
            "print(a)",
        ],
        "FileNotFoundError",
        {"a.txt": "x"},
    ),
    "a cell above that fails": Trap(
        ["x = 1 / 0", MARK + "a = x", "print(a)"], "cell 1, line 1: this cell fails in this kernel"
    ),
    "the step fails": Trap(
        ["x = {}", MARK + "a = x['b']", "print(a)"],
        "the step's cell fails in this kernel: KeyError",
    ),
    "a file that another cell would write": Trap(
        [MARK + "a = open('a.txt').read()", "print(a)"], "other cells write the file"
    ),
    "a name that is another program's": Trap(
        ["x = [1]", MARK + "args = x", "print(args)"], "the script needs the name `args`"
    ),
}


@pytest.mark.parametrize("name", STATIC)
def test_a_trap_that_the_code_shows_is_refused_with_its_reason(name: str, tmp_path: Path) -> None:
    trap = STATIC[name]
    reasons = static_reasons(project(tmp_path, trap.cells, trap.files))
    assert trap.reason in reasons


@pytest.fixture(scope="module")
def shared() -> Iterator[SharedKernel]:
    kernel = SharedKernel()
    yield kernel
    kernel.end()


@pytest.fixture
def one_kernel(shared: SharedKernel, monkeypatch: pytest.MonkeyPatch) -> None:
    """No kernel starts anew, and the script's own test is not run a second time by pytest."""
    monkeypatch.setattr(recording, "kernel", shared.kernel)
    monkeypatch.setattr(replaying, "kernel", shared.kernel)

    def no_remark(*arguments: Any) -> Iterator[str]:
        return iter(())

    monkeypatch.setattr(promotion, "_test_remark", no_remark)


def _each_run(names: Sequence[str]) -> list[Any]:
    """Every third in each run of the tests; `make storm` runs all of them."""
    return [
        pytest.param(name, marks=() if at % 3 == 0 else pytest.mark.storm)
        for at, name in enumerate(names)
    ]


@pytest.mark.jobs
@pytest.mark.parametrize("name", _each_run(list(DYNAMIC)))
def test_a_trap_is_promoted_with_equal_outputs_or_refused_with_its_reason(
    name: str, tmp_path: Path, one_kernel: None
) -> None:
    trap = DYNAMIC[name]
    request = project(tmp_path, trap.cells, trap.files)
    promoted, reasons = outcome(request)
    if promoted is None:
        assert trap.reason
        assert trap.reason in reasons
        return
    before, after = printed_before_and_after(request, promoted)
    assert after == before
    assert trap.reason == PROMOTED


ABOVE_TOO = [
    "rows = [3, 1, 2]\nscaled = [v / 10 for v in rows]",
    "first = max(scaled)",
    MARK + "scaled = [v / 2 for v in rows]\nrow = (v for v in rows)\nbest = max(scaled)",
    "print(best)",
]


@pytest.mark.jobs
def test_a_name_from_above_that_the_step_sets_anew_has_the_new_value_after_the_call(
    tmp_path: Path, one_kernel: None
) -> None:
    request = project(tmp_path, ["row = 1", *ABOVE_TOO])
    promoted, reasons = outcome(request)
    assert promoted is not None, reasons
    assert list(promoted.record.outputs) == ["best", "scaled"]
    assert any("`row`: the notebook goes on" in remark for remark in promoted.remarks)
    write(promoted)
    text = request.notebook.read_text(encoding="utf-8")
    request.notebook.write_text(text.replace("print(best)", "print(best, scaled)"))
    assert printed(request.notebook, hash_seed="1") == "1.5 [1.5, 0.5, 1.0]\n"


def test_a_name_that_the_arrow_does_not_name_is_said_to_keep_its_value(tmp_path: Path) -> None:
    marked = [source.replace("step: s", "step: s -> best") for source in ABOVE_TOO]
    request = project(tmp_path, marked)
    plan = plan_step(cells.load(request.notebook), "s")
    assert plan.outputs == ("best",)
    assert any("`scaled`: the notebook goes on" in remark for remark in plan.remarks)
