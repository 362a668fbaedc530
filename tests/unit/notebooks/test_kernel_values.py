"""What the kernel sees of a value: its kind, whether a file gives it back, and every difference."""

from __future__ import annotations

import ast
import datetime
import decimal
import math
import os
import zoneinfo
from collections import Counter, OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import Bunch

import ratchet.notebooks.kernel
from ratchet.notebooks.kernel import forms
from ratchet.notebooks.kernel.difference import difference
from ratchet.notebooks.kernel.digest import digest
from ratchet.notebooks.kernel.kinds import kind, notebook_names
from ratchet.notebooks.kernel.sample import copy_first_rows, first_rows

NAN = float("nan")
DAYS = pd.date_range("2024-01-01", periods=3, tz="Europe/Berlin")


def frame(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame(columns)


FRAMES = {
    "numbers": frame(a=[1, 2, 3], b=[1.5, NAN, -0.0]),
    "small numbers": frame(a=np.array([1, 2], "int8"), b=np.array([1, 2], "float32")),
    "texts": frame(a=["x", "y", ""]),
    "missing texts as NaN": frame(a=["x", NAN, "z"], b=[1, 2, 3]),
    "missing texts as None": frame(a=["x", None, "z"]),
    "mixed column": frame(a=["x", 1, 2.5]),
    "bool and int among objects": frame(a=pd.Series([True, 1, 0], dtype=object)),
    "lists": frame(a=[[1, 2], [3], []]),
    "categories": frame(a=pd.Categorical(["b", "a", "b"], categories=["b", "a", "c"])),
    "ordered categories": frame(a=pd.Categorical(["b", "a"], ["b", "a"], ordered=True)),
    "time zone": frame(a=DAYS, b=[1, 2, 3]),
    "times with NaT": frame(a=pd.Series(np.array(["2024", "NaT"], "M8[ns]"))),
    "durations": frame(a=pd.to_timedelta(["1 day", None])),
    "nullable": frame(a=pd.array([1, None], "Int64"), b=pd.array([True, None], "boolean")),
    "string dtype": frame(a=pd.array(["x", None], "string")),
    "periods": frame(a=pd.period_range("2024-01", periods=2, freq="M")),
    "columns that are numbers": pd.DataFrame([[1, 2], [3, 4]]),
    "two columns of one name": pd.DataFrame([[1, 2]], columns=["a", "a"]),
    "columns of two levels": pd.DataFrame(
        [[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")])
    ),
    "named columns": pd.DataFrame([[1, 2]], columns=pd.Index(["a", "b"], name="what")),
    "index of texts": frame(a=[1, 2]).set_axis(["x", "y"]),
    "index of two levels": frame(a=[1, 2], b=[3, 4], c=[5, 6]).set_index(["a", "b"]),
    "index with a frequency": frame(a=[1, 2, 3]).set_axis(pd.date_range("2024", periods=3)),
    "index with gaps": frame(a=[1, 2, 3]).iloc[[2, 0]],
    "empty": frame(a=pd.Series([], dtype="float64"), b=pd.Series([], dtype=object)),
    "nothing at all": pd.DataFrame(),
}
MODEL = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
VALUES: dict[str, Any] = {
    "none": None,
    "bool": True,
    "int": 10**30,
    "float": 0.1,
    "NaN": NAN,
    "infinity": math.inf,
    "text": "ä\ud800\n",
    "numpy float": np.float64(0.1),
    "numpy small int": np.int8(3),
    "numpy time": np.datetime64("2024-01-01"),
    "list": [1, [2.5, None], "x"],
    "dict": {"a": [1], "b": {"c": True}},
    "dict with numbers as keys": {1: 2},
    "tuple": (1, 2),
    "set": {1, "a"},
    "frozenset": frozenset({1}),
    "bytes": b"x",
    "counter": Counter("aab"),
    "ordered": OrderedDict(b=1, a=2),
    "date": datetime.date(2024, 1, 1),
    "time with zone": datetime.datetime(2024, 1, 1, tzinfo=zoneinfo.ZoneInfo("Asia/Tokyo")),
    "decimal": decimal.Decimal("1.10"),
    "timestamp": pd.Timestamp("2024-01-01", tz="UTC"),
    "series": pd.Series([1.0, NAN], name="a", index=["x", "y"]),
    "series of objects": pd.Series([1, "x", None]),
    "index": pd.Index([1, 2], name="i"),
    "array": np.array([[1.0, NAN], [2.0, 3.0]]),
    "array of objects": np.array([1, "x", None], dtype=object),
    "array of texts": np.array(["x", "yy"]),
    "array of complex": np.array([1 + 2j]),
    "structured array": np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    "array without axes": np.array(3.0),
    "csr": sparse.csr_matrix([[0, 1.5], [0, 0]]),
    "csc": sparse.csc_matrix([[0, 1.5], [0, 0]]),
    "lil": sparse.lil_matrix((2, 2)),
    "masked array": np.ma.masked_array([1.5, 2.5], [True, False]),
    "masked array of objects": np.ma.masked_array([1, 10], False, dtype=object),
    "dictionary with attributes": Bunch(a=np.array([1]), b="x"),
    "model": MODEL,
    "pipeline": make_pipeline(StandardScaler(), LinearRegression()).fit([[0.0], [1.0]], [0, 1]),
    **FRAMES,
}


@pytest.mark.parametrize("name", VALUES)
def test_a_file_gives_a_value_back_exactly(name: str, tmp_path: Path) -> None:
    value = VALUES[name]
    how = forms.form(value)
    assert how
    forms.save(value, str(tmp_path / "value"), how)
    assert difference(forms.load(str(tmp_path / "value"), how), value, exact=True) == ""


@pytest.mark.parametrize("name", VALUES)
def test_a_value_equals_no_other_value(name: str) -> None:
    equal = [other for other in VALUES if not difference(VALUES[other], VALUES[name])]
    assert equal == [name]


@pytest.mark.parametrize("name", VALUES)
def test_a_value_has_a_digest_and_keeps_it(name: str) -> None:
    value = VALUES[name]
    assert digest(value) is not None
    assert digest(value) == digest(value)


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("numbers", "parquet"),
        ("texts", "parquet"),
        ("time zone", "parquet"),
        ("categories", "parquet"),
        ("missing texts as None", "parquet"),
        ("missing texts as NaN", "parquet with NaN"),
        ("mixed column", "pickle"),
        ("lists", "pickle"),
        ("columns that are numbers", "pickle"),
        ("index with a frequency", "pickle"),
        ("series", "series"),
        ("series of objects", "pickle"),
        ("array", "npy"),
        ("array of objects", "pickle"),
        ("numpy float", "numpy scalar"),
        ("csc", "npz"),
        ("float", "json"),
        ("NaN", "json"),
        ("dict", "json"),
        ("tuple", "pickle"),
        ("model", "pickle"),
    ],
)
def test_a_value_is_stored_readably_where_that_gives_it_back(name: str, how: str) -> None:
    assert forms.form(VALUES[name]) == how


CHANGES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "another value": lambda f: f.assign(a=[1, 2, 4]),
    "a rounded value": lambda f: f.assign(b=f["b"].round(3)),
    "another dtype": lambda f: f.astype({"a": "int32"}),
    "a column more": lambda f: f.assign(e=1),
    "a column less": lambda f: f.drop(columns="a"),
    "another order of columns": lambda f: f[["b", "a", "c", "d"]],
    "another name": lambda f: f.rename(columns={"a": "A"}),
    "another order of rows": lambda f: f.iloc[::-1],
    "a row less": lambda f: f.iloc[:2],
    "a row twice": lambda f: pd.concat([f, f.iloc[:1]]),
    "another index": lambda f: f.set_axis([5, 6, 7]),
    "a named index": lambda f: f.rename_axis("i"),
    "an index of another type": lambda f: f.set_axis(pd.Index([0, 1, 2])),
    "NaN elsewhere": lambda f: f.assign(b=[NAN, 0.123456, 2.0]),
    "None for NaN": lambda f: f.assign(c=np.array(["x", None, "z"], object)),
    "a text for a number": lambda f: f.assign(c=["x", NAN, 1]),
    "categories in another order": lambda f: f.assign(d=f["d"].cat.reorder_categories(["v", "u"])),
    "a category more": lambda f: f.assign(d=f["d"].cat.add_categories(["w"])),
    "ordered categories": lambda f: f.assign(d=f["d"].cat.as_ordered()),
    "no categories": lambda f: f.assign(d=f["d"].astype(str)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_a_frame_is_seen(change: str) -> None:
    rows = frame(
        a=[1, 2, 3], b=[NAN, 0.123456, 1.0], c=["x", NAN, "z"], d=pd.Categorical(["u", "v", "u"])
    )
    assert difference(rows, rows.copy()) == ""
    other = CHANGES[change](rows)
    assert difference(other, rows) != ""
    assert difference(rows, other) != ""
    assert digest(other) != digest(rows) or change == "an index of another type"


@pytest.mark.parametrize(
    ("got", "want"),
    [
        (1, 1.0),
        (True, 1),
        (0.1, 0.1000001),
        (NAN, None),
        (0.0, 1e-300),
        ([1, 2], (1, 2)),
        ([1, 2], [2, 1]),
        ([(1,), 2], [(1,), 2, 3]),
        ({(1,): 5}, {(2,): 5}),
        ([[1], 2], [[1.0], 2]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({1}, {1.0}),
        ({NAN}, {1}),
        (decimal.Decimal("1.0"), decimal.Decimal("1.00")),
        (datetime.datetime(2024, 1, 1), datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)),
        (pd.Timestamp("2024"), pd.Timestamp("2024", tz="UTC")),
        (np.array([1]), np.array([1.0])),
        (np.array([1.0]), np.array([[1.0]])),
        (np.array([1.0, NAN]), np.array([NAN, 1.0])),
        (np.array([1e-9]), np.array([1.1e-9])),
        (np.array([math.inf]), np.array([-math.inf])),
        (np.array([1, None], object), np.array([1, NAN], object)),
        (np.array(["NaT"], "M8[D]"), np.array(["2024"], "M8[D]")),
        (sparse.csr_matrix([[0, 1]]), sparse.csr_matrix([[1, 0]])),
        (sparse.csr_matrix([[0, 1]]), sparse.csr_matrix([[0, 2]])),
        (pd.Series([1], name="a"), pd.Series([1], name="b")),
        (np.ma.masked_array([1, 2], [True, False]), np.ma.masked_array([1, 2], [False, True])),
        (np.ma.masked_array([1, 2], [True, False]), np.ma.masked_array([9, 2], [True, False])),
        (np.ma.masked_array([1, 2]), np.ma.masked_array([1, 2], fill_value=7)),
        (np.ma.masked_array([1, 2]), np.ma.masked_array([1, 2], hard_mask=True)),
        (Bunch(a=1), Bunch(a=2)),
        (Bunch(a=1), {"a": 1}),
        (LogisticRegression(C=1), LogisticRegression(C=2)),
        (MODEL, LogisticRegression()),
        (MODEL, LogisticRegression().fit([[0.0], [3.0]], [0, 1])),
    ],
)
def test_values_that_look_alike_differ(got: Any, want: Any) -> None:
    rows = np.array([[0.4], [0.6]])
    assert difference(got, want, {"X": rows}) != ""
    assert difference(want, got, {"X": rows}) != ""


@pytest.mark.parametrize(
    ("got", "want"),
    [
        (0.1 + 0.2, 0.3),
        (np.array([0.1 + 0.2]), np.array([0.3])),
        (frame(a=[0.1 + 0.2]), frame(a=[0.3])),
        ({NAN, 1}, {float("nan"), 1}),
        (decimal.Decimal("NaN"), decimal.Decimal("NaN")),
        (sparse.csr_matrix([[0, 0.3]]), sparse.csr_matrix([[0, 0.1 + 0.2]])),
    ],
)
def test_rounding_is_no_difference(got: Any, want: Any) -> None:
    assert difference(got, want) == ""


class Forgetful:
    """A pickle keeps its state, and reading it leaves that out."""

    def __init__(self) -> None:
        self.state = 1

    def __setstate__(self, state: Any) -> None:
        pass


def test_a_value_that_no_file_gives_back_as_it_was_has_no_form() -> None:
    assert forms.form(Forgetful()) == ""


class Opaque:
    """Its state is a function, which nothing can compare."""

    def __init__(self) -> None:
        self.act = lambda: 1


@pytest.mark.parametrize("make", [Opaque, lambda: math.sin, lambda: iter([1]), object])
def test_what_cannot_be_judged_is_never_equal(make: Any) -> None:
    assert "compare" in difference(make(), make()) or make is object


def test_models_are_compared_by_their_answers_when_their_states_differ() -> None:
    rows = np.random.default_rng(0).normal(size=(60, 3))
    y = (rows[:, 0] > 0).astype(int)

    def forest(state: int) -> Any:
        return RandomForestClassifier(8, random_state=state).fit(rows, y)

    first, other = forest(1), forest(2)
    other.random_state = first.random_state
    assert difference(forest(1), first, {"X": rows}) == ""
    assert "predict_proba(X)" in difference(other, first, {"X": rows})
    first.noted = "an attribute more"
    assert difference(forest(1), first, {"X": rows}) == ""
    assert "no recorded input" in difference(forest(1), first, {})


def test_models_of_other_parameters_differ_though_they_answer_the_same() -> None:
    rows = np.array([[0.0], [1.0]])
    first = LogisticRegression(verbose=0).fit(rows, [0, 1])
    other = LogisticRegression(verbose=0).fit(rows, [0, 1])
    other.verbose = 2
    assert "parameters" in difference(other, first, {"X": rows})


def test_a_number_that_a_file_rounds_does_not_come_back() -> None:
    assert difference(0.1 + 0.2, 0.3, exact=True) != ""
    assert difference(frame(a=[0.1 + 0.2]), frame(a=[0.3]), exact=True) != ""


def test_kinds_tell_what_no_file_holds() -> None:
    assert kind(iter([1])) == kind(x for x in [1]) == kind(map(str, [1])) == "iterator"
    assert kind(math) == kind(len) == kind(Opaque) == kind(np.add) == "code"
    assert kind(Opaque()) == "unpicklable"
    assert kind(pd.DataFrame({"a": [1]}).groupby("a")) in ("object", "unpicklable")


def test_a_pickle_tells_which_names_of_the_notebook_it_needs(monkeypatch: Any) -> None:
    import __main__

    def scaled(x: int) -> int:
        return x

    scaled.__module__, scaled.__qualname__ = "__main__", "scaled"
    monkeypatch.setattr(__main__, "scaled", scaled, raising=False)
    assert notebook_names([scaled, "__main__", "other", scaled]) == ["scaled"]
    assert notebook_names(["__main__", "scaled", scaled]) == ["scaled"]
    assert notebook_names(["__main__", "scaled"]) == []


def test_the_first_rows_of_tables_stay_together() -> None:
    rows, y = frame(a=range(10)), list(range(10))
    cut = first_rows({"X": rows, "y": y, "names": list("abcdefghijklm"), "n": 5}, 4)
    assert cut["X"].shape == (4, 1)
    assert cut["y"] == [0, 1, 2, 3]
    assert len(cut["names"]) == 13
    assert cut["n"] == 5


def test_a_row_of_a_file_is_not_cut_within_quotes(tmp_path: Path) -> None:
    source, target = tmp_path / "a.csv", tmp_path / "b" / "a.csv"
    source.write_text('id,text\n1,"two\nlines"\n2,x\n3,y\n')
    copy_first_rows(str(source), str(target), 2)
    assert target.read_text() == 'id,text\n1,"two\nlines"\n2,x\n'


FOLDER = Path(str(ratchet.notebooks.kernel.__file__)).parent


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.name)
def test_what_runs_in_a_kernel_is_for_old_pythons_and_needs_the_standard_library(
    path: Path,
) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 8))
    top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    for node in top:
        names = (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""] * (node.level == 0)
        )
        assert not {name.split(".")[0] for name in names} - (
            set(os.sys.stdlib_module_names) | {"__future__"}  # type: ignore[attr-defined]
        )
    assert not tree.body[1:] or "from __future__ import annotations" in path.read_text()
